from pathlib import Path

import pytest

from harness.track import metrics
from tests.builders import cell, failed_cell, finetune_result, level
from tests.track.conftest import measured_cell, write_files


def test_points_come_in_order_of_the_load_and_a_void_level_has_no_figure(tmp_path: Path) -> None:
    points = list(metrics.level_points(measured_cell(tmp_path)))

    closed = [point for point in points if "closed/concurrency" in point]
    open_ = [point for point in points if "open/offered_rps" in point]
    assert [point["closed/concurrency"] for point in closed] == [1, 8]
    assert [point["open/offered_rps"] for point in open_] == [1.0, 2.0]
    assert closed[0]["closed/output_tok_per_s"] == 10.0
    assert closed[1] == {"closed/concurrency": 8, "closed/void": True, "closed/failed": 0}


def test_a_trace_has_no_load_to_be_drawn_against() -> None:
    trace = level(name="trace-x1", kind="trace", concurrency=None, rate_rps=None)
    assert list(metrics.level_points(cell(levels=(trace,)))) == []


def test_the_summary_has_the_headline_figures_under_the_names_of_the_columns() -> None:
    found = metrics.summary(cell(), Path("unit/c"))

    assert found["output_tok_per_s"] == 10.0
    assert (found["output_tok_per_s_low"], found["output_tok_per_s_high"]) == (9.0, 11.0)
    assert found["ttft_p50_s"] == 0.5
    assert found["level"] == "c1"
    assert found["c1/itl_p50_s"] == 0.05


def test_what_was_not_measured_is_absent_and_not_zero() -> None:
    found = metrics.summary(failed_cell(), Path("unit/c"))

    assert "output_tok_per_s" not in found
    assert "energy_j_per_output_tok" not in found
    assert (found["failure_stage"], found["failure_kind"]) == ("serve", "SetupError")


def test_a_row_of_the_level_table_has_one_value_a_column_and_a_void_one_no_figures(
    tmp_path: Path,
) -> None:
    rows = [
        dict(zip(metrics.LEVEL_TABLE, row, strict=True))
        for row in metrics.level_rows(measured_cell(tmp_path))
    ]
    void = next(row for row in rows if row["name"] == "c8")
    good = next(row for row in rows if row["name"] == "c1")
    assert void["void"] == "client_lag: it was late"
    assert void["output_tok_per_s"] is void["ttft_p50_s"] is void["total_tok_per_s"] is None
    assert (good["output_tok_per_s"], good["void"]) == (10.0, "")


def test_the_learning_curve_is_against_bytes_of_text_that_were_trained_on(tmp_path: Path) -> None:
    folder = tmp_path / "cell"
    folder.mkdir()
    write_files(folder)

    curve = metrics.learning_curve(cell(finetune=finetune_result()), folder)

    # Two examples of 3 and 5 bytes (é has two), one a step, two epochs: 4, 8, 12, 16 bytes.
    assert curve == [
        {"finetune/text_bytes": 0, "finetune/heldout_loss": 2.0},
        {"finetune/text_bytes": 4, "finetune/loss": 1.75},
        {"finetune/text_bytes": 8, "finetune/loss": 1.5},
        {"finetune/text_bytes": 12, "finetune/loss": 1.25},
        {"finetune/text_bytes": 16, "finetune/loss": 1.0},
        {"finetune/text_bytes": 16, "finetune/heldout_loss": 0.5},
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "not measured: finetune/job.json is not there"),
        ("{", "not measured: finetune/ cannot be read: JSONDecodeError"),
        ("{}", "not measured: finetune/ cannot be read: KeyError"),
    ],
)
def test_a_learning_curve_without_its_files_has_a_reason(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    (tmp_path / "finetune").mkdir()
    if content is not None:
        for name in ("job.json", "outcome.json"):
            (tmp_path / "finetune" / name).write_text(content, encoding="utf-8")
    found = metrics.learning_curve(cell(finetune=finetune_result()), tmp_path)
    assert isinstance(found, str)
    assert found.startswith(reason)
    assert metrics.learning_curve(cell(), tmp_path) == "not measured: no fine-tuning"
