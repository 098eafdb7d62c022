"""harness.report.tables: what a reader meets; hostile text stays text in every file."""

import csv
from pathlib import Path
from typing import Any

import pytest

from harness.report.columns import BY_KEY, COLUMNS
from harness.report.join import Table
from harness.report.rows import Figure
from harness.report.tables import (
    NO_LIST_CLAIM,
    console,
    provenance,
    show,
    title,
    write_csv,
)
from tests.builders import (
    cell,
)
from tests.report.hostile import hostile_table
from tests.report.judging import API, CACHED_PRICE, endpoint
from tests.report.judging import table as judged


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return hostile_table(tmp_path)


# --- one figure ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Figure(value=1234.567, low=1000.0, high=1500.0, n=10), "1,234.6 [1,000.0, 1,500.0] n=10"),
        (Figure(value=1.0, low=0.5, n=10), "1.0 [0.5, unbounded] n=10"),
        (Figure(value=1.0, n=1), "1.0 n=1"),
        (Figure(value=1.0), "1.0"),
        (Figure(value=0.0, n=4), "0.0 n=4"),
        (
            Figure(value=2.0, n=4, at_low_price=1.0, at_high_price=4.0),
            "2.0 n=4; 1.0 to 4.0 by price",
        ),
        (Figure(reason="void: too slow"), "void: too slow"),
        (Figure(), "not measured: no reason recorded"),
    ],
)
def test_a_figure_shows_value_interval_and_sample_size_or_why_there_is_none(
    figure: Figure, text: str
) -> None:
    assert show(figure, BY_KEY["output_tok_per_s"]) == text


def test_a_heading_has_its_unit() -> None:
    assert title(BY_KEY["ttft_p50_s"]) == "TTFT p50 (s)"
    assert title(BY_KEY["model"]) == "Model"


# --- csv -------------------------------------------------------------------------------------


def read_csv(table: Table, folder: Path) -> list[dict[str, str]]:
    write_csv([table], folder / "summary.csv")
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_csv_has_a_line_per_cell_in_the_order_of_the_records(
    table: Table, tmp_path: Path
) -> None:
    ids = [line["cell_id"][0] for line in read_csv(table, tmp_path)]

    assert ids == ["a", "b", "c", "d", "e"]


def test_the_csv_fills_no_missing_figure_with_zero_or_blank(table: Table, tmp_path: Path) -> None:
    _, failed, void, *_ = read_csv(table, tmp_path)

    for column in COLUMNS:
        assert failed[column.key] not in ("", "0", "0.0", "nan"), column.key
    assert failed["output_tok_per_s"] == "not measured: not reached"
    assert void["output_tok_per_s"] == "void: errors"
    assert void["bill_usd_per_mtok_total"] == "void: errors"


def test_the_csv_keeps_a_figures_full_precision(table: Table, tmp_path: Path) -> None:
    done, *_ = read_csv(table, tmp_path)

    assert float(done["bill_usd_per_mtok_total"]) == pytest.approx(25.0)
    assert float(done["bill_usd_per_mtok_total_low"]) == pytest.approx(25 / 1.1)


# --- provenance and console ------------------------------------------------------------------


def test_provenance_names_day_versions_price_buyer_and_lists(table: Table) -> None:
    lines = dict(provenance(table))

    assert lines["Judged on"] == "2026-11-25"
    assert "vLLM 0.32.0, torch 2.13.0" in lines["Cell a-done-000000000001"]
    price = "1.8 / 3.6 / 7.2 USD per machine-hour (assumption, none"
    assert lines["Price of cpu"].startswith(price)
    assert lines["Utilisation"] == "100% of the paid hours"
    assert "us_private" in lines["Buyer"]
    assert lines["Lists"] == NO_LIST_CLAIM


def test_a_gpus_price_is_one_of_a_gpu_hour(tmp_path: Path) -> None:
    # Named as the hardware that the test's pricing knows.
    on_gpu = cell(config={"hardware.name": "cpu", "hardware.kind": "gpu"}, cpu_only=False)

    lines = dict(provenance(judged(tmp_path, on_gpu)))

    assert lines["Price of cpu"].startswith("1.8 / 3.6 / 7.2 USD per GPU-hour (assumption")


@pytest.mark.parametrize(
    ("changes", "cached"), [(API, "not listed"), (CACHED_PRICE, "0.02")], ids=["none", "listed"]
)
def test_an_endpoints_prices_are_those_of_its_api_and_of_no_machine(
    tmp_path: Path, changes: dict[str, Any], cached: str
) -> None:
    lines = dict(provenance(judged(tmp_path, endpoint(), changes=changes)))

    assert lines["API price of tiny"] == (
        f"input 0.2, cached input {cached}, output 1 USD per million tokens (2026-11-25):"
        " a price page"
    )
    assert not {"Price of cpu", "Utilisation"} & set(lines)


def test_an_endpoint_beside_a_machine_leaves_the_machines_lines(tmp_path: Path) -> None:
    ours = cell("ours-chat-000000000002")

    lines = dict(provenance(judged(tmp_path, endpoint(), ours, changes=API)))

    assert {"API price of tiny", "Price of cpu", "Utilisation"} <= set(lines)


def test_the_terminal_shows_every_model_and_the_cpu_note(table: Table) -> None:
    text = console(table)

    assert text.startswith("CPU figures")
    assert text.count("tiny") >= 3


def test_the_terminal_gets_no_mark_that_moves_it_or_turns_text_about(tmp_path: Path) -> None:
    named = cell(config={"model.name": "a\x1b[2Jb\u202ec"})

    text = console(judged(tmp_path, named))

    assert "a<U+001B>[2Jb<U+202E>c" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
