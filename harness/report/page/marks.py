"""What the page's still plots have in common: names, colours, shapes, wrapped words."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from harness.report.evidence import SHAPES, evidence_of
from harness.report.rows import Row

Point = dict[str, Any]
HEIGHT = 300
FIT_ACROSS = alt.AutoSizeParams(type="fit-x", contains="padding")
_MOST_IN_LEGEND = 20
_MOST_TOLD_APART = 10
_LINE = 44
"""Characters that a title has room for on a phone."""


def wrapped(text: str) -> list[str]:
    """A title in lines."""
    return textwrap.wrap(text, _LINE) or [""]


def framed(drawn: alt.LayerChart, heading: str, told: str) -> alt.LayerChart:
    """A plot as wide as its place; `told` is for who cannot see it."""
    return drawn.properties(
        title=alt.TitleParams(wrapped(heading), anchor="start", fontSize=13),
        width="container",
        height=HEIGHT,
        description=f"{heading}, {told}",
    )


def kind(row: Row) -> str:
    """Of a mark: as its row's evidence."""
    return evidence_of(row.text("evidence"))


def by_evidence() -> alt.Shape:
    """A shape for each way a figure comes about, whichever are there."""
    scale = alt.Scale(domain=list(SHAPES), range=list(SHAPES.values()))
    return alt.Shape("evidence:N", title="Evidence", scale=scale)


def by_model(points: Iterable[Point], heading: str = "Model") -> alt.Color:
    """A colour a model; beyond what colours tell apart there is no legend but `labels`."""
    several = len({point["model"] for point in points})
    scheme = "tableau10" if several <= _MOST_TOLD_APART else "tableau20"
    legend = None if several > _MOST_IN_LEGEND else alt.Legend(title=heading)
    return alt.Color("model:N", legend=legend, scale=alt.Scale(scheme=scheme))


def labels(base: alt.Chart, points: Sequence[Point], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Each mark's name beside it, where there are too many for a legend."""
    if len({point["model"] for point in points}) <= _MOST_IN_LEGEND:
        return []
    text = base.mark_text(dy=-9, fontSize=9, limit=110)
    return [text.encode(x=x, y=y, text="model:N", color=alt.value("#333333"))]
