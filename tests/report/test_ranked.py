"""harness.report.ranked: the cost that a choice goes by, and what has no place in a ranking."""

from pathlib import Path

import pytest

from tests.builders import cell, failed_cell, level
from tests.report.judging import risky, row, table

DEFENCE = {"buyer.bound_as": ["us_defence_contractor"]}


def test_what_failed_is_void_or_is_barred_has_no_rank_of_either_kind(tmp_path: Path) -> None:
    void = cell(
        "void-chat-000000000003",
        config={"model.name": "void"},
        levels=(level(void=("client too slow",)),),
    )
    strange = cell(
        "strange-chat-000000000004", config={"model.name": "strange", "model.key": "new/model"}
    )
    failed = failed_cell()
    cells = (cell(), risky(), void, strange, failed)

    rows = table(tmp_path, *cells, changes=DEFENCE).rows

    why = {r.cell.cell_id: r.figure("cost_rank").reason for r in rows}
    assert why[cell().cell_id] is None
    assert why[risky().cell_id] == "not ranked: gate: blocked"
    assert why[void.cell_id] == "not ranked: void: client too slow"
    assert why[strange.cell_id] == "not ranked: not assessed"
    assert str(why[failed.cell_id]).startswith("not ranked: failed in ")
    ranks = {r.cell.cell_id: r.figure("risk_rank") for r in rows}
    assert {of for of, rank in ranks.items() if rank.value is not None} == {cell().cell_id}
    assert ranks[cell().cell_id].value == 1  # of one: a barred model is no rival
    assert ranks[risky().cell_id].reason == "not ranked: gate: blocked"
    assert ranks[void.cell_id].reason == "not ranked: void: client too slow"


def test_the_cost_that_ranks_is_the_plain_bill_where_nothing_safer_stands_by(
    tmp_path: Path,
) -> None:
    alone = row(tmp_path, cell())

    found = alone.figure("ranked_usd_per_mtok")
    bill = alone.figure("bill_usd_per_mtok_total")
    assert (found.value, found.low, found.high, found.n) == (
        pytest.approx(25.0), bill.low, bill.high, bill.n,
    )  # fmt: skip
    assert alone.text("ranked_cost_kind") == (
        "the plain bill per million of all tokens:"
        " not measured: no permitted, safer fallback in this report"
    )
    assert alone.figure("cost_rank").value == 1


def test_with_a_fallback_it_is_the_risk_adjusted_one_and_cells_of_one_workload_are_ranked(
    tmp_path: Path,
) -> None:
    other = cell("tiny-code-000000000005", config={"workload.name": "code"})

    rows = {r.cell.cell_id: r for r in table(tmp_path, cell(), risky(), other).rows}

    found = rows[risky().cell_id]
    adjusted = found.figure("risk_adjusted_usd_per_mtok_total")
    usd = found.figure("ranked_usd_per_mtok")
    assert usd.value == pytest.approx(adjusted.value, rel=0.02)  # middles against the median
    assert (usd.low, usd.high) == (adjusted.low, adjusted.high)
    assert (
        found.text("ranked_cost_kind") == "with the risk of withdrawal, per million of all tokens"
    )
    assert {of: r.figure("cost_rank").value for of, r in rows.items()} == {
        risky().cell_id: 1, cell().cell_id: 2, other.cell_id: 1,
    }  # fmt: skip


def test_an_unpriced_cell_says_why_it_is_not_ranked(tmp_path: Path) -> None:
    unloaded = row(tmp_path, cell(levels=()))

    assert unloaded.figure("ranked_usd_per_mtok").value is None
    assert str(unloaded.figure("cost_rank").reason).startswith("not ranked: not measured")
    assert unloaded.text("ranked_cost_kind").startswith("none: not measured")
    assert unloaded.figure("risk_rank").value == 1  # what it costs is another question
