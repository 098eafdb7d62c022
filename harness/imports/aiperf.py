"""AIPerf exports (profile_export_aiperf.json), schemas 1.0 to 1.4 (AIPerf 0.4 to 0.13).

What AIPerf calls ITL is one mean a request, (E2E - TTFT) / (tokens - 1): our TPOT. Its inter-chunk
latency are the gaps between events of all requests: our ITL. It counts tokens with a tokenizer of
its own unless told to take the server's count: what is made with its own count is none of ours.
"""

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

FORMAT = "aiperf"
SIGNS = "request_throughput and input_config"
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
_LATENCIES = {
    "ttft": "time_to_first_token",
    "tpot": "inter_token_latency",
    "itl": "inter_chunk_latency",
    "e2e": "request_latency",
}
_BY_CLIENT = "not measured: the source counts tokens by the client's tokenizer"


def fits(data: Any) -> bool:
    """Whether this is an export, of whatever version."""
    return isinstance(data, dict) and {"request_throughput", "input_config"} <= data.keys()


def read(source: Source) -> list[Found]:
    """One measurement per file."""
    data = source.json()
    where = str(source.path)
    if not fits(data):
        raise FactError(f"{where}: no AIPerf export: {SIGNS} needed")
    if data.get("schema_version") not in VERSIONS:
        raise FactError(
            f"{where}: schema_version {data.get('schema_version')}: this harness reads AIPerf's"
            f" {', '.join(VERSIONS)} (before 0.4 it named none, nor did GenAI-Perf)"
        )
    config = data["input_config"]
    model, concurrency, rate = _asked(config, where)
    closed = concurrency is not None and rate is None and not _scheduled(config)
    counted = bool((config.get("endpoint") or {}).get("use_server_token_count"))
    done = int(needed(_table(data, "request_count", where), "avg", where))
    made = needed(_table(data, "output_token_throughput", where), "avg", where)
    whole = number(data.get("total_token_throughput") or {}, "avg", where)
    tokens_in = number(data.get("input_sequence_length") or {}, "avg", where)
    tokens_out = number(data.get("output_sequence_length") or {}, "avg", where)
    figures: dict[str, ImportedFigure | None] = {}
    missing: dict[str, str] = {}
    own: dict[str, float | str] = {}
    if counted:
        figures["output_tok_per_s"] = figure(made)
    else:
        missing["output_tok_per_s"] = _BY_CLIENT
        counts = {
            "output_token_throughput": made,
            "total_token_throughput": whole,
            "output_sequence_length": tokens_out,
        }
        own |= {f"{k}_client_count": v for k, v in counts.items() if v is not None}
    for ours, theirs in _LATENCIES.items():
        table = data.get(theirs) or {}
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            column = f"{ours}_{name}_s"
            if ours in ("ttft", "e2e") and not closed:
                missing[column] = FROM_SEND
                continue
            value = _seconds(table, name, f"{where}: {theirs}")
            if ours == "tpot" and not counted:
                missing[column] = _BY_CLIENT
                if value is not None:
                    own[f"{theirs}_{name}_s"] = value
                continue
            count = number(table, "count", f"{where}: {theirs}")
            # Until schema 1.1 without a count; there is one value a request, but many gaps.
            n = int(count) if count is not None else None if ours == "itl" else done
            figures[column], reason = percentile(value, share, n, f"{theirs} {name}")
            if reason:
                missing[column] = reason
    failed = sum(int(each.get("count", 0)) for each in data.get("error_summary") or [])
    void = failures(failed, done)
    if data.get("was_cancelled") or data.get("is_complete") is False:
        void = (*void, "the run was broken off")
    return [
        Found(
            model=model,
            workload=shape(tokens_in, tokens_out) + ("" if counted else "-client-count"),
            gpu=None,
            imported=Imported(
                level=load_level(concurrency, rate),
                concurrency=concurrency if closed else None,
                rate_rps=rate,
                figures=given(figures),
                input_tokens_mean=tokens_in if counted else None,
                output_tokens_mean=tokens_out if counted else None,
                total_tok_per_s=whole if counted else None,
                missing=missing,
                own=own,
                conditions=(f"{done} requests answered, {failed} failed",),
                void=void,
            ),
            tool="AIPerf",
            tool_version=str(data["aiperf_version"]),
            engine=None,
            measured_on=str(data.get("start_time") or "")[:10] or None,
            details={"run": str(data.get("benchmark_id"))},
        )
    ]


def _asked(config: Json, where: str) -> tuple[str | None, float | None, float | None]:
    """Model, concurrency and rate: of the phases (schema 1.4), or of the load generator before."""
    if "phases" in config:
        phases = [phase for phase in config["phases"] if phase.get("kind") == "profiling"]
        if len(phases) != 1:
            raise FactError(f"{where}: input_config.phases: one profiling phase expected")
        [phase] = phases
        names = [each.get("name") for each in config.get("models", {}).get("items") or []]
        rate = number(phase, "rate", where)
    else:
        phase, names = config.get("loadgen") or {}, config.get("endpoint", {}).get("model_names")
        rate = number(phase, "request_rate", where)
    if not names or len(names) > 1:
        raise FactError(f"{where}: input_config: one model expected, got {names}")
    return names[0], number(phase, "concurrency", where), rate


def _scheduled(config: Json) -> bool:
    """Whether requests were sent at given times, or at a rate of each user."""
    if "phases" in config:
        profiling = (each for each in config["phases"] if each.get("kind") == "profiling")
        return any(each.get("type") != "concurrency" for each in profiling)
    load, given_input = config.get("loadgen") or {}, config.get("input") or {}
    return bool(
        load.get("user_centric_rate")
        or load.get("fixed_schedule")
        or given_input.get("fixed_schedule")
    )


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
