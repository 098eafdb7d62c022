"""Results of `vllm bench serve`, `throughput` and `latency`, and of `vllm bench sweep`.

`serve`: TPOT is (E2E - TTFT) / (tokens - 1), ITL are gaps between chunks pooled: as ours. TTFT
counts from the send, so a queue in the client before it is not in it: it means the same as ours
only where all requests are sent as soon as a place is free. E2E likewise.

A sweep writes each run (run=N.json), all runs of a setting (summary.json), a warm-up and what
failed: the summary is read, the others beside it are not.
"""

import math
from typing import Any

from harness.errors import FactError
from harness.imports.found import (
    Found,
    Json,
    Source,
    failures,
    figure,
    given,
    load_level,
    needed,
    number,
    percentile,
    seconds,
    shape,
)
from harness.records.imported import Imported, ImportedFigure

FORMAT = "vllm-bench"
_SERVE = {"total_output_tokens", "output_throughput", "completed", "duration"}
_THROUGHPUT = {"elapsed_time", "num_requests", "total_num_tokens", "tokens_per_second"}
_LATENCY = {"avg_latency", "latencies", "percentiles"}
SIGNS = ", or ".join(", ".join(sorted(keys)) for keys in (_SERVE, _THROUGHPUT, _LATENCY))
_WARM_UP = -1
_FROM_SEND = "not measured: the source counts from the send, which leaves out the client's queue"


def fits(data: Any) -> bool:
    """Whether this is a result of one of the commands, or a list of them as a sweep writes."""
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and any(
        keys <= first.keys() for keys in (_SERVE, _THROUGHPUT, _LATENCY)
    )


def read(source: Source) -> list[Found]:
    """One measurement per result; none in what a sweep's summary holds, or leaves out."""
    data = source.json()
    if _left_out(source, data):
        return []
    results = data if isinstance(data, list) else [data]
    if not results or not all(fits(each) for each in results):
        raise FactError(f"{source.path}: no result of vllm bench: {SIGNS} needed")
    found = []
    for place, each in enumerate(results):
        where = f"{source.path}{f'[{place}]' if isinstance(data, list) else ''}"
        if each.keys() >= _SERVE:
            found.append(_serve(each, where, place))
        elif each.keys() >= _THROUGHPUT:
            found.append(_throughput(each, where))
        else:
            found.append(_latency(each, where))
    return found


def _left_out(source: Source, data: Any) -> bool:
    """A warm-up, a failure, or a run that stands in the summary beside it."""
    if not isinstance(data, dict):
        return False
    if source.name.endswith("failure.json") or data.get("run_number") == _WARM_UP:
        return True
    return "run_number" in data and (source.path.parent / "summary.json").exists()


def _serve(data: Json, where: str, place: int) -> Found:
    done = int(needed(data, "completed", where))
    rate = data.get("request_rate")
    at_once = rate in (None, "inf") or (isinstance(rate, float) and math.isinf(rate))
    ramp = data.get("ramp_up_strategy")
    if ramp is not None:
        raise FactError(f"{where}: ramp_up_strategy {ramp}: the rate changed while it was measured")
    rate_rps = None if at_once else needed(data, "request_rate", where)
    concurrency = number(data, "max_concurrency", where, positive=True)
    total_input = number(data, "total_input_tokens", where)
    total_output = needed(data, "total_output_tokens", where)
    figures: dict[str, ImportedFigure | None] = {
        "output_tok_per_s": figure(needed(data, "output_throughput", where)),
    }
    missing: dict[str, str] = {}
    for name, of_ours in (("ttft", at_once), ("tpot", True), ("itl", True), ("e2el", at_once)):
        column = "e2e" if name == "e2el" else name
        for share, key in ((0.5, f"median_{name}_ms"), (0.99, f"p99_{name}_ms")):
            ours = f"{column}_p{share * 100:g}_s"
            value = seconds(number(data, key, where), key, where)
            n = _gaps(data) if name == "itl" else done
            found, reason = percentile(value, share, n, key)
            figures[ours] = found if of_ours else None
            if reason or not of_ours:
                missing[ours] = reason if of_ours and reason else _FROM_SEND
    total = number(data, "total_token_throughput", where)
    failed = number(data, "failed", where) or 0
    return Found(
        model=data.get("model_id"),
        workload=shape(None if total_input is None else total_input / done, total_output / done),
        gpu=None,
        imported=Imported(
            level=load_level(concurrency, rate_rps),
            concurrency=concurrency,
            rate_rps=rate_rps,
            figures=given(figures),
            input_tokens_mean=None if total_input is None else total_input / done,
            output_tokens_mean=total_output / done,
            total_tok_per_s=total,
            missing=missing,
            own={
                key: value
                for key, value in data.items()
                if isinstance(value, int | float) and key.endswith(("_ms", "_throughput"))
            },
            conditions=(
                f"{done} requests answered, {failed:g} failed",
                "throughput over the whole run, ramp and drain included",
            ),
            void=failures(failed, done),
        ),
        tool="vllm bench serve",
        tool_version=str(data.get("vllm_version") or "unknown"),
        engine=None,
        measured_on=_day(data.get("date")),
        details={"rate": str(rate), "date": str(data.get("date")), "place": str(place)},
    )


def _throughput(data: Json, where: str) -> Found:
    requests = int(needed(data, "num_requests", where))
    total = needed(data, "tokens_per_second", where)
    return Found(
        model=data.get("model_id"),
        workload=f"offline-{requests}",
        gpu=None,
        imported=Imported(
            level="offline, all at once",
            figures={},
            missing={"output_tok_per_s": "not measured: the source has no server"},
            own={
                "tokens_per_second": total,
                "requests_per_second": needed(data, "requests_per_second", where),
            },
            conditions=(f"{requests} requests in one batch inside the engine, no server",),
        ),
        tool="vllm bench throughput",
        tool_version="unknown",
        engine="vllm",
        details={"requests": str(requests)},
    )


def _latency(data: Json, where: str) -> Found:
    runs = data["latencies"]
    if not isinstance(runs, list) or not runs:
        raise FactError(f"{where}: latencies: expected a list of seconds")
    return Found(
        model=data.get("model_id"),
        workload="one-batch",
        gpu=None,
        imported=Imported(
            level="one batch",
            figures={},
            missing={"output_tok_per_s": "not measured: the source gives the time of a batch only"},
            own={"avg_latency_s": needed(data, "avg_latency", where), "runs": len(runs)},
            conditions=("time of one fixed batch inside the engine, no server",),
        ),
        tool="vllm bench latency",
        tool_version="unknown",
        engine="vllm",
        details={"runs": str(len(runs)), "mean": str(data["avg_latency"])},
    )


def _gaps(data: Json) -> int | None:
    """How many gaps the latencies between tokens are of: said only with --save-detailed."""
    gaps = data.get("itls")
    return sum(len(each) for each in gaps) if isinstance(gaps, list) else None


def _day(date: Any) -> str | None:
    """`20261126-120000` as an ISO day."""
    given_day = str(date or "")[:8]
    if len(given_day) != 8 or not given_day.isdigit():
        return None
    return f"{given_day[:4]}-{given_day[4:6]}-{given_day[6:]}"
