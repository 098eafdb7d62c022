"""guidellm reports (benchmarks.json) of versions 1 (guidellm 0.5 and 0.6) and 2 (since 0.7).

What guidellm calls ITL is one mean a request, (last - first token) / (tokens - 1), as our TPOT; but
its percentiles count each request as often as it has tokens, so they are none of ours. Its TPOT
divides the whole request, TTFT included, by the tokens. Both are kept under their own names. It
has no gaps between events, so no ITL of ours. Throughput is taken as tokens over duration: the mean
that version 1 names is weighted otherwise. TTFT and E2E count from the send, which is the schedule
only where a place is filled as soon as it is free.
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

FORMAT = "guidellm"
SIGNS = "metadata.guidellm_version and benchmarks"
VERSIONS = (1, 2)
_CLOSED = ("concurrent", "synchronous", "throughput")
_TRIMMED = (
    "not measured: the source cut off warm-up or cool-down, and counts requests across the cut"
)
_NO_ITL = "not measured: the source gives one mean a request, no gaps between events"
_WEIGHTED = "not measured: the source counts each request's TPOT as often as it has tokens"


def fits(data: Any) -> bool:
    """Whether this is a report with benchmarks, of whatever version."""
    if not isinstance(data, dict) or not isinstance(data.get("benchmarks"), list):
        return False
    metadata = data.get("metadata")
    if isinstance(metadata, dict):
        return "guidellm_version" in metadata
    return any(isinstance(each, dict) and "metrics" in each for each in data["benchmarks"])


def read(source: Source) -> list[Found]:
    """One measurement per benchmark of the report."""
    data = source.json()
    where = str(source.path)
    if not fits(data):
        raise FactError(f"{where}: no guidellm report: {SIGNS} needed")
    if "metadata" not in data:
        raise FactError(
            f"{where}: a guidellm report without metadata, from before 0.5; this harness reads"
            f" reports of version {', '.join(map(str, VERSIONS))}"
        )
    version = data["metadata"].get("version")
    if version not in VERSIONS:
        raise FactError(
            f"{where}: metadata.version {version}: this harness reads guidellm reports of version"
            f" {', '.join(map(str, VERSIONS))}"
        )
    if not data["benchmarks"]:
        raise FactError(f"{where}: benchmarks: none there")
    return [
        _one(each, data["metadata"], place, f"{where}: benchmarks[{place}]")
        for place, each in enumerate(data["benchmarks"])
    ]


def _one(data: Json, metadata: Json, place: int, where: str) -> Found:
    metrics = data["metrics"]
    totals = metrics["request_totals"]
    done = int(needed(totals, "successful", where))
    failed = int(number(totals, "errored", where) or 0)
    strategy = data["config"]["strategy"]
    kind = str(strategy.get("type_"))
    closed = kind in _CLOSED
    concurrency = number(strategy, "streams", where) or number(strategy, "max_concurrency", where)
    if kind == "synchronous":
        concurrency = 1.0
    rate = number(strategy, "rate", where)
    made, whole = _rates(data, where)
    figures: dict[str, ImportedFigure | None] = {"output_tok_per_s": figure(made, done)}
    missing = dict.fromkeys(("itl_p50_s", "itl_p99_s"), _NO_ITL)
    missing |= dict.fromkeys(("tpot_p50_s", "tpot_p99_s"), _WEIGHTED)
    if made is None:
        missing["output_tok_per_s"] = _TRIMMED
    own: dict[str, float | str] = {
        "output_tokens_per_second_mean": needed(
            _good(metrics, "output_tokens_per_second", where), "mean", where
        )
    }
    for ours, theirs, factor, comparable in (
        ("ttft", "time_to_first_token_ms", 1.0, closed),
        ("e2e", "request_latency", 1000.0, closed),
    ):
        table = _good(metrics, theirs, where)
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            column = f"{ours}_{name}_s"
            if not comparable:
                missing[column] = FROM_SEND
                continue
            of = f"{where}: {theirs}"
            figures[column], reason = _percentile(table, share, name, factor, done, of)
            if reason:
                missing[column] = reason
    for name in ("time_per_output_token_ms", "inter_token_latency_ms"):
        median = number(_good(metrics, name, where), "median", where)
        if median:
            own[f"{name}_p50"] = median
    tokens_in = number(_good(metrics, "prompt_token_count", where), "mean", where)
    tokens_out = number(_good(metrics, "output_token_count", where), "mean", where)
    return Found(
        model=(data["config"].get("backend") or {}).get("model"),
        workload=shape(tokens_in, tokens_out),
        gpu=None,
        imported=Imported(
            level=load_level(concurrency, None if closed else rate),
            concurrency=concurrency if closed else None,
            rate_rps=None if closed else rate,
            figures=given(figures),
            input_tokens_mean=tokens_in,
            output_tokens_mean=tokens_out,
            total_tok_per_s=whole,
            missing=missing,
            own=own,
            conditions=(f"{kind}; {done} requests answered, {failed} failed",),
            void=failures(failed, done),
        ),
        tool="guidellm",
        tool_version=str(metadata["guidellm_version"]),
        engine=None,
        details={"run": str((data.get("config") or {}).get("id_")), "place": str(place)},
    )


def _rates(data: Json, where: str) -> tuple[float | None, float | None]:
    """Output tokens, and all tokens, over the duration; None where its ends were cut off."""
    ends = [data["config"].get(name) or {} for name in ("warmup", "cooldown")]
    if any(end.get("value") or end.get("percent") for end in ends):
        return None, None
    output, prompt = (
        needed(_good(data["metrics"], f"{kind}_token_count", where), "total_sum", where)
        for kind in ("output", "prompt")
    )
    seconds = needed(data, "duration", where)
    return output / seconds, (output + prompt) / seconds


def _good(metrics: Json, name: str, where: str) -> Json:
    """A metric's table over the requests that succeeded."""
    table = metrics.get(name)
    if not isinstance(table, dict) or not isinstance(table.get("successful"), dict):
        raise FactError(f"{where}: metrics.{name}.successful: expected a table")
    good: Json = table["successful"]
    return good


def _percentile(
    table: Json, share: float, name: str, factor: float, n: int, where: str
) -> tuple[ImportedFigure | None, str | None]:
    """A percentile over n requests, with the interval that guidellm gives the median."""

    def at(part: Json, key: str) -> float | None:
        value = number(part, key, where)
        return seconds(None if value is None else value * factor, key, where)

    value = at(table.get("percentiles") or {}, name)
    found, reason = percentile(value, share, n, name)
    ends = (table.get("percentile_cis") or {}).get(name) or {}
    if found is not None:
        ends_s = {"low": at(ends, "lower"), "high": at(ends, "upper")}
        found = found.model_copy(update=ends_s)
    return found, reason
