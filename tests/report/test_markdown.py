"""harness.report.markdown: the answer first, every column after it, and text only ever text."""

import re
from pathlib import Path

import pytest

from harness.report.columns import COLUMNS
from harness.report.join import Table
from harness.report.markdown import write_markdown
from harness.report.tables import DISCLAIMER, MOST_SIDE_BY_SIDE, NO_LIST_CLAIM
from tests.builders import cell
from tests.report.hostile import hostile_table
from tests.report.judging import risky
from tests.report.judging import table as judged


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return hostile_table(tmp_path)


def markdown(folder: Path, *tables: Table) -> str:
    write_markdown(tables, folder / "summary.md")
    return (folder / "summary.md").read_text("utf-8")


def tables_of(text: str) -> list[list[str]]:
    """The lines of each table."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return [block for block in blocks if block[0].startswith("|")]


def test_the_answer_and_the_verdicts_of_each_buyer_stand_before_the_figures(
    tmp_path: Path,
) -> None:
    defence = {
        "buyer.bound_as": ["us_defence_contractor"],
        "buyer.profile": "us_defence_contractor",
    }
    private = judged(tmp_path / "a", cell(), risky())
    barred = judged(tmp_path / "b", cell(), risky(), changes=defence)

    answer, verdicts, *_ = tables_of(markdown(tmp_path, private, barred))

    # The listed model costs half; whom the gate bars it from takes the other at 25 USD.
    usd = {row.text("model"): row.figure("ranked_usd_per_mtok").value for row in private.rows}
    assert 12.5 < usd["risky"] < 25
    assert [line.split(" | ")[2:5] for line in answer[2:]] == [
        ["us private", "risky", f"≈ {usd['risky']:.3g}"],
        ["us defence contractor", "tiny", "≈ 25"],
    ]
    assert [line.split(" | ")[3:] for line in verdicts[2:]] == [
        ["clear", "blocked |"],  # risky
        ["clear", "clear |"],  # tiny
    ]
    text = markdown(tmp_path, private, barred)
    assert "- risky, blocked for us defence contractor: " in text.split("## Figures")[0]


def test_two_configurations_of_one_repo_stand_apart(tmp_path: Path) -> None:
    other = cell("tiny-quantised-000000000006", config={"model.name": "tiny_fp8"})

    _, verdicts, *_ = tables_of(markdown(tmp_path, judged(tmp_path, cell(), other)))

    assert [line.split(" | ")[0] for line in verdicts[2:]] == ["| tiny", "| tiny_fp8"]


def test_every_table_has_the_same_number_of_columns_in_every_line(
    table: Table, tmp_path: Path
) -> None:
    *_, figures = tables_of(markdown(tmp_path, table))

    assert len(figures) == len(COLUMNS) + 2
    assert len(re.findall(r"(?<!\\)\|", figures[0])) == len(table.rows) + 2
    for lines in tables_of(markdown(tmp_path, table)):
        # An escaped pipe is text.
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_the_table_is_not_padded_to_its_longest_cell(table: Table, tmp_path: Path) -> None:
    lines = [line for line in markdown(tmp_path, table).splitlines() if line.startswith("|")]

    assert re.fullmatch(r"\|(---\|)+", lines[1])
    assert not any("   " in line or "----" in line for line in lines)


def test_a_number_that_was_not_measured_has_its_sign(table: Table, tmp_path: Path) -> None:
    *_, figures = tables_of(markdown(tmp_path, table))

    shown = {line.split(" | ")[0].strip("| "): line.split(" | ")[1] for line in figures[2:]}
    assert shown["Output throughput (tok/s)"].startswith("10.0 [")
    assert shown["Risk score, median (0 to 1)"].startswith("≈ 0.")


def test_of_very_many_cells_the_cheapest_of_each_model_are_shown(tmp_path: Path) -> None:
    many = [cell(f"tiny-chat-{i:012x}", config={"seed": i}) for i in range(MOST_SIDE_BY_SIDE)]

    *_, figures = tables_of(markdown(tmp_path, judged(tmp_path, *many, risky())))

    assert figures[0] == "|  | risky | tiny |"


def test_it_holds_no_html_of_anybody_elses(table: Table, tmp_path: Path) -> None:
    text = markdown(tmp_path, table)

    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_it_says_that_it_is_no_legal_advice_and_that_a_cpu_is_no_gpu(
    table: Table, tmp_path: Path
) -> None:
    text = markdown(tmp_path, table)

    assert DISCLAIMER in text
    assert "CPU figures" in text
    assert NO_LIST_CLAIM in text
