"""harness.report.page.curves: which levels a line joins, and which are named instead."""

from pathlib import Path
from typing import Any

from harness.report.naming import called
from harness.report.page.curves import curves, voids
from tests.builders import cell, estimate, level, shaped
from tests.report.judging import risky, table

OWN = {"workload.prompts.input_tokens": 75, "workload.output.tokens": 25}
"""The shape of the builders' levels, so that they are of the workload's own."""


def points(drawn: Any) -> list[dict[str, Any]]:
    [found] = drawn.to_dict()["datasets"].values()
    return list(found)


def test_a_curve_leaves_void_levels_out_and_needs_two(tmp_path: Path) -> None:
    slow = level(name="slow", output_tok_per_s=estimate(5.0))
    bad = level(name="bad", void=("errors",))
    three = table(tmp_path / "a", cell(levels=(level(), slow, bad))).rows
    one = table(tmp_path / "b", cell(levels=(level(), bad))).rows

    drawn = points(curves(three, "ttft_s", "x", called(three)))

    assert sorted(each["rate"] for each in drawn) == [5.0, 10.0]
    assert curves(one, "ttft_s", "x", called(one)) is None


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
