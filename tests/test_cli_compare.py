"""harness.cli_compare: two questions, and one line for what makes no sense."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import cli
from harness.errors import ConfigError, FactError
from harness.records import store
from tests.builders import cell, parse_shipped_once, write_sweep

EXAMPLE = Path(__file__).parents[1] / "results" / "demo-cpu-example"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_shipped_once(monkeypatch)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exception is None, result.exception
    return json.loads(result.output)


def test_one_sweep_at_two_dates_says_what_was_listed_between_them() -> None:
    found = run("compare", str(EXAMPLE), "--as-of-a", "2026-06-01", "--as-of-b", "2026-06-30")

    assert found.exception is None
    assert "2026-06-08 Alibaba Group Holding Limited: listed" in found.output
    assert "by cause: facts" in found.output


def test_what_is_said_of_one_side_stands_over_what_is_said_of_both() -> None:
    found = answer(
        "compare", str(EXAMPLE), "buyer=eu_private", "--buyer-b", "us_state_texas",
        "--pricing-b", "owned_example", "risk.draws=500",
    )  # fmt: skip

    assert "buyer eu_private" in found["a"]
    assert "buyer us_state_texas" in found["b"]
    assert found["causes"] == ["price", "buyer"]
    for pair in found["pairs"]:
        for moved in pair["moved"]:
            if moved["parts"]:
                whole = sum(part["value"] for part in moved["parts"])
                assert whole == pytest.approx(moved["change"])


def test_explain_prints_files_formula_and_check() -> None:
    found = run("explain", str(EXAMPLE), "smollm2_135m", "bill_usd_per_mtok_total")

    assert found.exception is None
    assert "cell.json, levels[c8].window.output_tokens" in found.output
    # 0.0816 USD an hour are 2.26667e-05 USD a second
    cells = [cell for _, cell in store.cells(EXAMPLE) if "smollm2" in cell.cell_id]
    [window] = [each.window for each in cells[0].levels if each.name == "c8"]
    assert window
    seconds = window.end_s - window.start_s
    mtok = (window.input_tokens + window.output_tokens) / 1e6
    usd = seconds * 0.0816 / 3600 / mtok
    told = f"{seconds:g} s x 2.26667e-05 USD/s / {mtok:g} million tokens = {usd:g} USD"
    assert told in found.output
    assert "agrees: counts taken again from 32 rows of requests.parquet" in found.output


def test_explain_judges_with_the_settings_given() -> None:
    [found] = answer("explain", str(EXAMPLE), "smollm2_135m", "buyer", "buyer=us_state_texas")

    assert found["shown"] == "us_state_texas"


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("compare", "a"), ConfigError, "nothing differs between A and B"),
        (("compare", "buyer=eu_private"), ConfigError, "0 sweep folders: name two"),
        (("compare", "a", "b", "c"), ConfigError, "3 sweep folders"),
        (("compare", "a", "--as-of-b", "2126-01-01"), ConfigError, "in the future"),
        (("compare", "a", "--buyer-b", "nobody"), ConfigError, "buyer/nobody"),
        (("compare", "a", "--as-of-b", "2026-06-01"), FactError, "a: no cell records there"),
        (("explain", "a", "tiny", "status"), FactError, "a: no cell records there"),
        (("explain", "a", "tiny", "output_tok"), ConfigError, "did you mean output_tok_per_s"),
        (("explain", "a", "tiny", "status", "oops"), ConfigError, "oops: a setting is KEY=VALUE"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    error: type[Exception],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    found = run(*arguments)

    assert isinstance(found.exception, error)
    assert said in str(found.exception)
    assert len(str(found.exception).splitlines()) == 1


def test_an_unknown_model_is_answered_with_those_there(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "unit", cell())

    found = run("explain", str(sweep), "nope", "status")

    assert isinstance(found.exception, FactError)
    assert str(found.exception).endswith("; models there: tiny")
    near = run("explain", str(sweep), "tinny", "status")
    assert "did you mean tiny?" in str(near.exception)


def test_of_a_model_with_many_cells_five_are_written_out(tmp_path: Path) -> None:
    cells = [cell(f"tiny-chat-00000000000{n}") for n in range(8)]
    sweep = write_sweep(tmp_path / "unit", *cells)

    lines = run("explain", str(sweep), "tiny", "status").output.splitlines()

    assert sum(line.startswith("tiny, ") for line in lines) == 5
    assert lines[-4] == "3 more cells; name one instead of tiny for its way:"
    assert lines[-1] == "  tiny-chat-000000000007: done"
