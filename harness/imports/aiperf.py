"""AIPerf exports (profile_export_aiperf.json), schema 1.x.

What AIPerf calls ITL is one mean a request, (E2E - TTFT) / (tokens - 1): our TPOT. Its inter-chunk
latency are the gaps between events of all requests: our ITL.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import (
    Found,
    Json,
    Source,
    figure,
    given,
    needed,
    number,
    percentile,
    seconds,
)
from harness.records.imported import Imported, ImportedFigure

FORMAT = "aiperf"
_MAJOR = "1."
_LATENCIES = {
    "ttft": "time_to_first_token",
    "tpot": "inter_token_latency",
    "itl": "inter_chunk_latency",
    "e2e": "request_latency",
}
_FROM_SEND = "not measured: the source counts from the send, which leaves out the client's queue"


def fits(data: Any) -> bool:
    """Whether this is an export."""
    return isinstance(data, dict) and {"aiperf_version", "input_config"} <= data.keys()


def read(source: Source) -> list[Found]:
    """One measurement per file."""
    data = source.json()
    where = str(source.path)
    if not fits(data):
        raise FactError(f"{where}: no AIPerf export: aiperf_version and input_config needed")
    schema = str(data.get("schema_version"))
    if not schema.startswith(_MAJOR):
        raise FactError(f"{where}: schema_version {schema}: this harness reads AIPerf's 1.x")
    phases = [p for p in data["input_config"].get("phases", []) if p.get("kind") == "profiling"]
    if len(phases) != 1:
        raise FactError(f"{where}: input_config.phases: one profiling phase expected")
    phase = phases[0]
    closed = phase.get("type") == "concurrency"
    concurrency, rate = number(phase, "concurrency", where), number(phase, "rate", where)
    done = int(needed(_table(data, "request_count", where), "avg", where))
    figures: dict[str, ImportedFigure | None] = {
        "output_tok_per_s": figure(
            needed(_table(data, "output_token_throughput", where), "avg", where)
        )
    }
    missing: dict[str, str] = {}
    for ours, theirs in _LATENCIES.items():
        table = data.get(theirs) or {}
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            column = f"{ours}_{name}_s"
            if ours in ("ttft", "e2e") and not closed:
                missing[column] = _FROM_SEND
                continue
            value = _seconds(table, name, f"{where}: {theirs}")
            n = number(table, "count", f"{where}: {theirs}")
            figures[column], reason = percentile(
                value, share, None if n is None else int(n), f"{theirs} {name}"
            )
            if reason:
                missing[column] = reason
    failed = sum(int(each.get("count", 0)) for each in data.get("error_summary") or [])
    tokens_in = number(data.get("input_sequence_length") or {}, "avg", where)
    tokens_out = number(data.get("output_sequence_length") or {}, "avg", where)
    models = data["input_config"].get("models", {}).get("items") or [{}]
    return [
        Found(
            model=str(models[0].get("name") or "unknown"),
            workload=f"in-{tokens_in or 0:.0f}-out-{tokens_out or 0:.0f}",
            gpu=None,
            imported=Imported(
                level=f"{concurrency:g} in flight"
                if closed and concurrency
                else f"{rate or 0:g}/s",
                concurrency=concurrency if closed else None,
                rate_rps=rate,
                figures=given(figures),
                input_tokens_mean=tokens_in,
                output_tokens_mean=tokens_out,
                total_tok_per_s=number(data.get("total_token_throughput") or {}, "avg", where),
                missing=missing,
                conditions=(f"{done} requests answered, {failed} failed",),
                void=("requests failed",) if failed else (),
            ),
            tool="AIPerf",
            tool_version=str(data["aiperf_version"]),
            engine="unknown",
            measured_on=str(data.get("start_time") or "")[:10] or None,
            details={"run": str(data.get("benchmark_id"))},
        )
    ]


def _table(data: Json, key: str, where: str) -> Json:
    table = data.get(key)
    if not isinstance(table, dict):
        raise FactError(f"{where}: {key}: missing")
    return table


def _seconds(table: Json, key: str, where: str) -> float | None:
    """By the unit that stands beside the value."""
    value, unit = number(table, key, where), table.get("unit")
    if value is None:
        return None
    if unit not in ("ms", "s"):
        raise FactError(f"{where}: unit {unit!r}: ms or s expected")
    return seconds(value * (1000 if unit == "s" else 1), key, where)
