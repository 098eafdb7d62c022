"""The history of gates and scores as a plot."""

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from harness.errors import ConfigError
from harness.risk.compare import Point

_FORMATS = (".svg", ".png", ".html")


def draw(points: Sequence[Point], path: Path) -> None:
    """Score with its 5% to 95% range over time, a mark on each day on which a fact changed.

    Raises ConfigError for a file name that ends in none of .svg, .png, .html.
    """
    if path.suffix not in _FORMATS:
        raise ConfigError(f"--plot {path}: the name must end in {', '.join(_FORMATS)}")
    frame = pd.DataFrame([point.model_dump(mode="json") for point in points])
    base = alt.Chart(frame).encode(
        x=alt.X("on:T", title="As of"), color=alt.Color("model:N", title="Model")
    )
    band = base.mark_area(opacity=0.2, interpolate="step-after").encode(
        y=alt.Y("low:Q", title="Risk score", scale=alt.Scale(domain=[0, 1])), y2="high:Q"
    )
    line = base.mark_line(interpolate="step-after").encode(y="median:Q")
    marks = base.mark_point(filled=True).encode(
        y="median:Q", shape=alt.Shape("gate:N", title="Gate"), tooltip=list(frame.columns)
    )
    chart = (band + line + marks).properties(width=720, height=360, title="Risk score over time")
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path), inline=True) if path.suffix == ".html" else chart.save(str(path))
