"""harness.report.page.plots: what is drawn, and what is not."""

from pathlib import Path
from typing import Any

from harness.report.naming import called
from harness.report.page.curves import curves
from harness.report.page.plots import chart, correct, learning, plots
from tests.builders import cell, failed_cell, score
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


def test_nothing_is_drawn_where_nothing_was_measured(tmp_path: Path) -> None:
    rows = table(tmp_path, failed_cell()).rows

    names = called(rows)
    assert correct(rows, "x", names) is None
    assert learning(rows, names) is None
    assert curves(rows, "itl_s", "x", names) is None
