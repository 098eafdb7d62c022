"""Plots of the joined table as pictures, for the sweep's run. Drawn from summary.parquet."""

import json
from collections.abc import Iterator

import altair as alt
import pandas as pd
import vl_convert

from harness.report.columns import BY_KEY
from harness.report.evidence import SHAPES

PLOTS = (
    ("cost_against_accuracy_en", "bill_usd_per_mtok_total", "accuracy_en"),
    ("cost_against_accuracy_zh", "bill_usd_per_mtok_total", "accuracy_zh"),
    ("cost_against_risk", "bill_usd_per_mtok_total", "risk_score"),
    ("cost_against_throughput", "bill_usd_per_mtok_total", "output_tok_per_s"),
)
_MOST_MODELS_IN_LEGEND = 40
# Filled, hollow, crossed: the three kinds of evidence differ without colour too.
_KIND = "^(measured|imported|estimated)"
_FINISHED = ("done", "imported")


def pictures(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Name and SVG of each plot that has a point; of one buyer's lines of the summary."""
    for name, x, y in PLOTS:
        points = _points(frame, x, y)
        if not points.empty:
            yield name, _svg(points, x, y)


def _points(frame: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Where both figures are there and the cell is finished; a missing interval has no length."""
    found = frame[frame[x].notna() & frame[y].notna() & frame["status"].isin(_FINISHED)]
    points = pd.DataFrame({"model": found["model"].astype(str), "x": found[x], "y": found[y]})
    points["evidence"] = found["evidence"].astype("string").str.extract(_KIND, expand=False)
    for axis, key in (("x", x), ("y", y)):
        for end in ("low", "high"):
            points[f"{axis}_{end}"] = found[f"{key}_{end}"].fillna(found[key])
    return points.reset_index(drop=True)


def _svg(points: pd.DataFrame, x: str, y: str) -> str:
    base = alt.Chart(points).encode(color=_colour(points))
    marks = base.mark_point(size=90, strokeWidth=2).encode(
        x=alt.X("x:Q", title=_title(x)),
        y=alt.Y("y:Q", title=_title(y)),
        shape=alt.Shape(
            "evidence:N",
            title="Evidence",
            scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())),
        ),
        fillOpacity=alt.condition("datum.evidence === 'measured'", alt.value(1), alt.value(0)),
        fill=alt.Fill("model:N", legend=None),
    )
    across = base.mark_rule(opacity=0.6).encode(x="x_low:Q", x2="x_high:Q", y="y:Q")
    along = base.mark_rule(opacity=0.6).encode(x="x:Q", y="y_low:Q", y2="y_high:Q")
    chart = (across + along + marks).properties(width=640, height=420)
    made: str = vl_convert.vegalite_to_svg(json.loads(chart.to_json()))
    return made


def _colour(points: pd.DataFrame) -> alt.Color:
    if points["model"].nunique() > _MOST_MODELS_IN_LEGEND:
        return alt.Color("model:N", legend=None)
    return alt.Color("model:N", title="Model")


def _title(key: str) -> str:
    column = BY_KEY[key]
    return f"{column.title} ({column.unit})" if column.unit else column.title
