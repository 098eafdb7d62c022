"""Energy of a window and idle power, from the sampler's rows. Joules, watts. Pure, fail-closed."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from harness.records.schema import Energy
from harness.telemetry import series
from harness.telemetry.series import NotMeasured, Point, Reading

Source = Literal["nvml", "rapl"]
Row = dict[str, Any]

MIN_NVML_WINDOW_S = 30.0
"""NVML's counter moves every 100 ms or so and the sensor behind it sees a quarter of the time on
an A100 or H100 (arXiv:2312.02741): over 30 s a missed step is 0.3%, and what the sensor skips
averages out."""

MAX_DISAGREEMENT = 0.05
"""Counter against integrated power, over the counter; two views of one sensor, so this finds a
stuck, scaled or foreign counter, not an error of the sensor itself."""

_DEVICES: dict[Source, str] = {"nvml": "gpu", "rapl": "cpu"}


def measure(
    rows: Sequence[Row], source: Source, start_s: float, end_s: float, idle_w: float | None = None
) -> Energy:
    """Energy between two times of the monotonic clock, all devices of `source` together.

    The difference of the cumulative counters, where an edge between two readings is interpolated.
    NVML's counts only over 30 s or more and when the integral of the sampled power agrees;
    RAPL has no power reading to compare. RAPL counts all that the CPU packages do, the load
    generator on the same machine included. Idle power is handed on, never subtracted.
    """
    window_s = end_s - start_s
    counter_j, no_counter = _sum(rows, source, "energy_j", series.growth, start_s, end_s)
    integral_j, no_integral = (
        _sum(rows, source, "power_w", series.integral, start_s, end_s)
        if source == "nvml"
        else (None, None)
    )
    reason = (
        _unread(rows, source, start_s, end_s)
        or _too_short(source, window_s)
        or no_counter
        or (no_integral and f"nothing to check the counter against: {no_integral}")
        or _disagreement(counter_j, integral_j)
    )
    return Energy(
        energy_j=None if reason else counter_j,
        source=f"not measured: {reason}" if reason else source,
        window_s=window_s,
        integral_j=integral_j,
        idle_w=idle_w,
    )


def tells_power(rows: Sequence[Row], source: Source) -> bool:
    """Whether each of one moment's rows gives power: GPUs as such, CPU packages as energy."""
    field = "power_w" if source == "nvml" else "energy_j"
    own = [row for row in rows if row["device"].startswith(_DEVICES[source])]
    return bool(own) and all(row[field] is not None for row in own)


def mean_power(rows: Sequence[Row], source: Source, start_s: float, end_s: float) -> float | None:
    """Mean W between two readings, all devices together; None: a device did not tell all along."""
    field, total = ("power_w", series.area) if source == "nvml" else ("energy_j", series.growth)
    joules, _ = _sum(rows, source, field, total, start_s, end_s)
    return None if joules is None else joules / (end_s - start_s)


def _sum(
    rows: Sequence[Row],
    source: Source,
    field: str,
    total: Callable[[Sequence[Point]], float],
    start_s: float,
    end_s: float,
) -> tuple[float | None, str | None]:
    """A total over all devices; a gap on one of them makes it unknown, and is the reason."""
    devices = _devices(rows, source)
    joules = 0.0
    for device, own in devices.items():
        readings = [
            Reading(row["time_s"], row[field], row.get(f"{field[:-2]}_reason")) for row in own
        ]
        try:
            joules += total(series.within(readings, start_s, end_s))
        except NotMeasured as reason:
            return None, f"{device}: {reason}"
    return (joules, None) if devices else (None, f"no reading of {source}")


def _devices(rows: Sequence[Row], source: Source) -> dict[str, list[Row]]:
    devices: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: float(row["time_s"])):
        if row["device"].startswith(_DEVICES[source]):
            devices.setdefault(row["device"], []).append(row)
    return devices


def _unread(rows: Sequence[Row], source: Source, start_s: float, end_s: float) -> str | None:
    """Why a device gave no energy inside the window: what no longer window would mend."""
    for device, own in sorted(_devices(rows, source).items()):
        for row in own:
            if start_s <= row["time_s"] <= end_s and row["energy_j"] is None:
                return f"{device}: {row.get('energy_reason') or 'a reading is missing'}"
    return None


def _too_short(source: Source, window_s: float) -> str | None:
    if source == "rapl" or window_s >= MIN_NVML_WINDOW_S:
        return None
    shown_s = math.floor(window_s * 10) / 10  # 29.97 s must not read as 30 s
    return f"window of {shown_s:g} s, {MIN_NVML_WINDOW_S:g} s are needed"


def _disagreement(counter_j: float | None, integral_j: float | None) -> str | None:
    if counter_j is None or integral_j is None:
        return None
    if counter_j == 0:
        return "the counter did not move"
    apart = abs(counter_j - integral_j) / counter_j
    if apart <= MAX_DISAGREEMENT:
        return None
    return f"counter and integrated power differ by {100 * apart:.3g}%"
