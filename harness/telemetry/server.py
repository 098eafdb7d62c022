"""What the server's own counters say about a level, from the sampler's rows. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from harness.config.run import HardwareConfig
from harness.records.schema import ServerFigures
from harness.telemetry import prometheus, series
from harness.telemetry.series import NotMeasured, Reading

Row = dict[str, float]


class Span(NamedTuple):
    """Two times of the monotonic clock."""

    start_s: float
    end_s: float


def server_figures(
    rows: Sequence[Row], level: Span, hardware: HardwareConfig, steady: Span | None = None
) -> ServerFigures:
    """The figures of one level.

    `level`: two marks of the sampler, one before the first request and one after the last answer;
    counters are differences between the readings at these marks, and None when one of the two
    readings is missing or a counter decreased (the server started again). `steady`: the level's
    steady part, over which MFU and MBU are taken; None: the whole level.
    """
    rows = sorted(rows, key=lambda row: row["time_s"])
    own = [row for row in rows if level.start_s <= row["time_s"] <= level.end_s]
    queries, hits = (
        _difference(own, level, name) for name in (prometheus.CACHE_QUERIES, prometheus.CACHE_HITS)
    )
    span = steady or level
    mfu, no_mfu = _utilisation(rows, span, hardware, prometheus.FLOPS_PER_GPU)
    mbu, no_mbu = _utilisation(rows, span, hardware, prometheus.READ_BYTES_PER_GPU)
    reasons = dict.fromkeys(reason for reason in (no_mfu, no_mbu) if reason)
    return ServerFigures(
        prompt_tokens=_difference(own, level, prometheus.PROMPT_TOKENS),
        output_tokens=_difference(own, level, prometheus.OUTPUT_TOKENS),
        preemptions=_difference(own, level, prometheus.PREEMPTIONS),
        running_max=_highest(own, prometheus.RUNNING),
        waiting_max=_highest(own, prometheus.WAITING),
        kv_cache_usage_max=_highest(own, prometheus.CACHE_USAGE),
        prefix_cache_hit_share=hits / queries if queries and hits is not None else None,
        mfu=mfu,
        mbu=mbu,
        mfu_reason=f"not measured: {'; '.join(reasons)}" if reasons else None,
    )


def _difference(own: Sequence[Row], level: Span, name: str) -> int | None:
    values = [row[name] for row in own if name in row]
    if not own or name not in own[0] or name not in own[-1]:
        return None
    if (own[0]["time_s"], own[-1]["time_s"]) != level:
        return None  # a neighbouring reading would count another moment's tokens
    if any(later < earlier for earlier, later in pairwise(values)):
        return None
    return round(values[-1] - values[0])


def _highest(own: Sequence[Row], name: str) -> float | None:
    return max((row[name] for row in own if name in row), default=None)


def _utilisation(
    rows: Sequence[Row], span: Span, hardware: HardwareConfig, name: str
) -> tuple[float | None, str | None]:
    """Growth of a per-GPU estimate over what the GPU could have done, or why there is none."""
    if hardware.kind == "cpu":
        return None, "no peak is stated for a CPU"
    peak, unit, called = (
        (hardware.peak_dense_bf16_tflops, 1e12, "peak_dense_bf16_tflops")
        if name == prometheus.FLOPS_PER_GPU
        else (hardware.peak_memory_gb_per_s, 1e9, "peak_memory_gb_per_s")
    )
    if peak is None:
        return None, f"hardware.{called} is not stated"
    if not rows:
        return None, "no page of the server was read"
    readings = [Reading(row["time_s"], row[name]) for row in rows if name in row]
    try:
        done = series.growth(series.within(readings, *span)) if readings else 0.0
    except NotMeasured as reason:
        return None, f"the server's estimates: {reason}"
    if not done:
        # vLLM shows the counters at zero when it makes no estimate.
        return None, "the server estimates no FLOPs and bytes (vLLM: --enable-mfu-metrics)"
    return done / ((span.end_s - span.start_s) * peak.value * unit), None
