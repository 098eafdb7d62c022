"""Results of `vllm bench serve`, `throughput` and `latency`, and of `vllm bench sweep`.

`serve`: TPOT is (E2E - TTFT) / (tokens - 1), ITL are gaps between chunks pooled: as ours. TTFT
counts from the send, so a queue in the client before it is not in it: it means the same as ours
only where all requests are sent as soon as a place is free. E2E likewise. Through the chat endpoint
the chunks without a token (role, end) are gaps too; before 0.32 the last of them, with the usage,
also ended the request.

A sweep writes each run (run=N.json), all runs of a setting (summary.json), a warm-up and what
failed: the summary is read, the others beside it are not.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from harness.errors import FactError
from harness.imports.found import (
    FROM_SEND,
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
_SERVE = {
    "model_id", "tokenizer_id", "total_output_tokens", "output_throughput", "completed", "duration",
}  # fmt: skip
_NEWEST = (0, 32)
"""Whose definitions were read; a later minor is read too, and said."""
_THROUGHPUT = {"elapsed_time", "num_requests", "total_num_tokens", "tokens_per_second"}
_LATENCY = {"avg_latency", "latencies", "percentiles"}
SIGNS = ", or ".join(", ".join(sorted(keys)) for keys in (_SERVE, _THROUGHPUT, _LATENCY))
_WARM_UP = -1
_SETTING = ("model_id", "request_rate", "max_concurrency", "num_prompts", "burstiness")
_CHAT = "not measured: through the chat endpoint the source counts chunks without a token"
_CHAT_END = f"{_CHAT}, before vLLM 0.32 also at the request's end"


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
            runs = _runs(each, results, source)
            found.append(_serve(each, where, place, [*_which(place, results), *runs]))
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


def _which(place: int, results: Sequence[Json]) -> list[str]:
    return [f"result {place + 1} of {len(results)} in the file"] if len(results) > 1 else []


def _runs(data: Json, results: Sequence[Json], source: Source) -> list[str]:
    """Which run it is, as the sweep numbers them, where several are of one setting."""
    if data.get("run_number") is None:
        return []
    same = [each for each in results if all(each.get(k) == data.get(k) for k in _SETTING)]
    files = source.path.parent.glob("run=*.json*") if source.name.startswith("run=") else ()
    count = max(len(same), len(list(files)))
    return [f"run {data['run_number']}, one of {count} of one setting"] if count > 1 else []


def _serve(data: Json, where: str, place: int, conditions: Sequence[str]) -> Found:
    done = int(needed(data, "completed", where))
    version = _version(data, where)
    rate = data.get("request_rate")
    at_once = rate == "inf" or (isinstance(rate, float) and math.isinf(rate))
    ramp = data.get("ramp_up_strategy")
    if ramp is not None:
        raise FactError(f"{where}: ramp_up_strategy {ramp}: the rate changed while it was measured")
    rate_rps = None if at_once or rate is None else needed(data, "request_rate", where)
    concurrency = number(data, "max_concurrency", where, positive=True)
    total_input = number(data, "total_input_tokens", where)
    total_output = needed(data, "total_output_tokens", where)
    figures: dict[str, ImportedFigure | None] = {
        "output_tok_per_s": figure(needed(data, "output_throughput", where)),
    }
    missing: dict[str, str] = {}
    for name, why_not in _definitions(data, version, at_once=at_once):
        column = "e2e" if name == "e2el" else name
        for share, key in ((0.5, f"median_{name}_ms"), (0.99, f"p99_{name}_ms")):
            ours = f"{column}_p{share * 100:g}_s"
            value = seconds(number(data, key, where), key, where)
            n = _gaps(data) if name == "itl" else done
            found, reason = percentile(value, share, n, key)
            figures[ours] = None if why_not else found
            if why_not or reason:
                missing[ours] = why_not or reason or ""
    total = number(data, "total_token_throughput", where)
    failed = number(data, "failed", where) or 0
    return Found(
        model=data.get("model_id"),
        workload=shape(None if total_input is None else total_input / done, total_output / done),
        gpu=None,
        imported=Imported(
            level=load_level(concurrency, rate_rps)
            if at_once or rate_rps
            else _unsaid(concurrency),
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
                *conditions,
                *_newer(version),
            ),
            void=failures(failed, done),
        ),
        tool="vllm bench serve",
        tool_version="unknown" if version is None else str(data["vllm_version"]),
        engine=None,
        measured_on=_day(data.get("date")),
        details={"rate": str(rate), "date": str(data.get("date")), "place": str(place)},
    )


def _unsaid(most: float | None) -> str:
    """The load's name where the file gives no rate."""
    return "rate not given" + ("" if most is None else f", at most {most:g} in flight")


def _version(data: Json, where: str) -> tuple[int, int] | None:
    """Major and minor, where the file says them. Raises FactError for another than 0."""
    told = data.get("vllm_version")
    if told is None:
        return None
    parsed = re.match(r"v?(\d+)\.(\d+)", str(told))
    if parsed is None or int(parsed[1]) != _NEWEST[0]:
        raise FactError(f"{where}: vllm_version {told}: this harness reads vllm bench of vLLM 0")
    return int(parsed[1]), int(parsed[2])


def _newer(version: tuple[int, int] | None) -> list[str]:
    if version is None or version <= _NEWEST:
        return []
    return [f"a later vLLM than {'.'.join(map(str, _NEWEST))}, whose definitions were read"]


def _definitions(
    data: Json, version: tuple[int, int] | None, *, at_once: bool
) -> list[tuple[str, str]]:
    """Each latency with the reason why it is none of ours; empty: it is."""
    chat = "chat" in f"{data.get('endpoint_type')} {data.get('backend')}"
    end = _CHAT_END if chat and (version is None or version < _NEWEST) else ""
    send = "" if at_once else FROM_SEND
    return [
        ("ttft", send or end), ("tpot", end), ("itl", _CHAT if chat else ""), ("e2el", send or end),
    ]  # fmt: skip


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
