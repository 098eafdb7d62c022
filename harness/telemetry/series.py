"""A quantity that is read now and then: its growth and its integral between two moments. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

MAX_GAP_SHARE = 0.1
"""Longest silence that may be bridged by a straight line, over the length of the window.

Between two readings that far apart a step by half is misplaced by at most a quarter of the gap:
0.25 x 10% x 50% = 1.25% of the window's total at an edge, and both edges stay below 5% together.
"""


class NotMeasured(Exception):
    """A figure cannot be had; the text says why."""


class Reading(NamedTuple):
    """One reading at a time of the monotonic clock; without a value, the reason."""

    time_s: float
    value: float | None
    reason: str | None = None


class Point(NamedTuple):
    """A known value at a time of the monotonic clock."""

    time_s: float
    value: float


def within(readings: Sequence[Reading], start_s: float, end_s: float) -> list[Point]:
    """The points of a window; an edge that lies between two readings is interpolated.

    `readings` are in order of time. Raises NotMeasured when the window is empty or not inside the
    readings, when one of its readings has no value, or when an edge lies in too long a silence.
    """
    if end_s <= start_s:
        raise NotMeasured("the window is empty")
    times = [reading.time_s for reading in readings]
    first, last = bisect_right(times, start_s) - 1, bisect_left(times, end_s)
    if first < 0 or last == len(readings):
        raise NotMeasured(
            "no reading before the window" if first < 0 else "no reading after the window"
        )
    points = [_point(reading) for reading in readings[first : last + 1]]
    limit_s = MAX_GAP_SHARE * (end_s - start_s)
    begin = _at(start_s, points[0], points[1], limit_s)
    end = _at(end_s, points[-2], points[-1], limit_s)
    return [begin, *points[1:-1], end]


def growth(points: Sequence[Point]) -> float:
    """Increase of a cumulative counter. Raises NotMeasured when it ever decreased: a reset."""
    if any(later.value < earlier.value for earlier, later in pairwise(points)):
        raise NotMeasured("the counter went backwards")
    return points[-1].value - points[0].value


def integral(points: Sequence[Point]) -> float:
    """Trapezoid integral over time. Raises NotMeasured when two points are too far apart."""
    limit_s = MAX_GAP_SHARE * (points[-1].time_s - points[0].time_s)
    for earlier, later in pairwise(points):
        _check_gap(earlier, later, limit_s)
    return area(points)


def area(points: Sequence[Point]) -> float:
    """Trapezoid integral over time, however far apart the points are."""
    return sum((b.time_s - a.time_s) * (a.value + b.value) / 2 for a, b in pairwise(points))


def _point(reading: Reading) -> Point:
    if reading.value is None:
        raise NotMeasured(reading.reason or "a reading is missing")
    return Point(reading.time_s, reading.value)


def _at(time_s: float, before: Point, after: Point, limit_s: float) -> Point:
    for known in (before, after):
        if known.time_s == time_s:
            return known
    _check_gap(before, after, limit_s)
    share = (time_s - before.time_s) / (after.time_s - before.time_s)
    return Point(time_s, before.value + share * (after.value - before.value))


def _check_gap(before: Point, after: Point, limit_s: float) -> None:
    gap_s = after.time_s - before.time_s
    if gap_s > limit_s:
        raise NotMeasured(f"no reading for {gap_s:.3g} s, this window allows {limit_s:.3g} s")
