"""The page's still plots, as Vega-Lite: each None where there is nothing to draw."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

from harness.report.columns import BY_KEY
from harness.report.rows import Row
from harness.report.tables import cell_text, title

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
_LATENCIES: tuple[tuple[Literal["ttft_s", "itl_s"], str], ...] = (
    ("ttft_s", "Throughput and time to first token"),
    ("itl_s", "Throughput and time between tokens"),
)
EVIDENCE = {"measured": "circle", "imported": "triangle-up", "estimated": "cross"}
"""A mark's shape by how its figure came about."""
_MOST_IN_LEGEND = 20
_HEIGHT = 300
_FIT_ACROSS = alt.AutoSizeParams(type="fit-x", contains="padding")


def plots(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each plot's title and specification of these cells; None where no cell has its figures."""
    drawn = [(heading, chart(rows, x, y, heading)) for x, y, heading in _SCATTERED]
    drawn += [(heading, curves(rows, latency, heading)) for latency, heading in _LATENCIES]
    drawn += [("Cost per right answer", correct(rows)), ("Learning curves", learning(rows))]
    return [
        {"title": heading, "spec": json.loads(made.to_json()) if made else None}
        for heading, made in drawn
    ]


def chart(rows: Sequence[Row], x: str, y: str, heading: str) -> alt.LayerChart | None:
    """Two figures of each cell against each other, with their intervals."""
    points = []
    for row in rows:
        fx, fy = row.figure(x), row.figure(y)
        if fx.value is not None and fy.value is not None:
            points.append(
                {
                    "model": row.text("model"),
                    "workload": row.text("workload"),
                    "evidence": _kind(row),
                    "x": fx.value,
                    "x_low": fx.value if fx.low is None else fx.low,
                    "x_high": fx.value if fx.high is None else fx.high,
                    "y": fy.value,
                    "y_low": fy.value if fy.low is None else fy.low,
                    "y_high": fy.value if fy.high is None else fy.high,
                    "shown": f"{cell_text(row, BY_KEY[x])}; {cell_text(row, BY_KEY[y])}",
                    "from": row.text("evidence"),
                }
            )
    if not points:
        return None
    x_axis = alt.X("x:Q", title=_AXES[x], scale=alt.Scale(zero=True))
    y_axis = alt.Y("y:Q", title=title(BY_KEY[y]), scale=alt.Scale(zero=True))
    base = alt.Chart(pd.DataFrame(points)).encode(color=_by_model(points))
    marks = base.mark_point(filled=True, size=110).encode(
        x=x_axis,
        y=y_axis,
        shape=_by_evidence(),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("model", "workload", "shown", "from")],
    )
    across = base.mark_rule(opacity=0.6).encode(x="x_low:Q", x2="x_high:Q", y="y:Q")
    along = base.mark_rule(opacity=0.6).encode(x="x:Q", y="y_low:Q", y2="y_high:Q")
    return (across + along + marks).properties(
        title=heading, width="container", height=_HEIGHT, description=f"{heading}, a mark per cell"
    )


def curves(
    rows: Sequence[Row], latency: Literal["ttft_s", "itl_s"], heading: str
) -> alt.LayerChart | None:
    """Throughput against a latency at each valid load level of each cell, from two levels on."""
    points = []
    for row in rows:
        for level in row.cell.levels:
            middle = getattr(level, latency).p50
            if level.void or not level.output_tok_per_s or not middle:
                continue
            points.append(
                {
                    "model": f"{row.text('model')}, {row.text('workload')}",
                    "cell": row.cell.cell_id,
                    "level": level.name,
                    "evidence": _kind(row),
                    "rate": level.output_tok_per_s.value,
                    "latency": middle.value,
                }
            )
    if len(points) < 2:
        return None
    name = {"ttft_s": "TTFT p50 (s)", "itl_s": "ITL p50 (s)"}[latency]
    base = alt.Chart(pd.DataFrame(points)).encode(
        x=alt.X("rate:Q", title="Output throughput (tok/s)"),
        y=alt.Y("latency:Q", title=name),
        color=_by_model(points, "Model, workload"),
        detail="cell:N",
    )
    marks = base.mark_point(filled=True).encode(
        shape=_by_evidence(), tooltip=["model:N", "level:N", "rate:Q", "latency:Q", "evidence:N"]
    )
    return (base.mark_line() + marks).properties(
        title=heading,
        width="container",
        height=_HEIGHT,
        description=f"{heading}, a mark per load level",
    )


def correct(rows: Sequence[Row]) -> alt.LayerChart | None:
    """Cost of a right answer with its interval."""
    points = []
    for row in rows:
        figure = row.figure("cost_usd_per_correct")
        if figure.value is not None:
            points.append(
                {
                    "model": row.text("model"),
                    "evidence": _kind(row),
                    "usd": figure.value,
                    "low": figure.value if figure.low is None else figure.low,
                    "high": figure.value if figure.high is None else figure.high,
                }
            )
    if not points:
        return None
    base = alt.Chart(pd.DataFrame(points)).encode(y=alt.Y("model:N", title=None))
    marks = base.mark_point(filled=True, size=110).encode(
        x=alt.X("usd:Q", title="USD per right GSM8K answer", scale=alt.Scale(zero=True)),
        shape=_by_evidence(),
        tooltip=["model:N", "usd:Q", "low:Q", "high:Q", "evidence:N"],
    )
    heading = "Cost per right answer"
    return (base.mark_rule().encode(x="low:Q", x2="high:Q") + marks).properties(
        title=heading,
        width="container",
        height={"step": 26},
        autosize=_FIT_ACROSS,
        description=heading,
    )


def learning(rows: Sequence[Row]) -> alt.LayerChart | None:
    """Training loss against the bytes of text trained on, of the cells that kept their curve."""
    points = []
    for row in rows:
        tuned, path = row.cell.finetune, row.folder / "finetune" / "outcome.json"
        if tuned is None or not path.exists():
            continue
        curve = json.loads(path.read_text("utf-8")).get("curve") or []
        steps = max((each["step"] for each in curve), default=0)
        points += [
            {
                "model": row.text("model"),
                "cell": row.cell.cell_id,
                "bytes": tuned.train_completion_bytes * each["step"] / steps,
                "loss": each["loss"],
            }
            for each in curve
            if steps and "loss" in each
        ]
    if not points:
        return None
    heading = "Learning curves"
    base = alt.Chart(pd.DataFrame(points)).encode(
        x=alt.X("bytes:Q", title="Bytes of answers trained on, passes counted"),
        y=alt.Y("loss:Q", title="Training loss"),
        color=_by_model(points),
        detail="cell:N",
    )
    return alt.layer(base.mark_line()).properties(
        title=heading, width="container", height=_HEIGHT, description=heading
    )


def _kind(row: Row) -> str:
    return row.text("evidence").split(" ", maxsplit=1)[0]


def _by_evidence() -> alt.Shape:
    scale = alt.Scale(domain=list(EVIDENCE), range=list(EVIDENCE.values()))
    return alt.Shape("evidence:N", title="Evidence", scale=scale)


def _by_model(points: Sequence[dict[str, Any]], heading: str = "Model") -> alt.Color:
    several = len({point["model"] for point in points}) > _MOST_IN_LEGEND
    legend = None if several else alt.Legend(title=heading)
    return alt.Color("model:N", legend=legend)
