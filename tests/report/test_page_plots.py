"""harness.report.page_plots: what is drawn, and what is not."""

from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from harness.report.naming import called
from harness.report.page_curves import curves, voids
from harness.report.page_marks import by_model, labels
from harness.report.page_plots import chart, correct, learning, plots
from tests.builders import cell, estimate, failed_cell, level, score, shaped
from tests.report.judging import risky, table

ACCURACY = score(task="hellaswag_100", metric="acc_norm", output_tokens=None)
BILL = "bill_usd_per_mtok_total"


def points(drawn: Any) -> list[dict[str, Any]]:
    [found] = drawn.to_dict()["datasets"].values()
    return list(found)


def test_a_chart_draws_only_cells_that_have_both_figures(tmp_path: Path) -> None:
    rows = table(tmp_path, cell(scores=(ACCURACY,)), risky(), failed_cell()).rows

    drawn = points(chart(rows, BILL, "accuracy_en", "x", called(rows)))
    assert [each["model"] for each in drawn] == ["tiny"]
    assert chart(rows, BILL, "accuracy_zh", "x", called(rows)) is None


def test_a_mark_carries_its_interval_and_its_shape_tells_how_it_came_about(tmp_path: Path) -> None:
    rows = table(tmp_path, cell()).rows
    drawn: Any = chart(rows, BILL, "risk_score", "x", called(rows))

    [point] = points(drawn)
    assert point["x_low"] < point["x"] == 25.0 < point["x_high"]
    assert point["evidence"] == "measured"
    scale = drawn.to_dict()["layer"][2]["encoding"]["shape"]["scale"]
    shapes = dict(zip(scale["domain"], scale["range"], strict=True))
    assert shapes == {"measured": "circle", "imported": "triangle-up", "estimated": "cross"}


def test_a_curve_leaves_void_levels_out_and_needs_two(tmp_path: Path) -> None:
    slow = level(name="slow", output_tok_per_s=estimate(5.0))
    bad = level(name="bad", void=("errors",))
    three = table(tmp_path / "a", cell(levels=(level(), slow, bad))).rows
    one = table(tmp_path / "b", cell(levels=(level(), bad))).rows

    drawn = points(curves(three, "ttft_s", "x", called(three)))

    assert sorted(each["rate"] for each in drawn) == [5.0, 10.0]
    assert curves(one, "ttft_s", "x", called(one)) is None


OWN = {"workload.prompts.input_tokens": 75, "workload.output.tokens": 25}
"""The shape of the builders' levels, so that they are of the workload's own."""


def test_a_line_joins_levels_of_one_loop_and_of_the_workloads_own_shape(tmp_path: Path) -> None:
    closed = [
        level(name=f"c{c}", concurrency=c, output_tok_per_s=estimate(rate))
        for c, rate in ((8, 12.0), (1, 10.0), (32, 11.0))
    ]
    rates = [
        level(name=f"r{r}", kind="open", concurrency=None, rate_rps=r, output_tok_per_s=estimate(r))
        for r in (2.0, 1.0)
    ]
    other, probe = shaped(500, 10, 5.0), level(name="p", kind="probe", rate_rps=1.0)
    made = cell(config=OWN, levels=(*closed, *rates, other, probe))
    rows = table(tmp_path, made).rows

    drawn: Any = curves(rows, "ttft_s", "x", called(rows))

    lines: dict[str, list[str]] = {}
    for point in sorted(points(drawn), key=lambda each: each["load"]):
        lines.setdefault(point["loop"], []).append(point["level"])
    assert lines["closed"] == ["c1", "c8", "c32"]  # by load, not by throughput
    assert lines["open"] == ["r1.0", "r2.0"]
    assert set(lines["none"]) == {other.name, "p"}
    [line] = [each for each in drawn.to_dict()["layer"] if each["mark"]["type"] == "line"]
    assert line["transform"] == [{"filter": "datum.loop !== 'none'"}]
    assert line["encoding"]["order"]["field"] == "load"
    assert line["encoding"]["detail"]["field"] == "line"
    assert len({point["line"] for point in points(drawn) if point["loop"] != "none"}) == 2


def test_a_level_is_drawn_with_the_intervals_of_both_figures(tmp_path: Path) -> None:
    rows = table(tmp_path, cell(levels=(level(), level(name="b")))).rows

    point, _ = points(curves(rows, "ttft_s", "x", called(rows)))

    assert (point["rate_low"], point["rate_high"]) == (9.0, 11.0)
    assert point["latency_low"] < point["latency"] < point["latency_high"]


def test_a_void_level_is_named_with_its_reasons(tmp_path: Path) -> None:
    bad = level(name="bad", void=("errors", "client too slow"))
    rows = table(tmp_path, cell(levels=(level(), bad)), risky()).rows

    assert voids(rows, called(rows)) == [("tiny, chat_short", "bad: errors; client too slow")]


def test_each_workload_has_plots_of_its_own_with_titles_that_wrap(tmp_path: Path) -> None:
    long = {"workload.name": "a_workload_with_quite_a_long_name"}
    rows = table(tmp_path, cell(), cell("b-chat-000000000002", config=long)).rows

    drawn = {each["title"]: each["spec"] for each in plots(rows) if each["spec"]}

    assert "Cost against risk: chat_short" in drawn
    spec = drawn["Cost against risk: a_workload_with_quite_a_long_name"]
    assert spec["title"]["text"] == [
        "Cost against risk:", "a_workload_with_quite_a_long_name",
    ]  # fmt: skip
    [data] = spec["datasets"].values()
    assert len(data) == 1


def test_more_models_than_a_legend_holds_are_named_at_their_marks(tmp_path: Path) -> None:
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


def test_nothing_is_drawn_where_nothing_was_measured(tmp_path: Path) -> None:
    rows = table(tmp_path, failed_cell()).rows

    names = called(rows)
    assert correct(rows, "x", names) is None
    assert learning(rows, names) is None
    assert curves(rows, "itl_s", "x", names) is None
