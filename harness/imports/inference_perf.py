"""inference-perf reports (summary_ and stage_N_lifecycle_metrics.json).

A stage is one load; the summary of a run mixes its stages and is read where no stage lies beside
it. Tokens are counted by the client's tokenizer unless told otherwise, and by the server beside it
(since 2026): throughput is taken from the server's count, as ours. TPOT divides by the client's
count, so it is ours only where the two agree. ITL holds a gap of 0 for each further token of a
chunk, TTFT and E2E count from the send, which may have been late: kept under their own names.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import (
    MOST_S,
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
    shape,
)
from harness.records.imported import Imported, ImportedFigure

FORMAT = "inference-perf"
SIGNS = "load_summary and successes"
_TPOT = "time_per_output_token"
_OWN = {
    "ttft": ("time_to_first_token", "the source counts from the send, which may have been late"),
    "e2e": ("request_latency", "the source counts from the send, which may have been late"),
    "itl": ("inter_token_latency", "the source counts further tokens of a chunk as gaps of 0"),
}
_SHARES = ((0.5, "median"), (0.99, "p99"))


def fits(data: Any) -> bool:
    """Whether this is a report of load and successes."""
    return isinstance(data, dict) and "load_summary" in data and "successes" in data


def read(source: Source) -> list[Found]:
    """One measurement per stage; none in a summary beside its stages."""
    data = source.json()
    where = str(source.path)
    if not fits(data):
        raise FactError(f"{where}: no inference-perf report: {SIGNS} needed")
    whole = source.name.startswith("summary_")
    if whole and any(source.path.parent.glob("stage_*_lifecycle_metrics.json*")):
        return []
    good, load = _part(data, "successes", where), _part(data, "load_summary", where)
    done = int(number(good, "count", where) or 0)
    if done == 0:
        raise FactError(f"{where}: successes.count: no request was answered")
    failed = number(data.get("failures") or {}, "count", where) or 0
    seconds = done / needed(_part(good, "throughput", where), "requests_per_sec", where)
    output, uncounted = _output(good, where)
    prompt = number(good.get("prompt_tokens") or {}, "total", f"{where}: prompt_tokens")
    figures: dict[str, ImportedFigure | None] = {
        "output_tok_per_s": figure(None if output is None else output / seconds, done)
    }
    missing: dict[str, str] = {} if output else {"output_tok_per_s": uncounted}
    own = _own(good, missing, where)
    _tpot(good, figures, missing, done, where)
    rate = number(load, "requested_rate", where)
    mean_in = None if prompt is None else prompt / done
    mean_out = None if output is None else output / done
    return [
        Found(
            model=None,
            workload=shape(mean_in, mean_out),
            gpu=None,
            imported=Imported(
                level=load_level(None, rate) if rate else "as configured there",
                rate_rps=rate,
                figures=given(figures),
                input_tokens_mean=mean_in,
                output_tokens_mean=mean_out,
                total_tok_per_s=None
                if output is None or prompt is None
                else (output + prompt) / seconds,
                missing=missing,
                own=own,
                conditions=(
                    f"{done} requests answered, {failed:g} failed",
                    "throughput over the whole stage, ramp and drain included",
                ),
                void=failures(failed, done),
            ),
            tool="inference-perf",
            tool_version="unknown",
            engine=None,
            details={"done": str(done), "rate": str(rate), "seconds": repr(seconds)},
        )
    ]


def _output(good: Json, where: str) -> tuple[float | None, str]:
    """Output tokens as the server counted them, or why there are none."""
    fallback = number(good.get("client_fallback_requests") or {}, "output", where) or 0
    total = number(good.get("output_tokens") or {}, "total", f"{where}: output_tokens")
    if total is None:
        return None, "not measured: the source counts tokens by the client's tokenizer alone"
    if fallback:
        return None, f"not measured: the server counted no tokens of {fallback:g} requests"
    return (total, "") if total else (None, "not measured: the server counted no output token")


def _tpot(
    good: Json,
    figures: dict[str, ImportedFigure | None],
    missing: dict[str, str],
    done: int,
    where: str,
) -> None:
    table = _part(good, "latency", where).get(_TPOT) or {}
    counts = [good.get(name) or {} for name in ("output_len", "output_tokens")]
    same = all(counts) and all(counts[0].get(k) == counts[1].get(k) for k in ("min", "mean", "max"))
    for share, key in _SHARES:
        column = f"tpot_p{share * 100:g}_s"
        value = _seconds(table, key, f"{where}: {_TPOT}")
        if not same:
            missing[column] = "not measured: the source divides by the client's count of tokens"
            continue
        figures[column], reason = percentile(value, share, done, f"{_TPOT} {key}")
        if reason:
            missing[column] = reason


def _own(good: Json, missing: dict[str, str], where: str) -> dict[str, float | str]:
    """Figures of another definition, by their own names; why they are not ours goes to missing."""
    latencies, rates = _part(good, "latency", where), _part(good, "throughput", where)
    own: dict[str, float | str] = {}
    for key in ("output_tokens_per_sec", "total_tokens_per_sec"):
        value = number(rates, key, where)
        if value is not None:
            own[f"{key}_client_count"] = value
    for name in (_TPOT, *(theirs for theirs, _ in _OWN.values())):
        for _, key in _SHARES:
            value = _seconds(latencies.get(name) or {}, key, f"{where}: {name}")
            if value is not None:
                own[f"{name}_{key}_s"] = value
    for ours, (_, why) in _OWN.items():
        for share, _ in _SHARES:
            missing[f"{ours}_p{share * 100:g}_s"] = f"not measured: {why}"
    return own


def _part(data: Json, key: str, where: str) -> Json:
    part = data.get(key)
    if not isinstance(part, dict):
        raise FactError(f"{where}: {key}: expected a table")
    return part


def _seconds(table: Json, key: str, where: str) -> float | None:
    value = number(table, key, where)
    if value is not None and value > MOST_S:
        raise FactError(f"{where}: {key}: {value:g} s is more than an hour; in ms?")
    return value
