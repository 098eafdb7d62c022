"""harness.report.join: a row per cell, every column filled, in the order of the records."""

import re
from pathlib import Path

import pytest

from harness.errors import FactError
from harness.records.schema import Cell
from harness.report.columns import COLUMNS
from harness.report.join import join
from harness.report.rows import Figure
from tests.builders import (
    DAY,
    cell,
    estimate,
    failed_cell,
    judge_config,
    level,
    shaped,
    write_sweep,
)
from tests.report.judging import API, FACTS, endpoint, risky, row, table
from tests.risk.making import write_registry


@pytest.mark.parametrize(
    "one",
    [
        cell(),
        failed_cell(),
        cell(levels=(level(void=("errors",)),)),
        risky(),
        cell(levels=()),
        cell(levels=(level(output_tok_per_s=None),)),
        cell(levels=(shaped(100, 32, 4.2), shaped(400, 8, 4.8), shaped(20, 64, 6.6))),
        endpoint(),
    ],
    ids=["done", "failed", "void", "listed", "no levels", "no rate", "shapes", "endpoint"],
)
def test_every_row_has_every_column_and_a_missing_figure_its_reason(
    tmp_path: Path, one: Cell
) -> None:
    found = row(tmp_path, one, API)

    assert set(found.values) == {column.key for column in COLUMNS}
    for column in COLUMNS:
        value = found.values[column.key]
        assert isinstance(value, Figure) == (column.kind == "figure")
        if isinstance(value, Figure):
            assert (value.value is None) == bool(value.reason), column.key
        else:
            assert value


def test_every_measured_figure_names_the_record_it_comes_from(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    for value in found.values.values():
        if isinstance(value, Figure) and value.value is not None:
            assert value.source
    assert found.figure("output_tok_per_s").source == "unit/tiny-chat-000000000001/requests.parquet"


def test_rows_keep_the_order_of_the_records_and_are_not_ranked(tmp_path: Path) -> None:
    # In order of cell id; by cost, throughput or risk the order would be another.
    slow, fast, middle = (
        cell(f"{name}-chat-00000000000{i}", levels=(level(output_tok_per_s=estimate(rate)),))
        for i, (name, rate) in enumerate((("a", 5.0), ("b", 50.0), ("c", 20.0)))
    )

    found = table(tmp_path, middle, fast, slow)

    assert [r.cell.cell_id[0] for r in found.rows] == ["a", "b", "c"]


def test_two_sweeps_stand_side_by_side_in_the_order_given(tmp_path: Path) -> None:
    facts = write_registry(tmp_path / "facts", FACTS)
    one = write_sweep(tmp_path / "one", cell("z-chat-000000000001"))
    two = write_sweep(tmp_path / "two", cell("a-chat-000000000001"))

    found = join([one, two], judge_config(registry_dirs=(facts,)))

    assert [r.folder.parent.name for r in found.rows] == ["one", "two"]


def test_a_folder_without_records_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=re.escape(f"{tmp_path}: no cell records there")):
        join([tmp_path], judge_config())


def test_the_frame_shows_the_reason_where_a_figure_is_missing(tmp_path: Path) -> None:
    frame = table(tmp_path, cell(), failed_cell()).frame()

    assert frame["output_tok_per_s"].tolist() == [10.0, "not measured: not reached"]
    assert frame["output_tok_per_s_n"].isna().tolist() == [False, True]
    figures = [column.key for column in COLUMNS if column.kind == "figure"]
    assert not (frame[figures] == 0).iloc[1].any()


def test_the_frame_has_the_price_range_beside_what_a_price_makes_and_nowhere_else(
    tmp_path: Path,
) -> None:
    frame = table(tmp_path, cell()).frame()

    assert frame["bill_usd_per_mtok_total_at_low_price"].tolist() == [pytest.approx(12.5)]
    assert frame["bill_usd_per_mtok_total_at_high_price"].tolist() == [pytest.approx(50.0)]
    assert "output_tok_per_s_at_low_price" not in frame


def test_the_day_of_a_report_is_the_one_judged_by(tmp_path: Path) -> None:
    assert table(tmp_path, cell()).day == DAY
