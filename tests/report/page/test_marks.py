"""harness.report.page.marks: what tells many models apart."""

from typing import Any

import altair as alt
import pandas as pd

from harness.report.page.marks import by_model, labels


def test_more_models_than_a_legend_holds_are_named_at_their_marks() -> None:
    def named(count: int) -> list[dict[str, Any]]:
        return [{"model": f"m{i}", "x": i, "y": i} for i in range(count)]

    x, y = alt.X("x:Q"), alt.Y("y:Q")
    few, many = (alt.Chart(pd.DataFrame(named(count))) for count in (20, 21))

    assert labels(few, named(20), x, y) == []
    [text] = labels(many, named(21), x, y)
    assert text.to_dict()["encoding"]["text"]["field"] == "model"
    legends = [by_model(named(count)).to_dict().get("legend") for count in (20, 21)]
    assert legends[0]
    assert legends[1] is None
    assert by_model(named(11)).to_dict()["scale"]["scheme"] == "tableau20"
