"""inference-perf reports (summary_ and stage_N_lifecycle_metrics.json).

TTFT is to the first non-empty content, TPOT (last - first) / (n - 1), ITL gaps pooled: as ours,
but all from the send; its open loop is late where the send was. Latencies are in seconds.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import Found, Json, Source, figure, given, number, percentile
from harness.records.imported import Imported, ImportedFigure

FORMAT = "inference-perf"
_LATENCIES = {
    "tpot": "time_per_output_token",
    "itl": "inter_token_latency",
}
_FROM_SEND = {"ttft": "time_to_first_token", "e2e": "request_latency"}
_MOST_S = 3600.0


def fits(data: Any) -> bool:
    """Whether this is a report of load and successes."""
    return isinstance(data, dict) and "load_summary" in data and "successes" in data


def read(source: Source) -> list[Found]:
    """One measurement per report."""
    data = source.json()
    where = str(source.path)
    if not fits(data):
        raise FactError(f"{where}: no inference-perf report: load_summary and successes needed")
    good = _part(data, "successes", where)
    done = int(number(good, "count", where) or 0)
    if done == 0:
        raise FactError(f"{where}: successes.count: no request was answered")
    rates = _part(good, "throughput", where)
    latencies = _part(good, "latency", where)
    figures: dict[str, ImportedFigure | None] = {
        "output_tok_per_s": figure(number(rates, "output_tokens_per_sec", where, positive=True))
    }
    missing: dict[str, str] = {}
    own: dict[str, float | str] = {}
    for ours, theirs in _LATENCIES.items():
        table = latencies.get(theirs) or {}
        for share, key in ((0.5, "median"), (0.99, "p99")):
            value = _seconds(table, key, f"{where}: {theirs}")
            column = f"{ours}_p{share * 100:g}_s"
            figures[column], reason = percentile(value, share, done, f"{theirs} {key}")
            if reason:
                missing[column] = reason
    for ours, theirs in _FROM_SEND.items():
        table = latencies.get(theirs) or {}
        for share, key in ((0.5, "median"), (0.99, "p99")):
            value = _seconds(table, key, f"{where}: {theirs}")
            if value is not None:
                own[f"{theirs}_{key}_s"] = value
            missing[f"{ours}_p{share * 100:g}_s"] = (
                "not measured: the source counts from the send, which may have been late"
            )
    load = _part(data, "load_summary", where)
    rate = number(load, "requested_rate", where)
    failed = number(data.get("failures") or {}, "count", where) or 0
    return [
        Found(
            model="unknown",
            workload="as configured there",
            gpu=None,
            imported=Imported(
                level=f"{rate:g} requests/s" if rate else "as configured there",
                rate_rps=rate,
                figures=given(figures),
                input_tokens_mean=_mean(good, "prompt_len", where),
                output_tokens_mean=_mean(good, "output_len", where),
                total_tok_per_s=number(rates, "total_tokens_per_sec", where),
                missing=missing,
                own=own,
                conditions=(f"{done} requests answered, {failed:g} failed",),
                void=("requests failed",) if failed else (),
            ),
            tool="inference-perf",
            tool_version="unknown",
            engine="unknown",
            details={"done": str(done), "rate": str(rate)},
        )
    ]


def _part(data: Json, key: str, where: str) -> Json:
    part = data.get(key)
    if not isinstance(part, dict):
        raise FactError(f"{where}: {key}: expected a table")
    return part


def _mean(data: Json, key: str, where: str) -> float | None:
    return number(data.get(key) or {}, "mean", f"{where}: {key}")


def _seconds(table: Json, key: str, where: str) -> float | None:
    value = number(table, key, where)
    if value is not None and value > _MOST_S:
        raise FactError(f"{where}: {key}: {value:g} s is more than an hour; in ms?")
    return value
