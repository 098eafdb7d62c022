"""Throughput against latency over the load: lines only through what a line may join."""

from collections.abc import Mapping, Sequence
from typing import Literal

import altair as alt
import pandas as pd

from harness.records.schema import Cell, Level
from harness.report.naming import Use, use_of
from harness.report.page.marks import Point, by_evidence, by_model, framed, kind, labels
from harness.report.rows import Row, has_own_shape
from harness.stats import Estimate

LatencyName = Literal["ttft_s", "itl_s"]
_LATENCIES: dict[LatencyName, str] = {"ttft_s": "TTFT p50 (s)", "itl_s": "ITL p50 (s)"}
_DASHES = {"closed": [1, 0], "open": [5, 3]}


def curves(
    rows: Sequence[Row], latency: LatencyName, heading: str, names: Mapping[Use, str]
) -> alt.LayerChart | None:
    """Each valid level of each cell, from two on, with its intervals.

    A line joins levels of the workload's own shape in the order of their load: closed loops by
    what is in flight, open ones by their rate. Levels of other shapes, traces and probes are
    marks without one.
    """
    points = [
        point
        for row in rows
        for level in row.cell.levels
        if (point := _point(row, level, latency, names[use_of(row)])) is not None
    ]
    if len(points) < 2:
        return None
    points.sort(key=lambda point: point["load"])
    last = {point["line"]: point for point in points}
    for point in points:
        # Where marks are named, a line is at its end.
        point["named"] = point["loop"] == "none" or last[point["line"]] is point
    x = alt.X("rate:Q", title="Output throughput (tok/s)")
    y = alt.Y("latency:Q", title=_LATENCIES[latency])
    base = alt.Chart(pd.DataFrame(points)).encode(color=by_model(points))
    layers = [
        base.mark_rule(opacity=0.5).encode(x="rate_low:Q", x2="rate_high:Q", y=y),
        base.mark_rule(opacity=0.5).encode(x=x, y="latency_low:Q", y2="latency_high:Q"),
    ]
    loops = {point["loop"] for point in points}
    if loops - {"none"}:
        joined = base.transform_filter("datum.loop !== 'none'")
        layers += [_lines(joined, x, y), _marks(joined, x, y, filled=True)]
    if "none" in loops:
        layers.append(_marks(base.transform_filter("datum.loop === 'none'"), x, y, filled=False))
    layers += labels(base.transform_filter("datum.named"), points, x, y)
    return framed(alt.layer(*layers), heading, "a mark per load level")


def _lines(base: alt.Chart, x: alt.X, y: alt.Y) -> alt.Chart:
    """Through each cell's levels of one loop, from the least load to the highest."""
    scale = alt.Scale(domain=list(_DASHES), range=list(_DASHES.values()))
    return base.mark_line().encode(
        x=x,
        y=y,
        detail="line:N",
        order="load:Q",
        strokeDash=alt.StrokeDash("loop:N", title="Loop", scale=scale),
    )


def _marks(base: alt.Chart, x: alt.X, y: alt.Y, *, filled: bool) -> alt.Chart:
    tooltip = ["model:N", "level:N", "rate:Q", "latency:Q", "evidence:N", "loop:N"]
    return base.mark_point(filled=filled, size=60).encode(
        x=x, y=y, shape=by_evidence(), tooltip=tooltip
    )


def voids(rows: Sequence[Row], names: Mapping[Use, str]) -> list[tuple[str, str]]:
    """Each cell with levels that must not be used: its name, then they with their reasons."""
    found = []
    for row in rows:
        void = [f"{level.name}: {'; '.join(level.void)}" for level in row.cell.levels if level.void]
        if void:
            found.append((f"{names[use_of(row)]}, {row.text('workload')}", ", ".join(void)))
    return found


def _point(row: Row, level: Level, latency: LatencyName, name: str) -> Point | None:
    middle: Estimate | None = getattr(level, latency).p50
    rate = level.output_tok_per_s
    if level.void or not rate or not middle:
        return None
    loop, load = _load(level, row.cell)
    return {
        "model": name,
        "level": level.name,
        "evidence": kind(row),
        "loop": loop,
        "load": load,
        "line": f"{row.cell.cell_id} {loop}",
        **_ends("rate", rate),
        **_ends("latency", middle),
    }


def _load(level: Level, cell: Cell) -> tuple[str, float]:
    """The loop whose line a level is on, and its place there; none: on no line."""
    if has_own_shape(level, cell):
        if level.kind == "closed" and level.concurrency is not None:
            return "closed", float(level.concurrency)
        if level.kind == "open" and level.rate_rps is not None:
            return "open", level.rate_rps
    return "none", 0.0


def _ends(name: str, found: Estimate) -> dict[str, float]:
    """A figure with its interval; an end that the sample cannot give is drawn as no line."""
    return {
        name: found.value,
        f"{name}_low": found.value if found.low is None else found.low,
        f"{name}_high": found.value if found.high is None else found.high,
    }
