"""The page's still plots, as Vega-Lite: each None where there is nothing to draw."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.report.columns import BY_KEY
from harness.report.naming import Use, called, use_of
from harness.report.page.cells import figure
from harness.report.page.curves import LatencyName, curves
from harness.report.page.marks import (
    FIT_ACROSS,
    Point,
    by_evidence,
    by_model,
    framed,
    kind,
    labels,
    wrapped,
)
from harness.report.rows import Row
from harness.report.tables import title

_SCATTERED = (
    ("bill_usd_per_mtok_total", "accuracy_en", "Cost against accuracy (English)"),
    ("bill_usd_per_mtok_total", "accuracy_zh", "Cost against accuracy (Chinese)"),
    ("bill_usd_per_mtok_total", "risk_score", "Cost against risk"),
    ("bill_usd_per_mtok_output", "risk_score", "Cost of output against risk"),
)
_AXES = {
    "bill_usd_per_mtok_total": "Whole bill per million tokens, in and out (USD)",
    "bill_usd_per_mtok_output": "Whole bill per million output tokens (USD)",
}
"""Shorter than the columns' titles, for a narrow plot."""
_LATENCIES: tuple[tuple[LatencyName, str], ...] = (
    ("ttft_s", "Throughput and time to first token"),
    ("itl_s", "Throughput and time between tokens"),
)
MOST_WORKLOADS = 6
"""Workloads with plots of their own; the figures of all stand in the tables."""


def plots(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each plot's title and specification of these cells; None where no cell has its figures.

    One plot a workload: costs and speeds of two are not of one question.
    """
    names = called(rows)
    by_workload = _by_workload(rows)
    drawn: list[tuple[str, alt.LayerChart | None]] = []
    for workload, own in list(by_workload.items())[:MOST_WORKLOADS]:
        of = f": {workload}" if len(by_workload) > 1 else ""
        made = [(f"{h}{of}", chart(own, x, y, f"{h}{of}", names)) for x, y, h in _SCATTERED]
        made += [(f"{h}{of}", curves(own, key, f"{h}{of}", names)) for key, h in _LATENCIES]
        heading = f"Cost per right answer{of}"
        drawn += [*made, (heading, correct(own, heading, names))]
    drawn.append(("Learning curves", learning(rows, names)))
    return [
        {"title": heading, "spec": json.loads(made.to_json()) if made else None}
        for heading, made in drawn
    ]


def without_plots(rows: Sequence[Row]) -> list[str]:
    """The workloads that there is no room for."""
    return list(_by_workload(rows))[MOST_WORKLOADS:]


def _by_workload(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.text("workload"), []).append(row)
    return found


def chart(
    rows: Sequence[Row], x: str, y: str, heading: str, names: Mapping[Use, str]
) -> alt.LayerChart | None:
    """Two figures of each cell against each other, with their intervals."""
    points: list[Point] = []
    for row in rows:
        fx, fy = row.figure(x), row.figure(y)
        if fx.value is not None and fy.value is not None:
            points.append(
                {
                    "model": names[use_of(row)],
                    "evidence": kind(row),
                    "x": fx.value,
                    "x_low": fx.value if fx.low is None else fx.low,
                    "x_high": fx.value if fx.high is None else fx.high,
                    "y": fy.value,
                    "y_low": fy.value if fy.low is None else fy.low,
                    "y_high": fy.value if fy.high is None else fy.high,
                    "shown": f"{figure(row, BY_KEY[x])}; {figure(row, BY_KEY[y])}",
                    "from": row.text("evidence"),
                }
            )
    if not points:
        return None
    x_axis = alt.X("x:Q", title=wrapped(_AXES[x]), scale=alt.Scale(zero=True))
    y_axis = alt.Y("y:Q", title=wrapped(title(BY_KEY[y])), scale=alt.Scale(zero=True))
    base = alt.Chart(pd.DataFrame(points)).encode(color=by_model(points))
    marks = base.mark_point(filled=True, size=110).encode(
        x=x_axis,
        y=y_axis,
        shape=by_evidence(),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("model", "shown", "from")],
    )
    across = base.mark_rule(opacity=0.6).encode(x="x_low:Q", x2="x_high:Q", y="y:Q")
    along = base.mark_rule(opacity=0.6).encode(x="x:Q", y="y_low:Q", y2="y_high:Q")
    layers = [across, along, marks, *labels(base, points, x_axis, y_axis)]
    return framed(alt.layer(*layers), heading, "a mark per cell")


def correct(rows: Sequence[Row], heading: str, names: Mapping[Use, str]) -> alt.LayerChart | None:
    """Cost of a right answer with its interval, the cheapest first."""
    points: list[Point] = []
    for row in rows:
        found = row.figure("cost_usd_per_correct")
        if found.value is not None:
            points.append(
                {
                    "model": names[use_of(row)],
                    "evidence": kind(row),
                    "usd": found.value,
                    "low": found.value if found.low is None else found.low,
                    "high": found.value if found.high is None else found.high,
                    "shown": figure(row, BY_KEY["cost_usd_per_correct"]),
                }
            )
    if not points:
        return None
    points.sort(key=lambda point: point["usd"])
    base = alt.Chart(pd.DataFrame(points)).encode(y=alt.Y("model:N", title=None, sort=None))
    marks = base.mark_point(filled=True, size=110).encode(
        x=alt.X("usd:Q", title="USD per right GSM8K answer", scale=alt.Scale(zero=True)),
        shape=by_evidence(),
        tooltip=["model:N", "shown:N"],
    )
    rules = base.mark_rule().encode(x="low:Q", x2="high:Q")
    return framed(alt.layer(rules, marks), heading, "a line of marks per model").properties(
        height={"step": 26}, autosize=FIT_ACROSS
    )


def learning(rows: Sequence[Row], names: Mapping[Use, str]) -> alt.LayerChart | None:
    """Training loss against the bytes of text trained on, of the cells that kept their curve."""
    points: list[Point] = []
    for row in rows:
        tuned, path = row.cell.finetune, row.folder / "finetune" / "outcome.json"
        if tuned is None or not path.exists():
            continue
        curve = json.loads(path.read_text("utf-8")).get("curve") or []
        steps = max((each["step"] for each in curve), default=0)
        points += [
            {
                "model": names[use_of(row)],
                "cell": row.cell.cell_id,
                "bytes": tuned.train_completion_bytes * each["step"] / steps,
                "loss": each["loss"],
                "ends": each["step"] == steps,
            }
            for each in curve
            if steps and "loss" in each
        ]
    if not points:
        return None
    x = alt.X("bytes:Q", title="Bytes of answers trained on, passes counted")
    y = alt.Y("loss:Q", title="Training loss")
    base = alt.Chart(pd.DataFrame(points)).encode(color=by_model(points))
    ends = labels(base.transform_filter("datum.ends"), points, x, y)
    lines = base.mark_line().encode(x=x, y=y, detail="cell:N")
    return framed(alt.layer(lines, *ends), "Learning curves", "a line per cell")
