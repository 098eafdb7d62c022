"""harness.report.judged: gate, risk and what a withdrawal would cost."""

from pathlib import Path

import pytest

from harness.records.schema import Cell
from tests.builders import cell, estimate, failed_cell, level, window
from tests.report.judging import risky, row, table


def test_a_model_outside_the_registry_is_not_assessed_and_still_has_its_costs(
    tmp_path: Path,
) -> None:
    unheard = cell(config={"model.key": "new/model", "model.developer": "newcomer"})

    found = row(tmp_path, unheard)

    assert found.text("gate") == "not_assessed"
    assert found.text("developer") == "newcomer"
    assert found.figure("risk_score").value is None
    assert "new/model is not in the registry" in str(found.figure("risk_score").reason)
    assert found.figure("bill_usd_per_mtok_total").value == pytest.approx(25.0)
    assert found.figure("risk_adjusted_usd_per_mtok_total").value is None


def test_risk_is_an_interval_with_its_factors_and_evidence(tmp_path: Path) -> None:
    found = row(tmp_path, risky())

    # listing 0.75 x 0.35 + private 0.25 x 0.2; nothing unknown.
    assert found.figure("risk_score").value == pytest.approx(0.3125)
    assert (found.figure("risk_score").low, found.figure("risk_score").high) == (
        pytest.approx(0.3125),
        pytest.approx(0.3125),
    )
    assert "listing 0.35 x [0.75, 0.75]" in found.text("risk_factors")
    assert "made up for tests" in found.text("risk_evidence")
    assert found.text("headquarters") == "CN"


def test_another_buyer_changes_the_gate_and_no_measurement(tmp_path: Path) -> None:
    private = row(tmp_path / "a", risky())
    defence = row(tmp_path / "b", risky(), {"buyer.profile": "us_defence_contractor"})

    assert private.text("gate") == "clear"
    assert defence.text("gate") == "blocked"
    assert "Acme Ltd. under The flist" in defence.text("gate_reasons")
    assert defence.figure("output_tok_per_s") == private.figure("output_tok_per_s")


def test_facts_are_judged_on_the_day_that_is_asked_for(tmp_path: Path) -> None:
    before = table(tmp_path / "a", risky(), changes={"risk.as_of": "2026-05-31"})
    first = table(tmp_path / "b", risky(), changes={"risk.as_of": "2026-06-01"})

    assert [str(t.day) for t in (before, first)] == ["2026-05-31", "2026-06-01"]
    hazards = [t.rows[0].figure("withdrawal_hazard_per_year").value for t in (before, first)]
    assert hazards == [0.0, 0.11]


# --- resilience ------------------------------------------------------------------------------


def test_a_model_that_may_be_withdrawn_is_priced_with_the_cheapest_safer_fallback(
    tmp_path: Path,
) -> None:
    # Own cost 12.5 (20 tokens a second), fallbacks at 25 and 50 USD per million in and out.
    slow = level(output_tok_per_s=estimate(5.0), window=window(end_s=20.0))
    dear = cell("slow-chat-000000000003", levels=(slow,))

    rows = {r.text("model"): r for r in table(tmp_path, cell(), risky(), dear).rows}
    found = rows["risky"]

    assert found.text("fallback").startswith("tiny ")
    # (25 - 12.5) x 1e5 / 150000
    assert found.figure("break_even_hazard_per_year").value == pytest.approx(8.3333, abs=1e-4)
    # p = 1 - exp(-0.33) = 0.281076, in use 2.555238 years:
    # (12.5 x 2.555238 + 25 x 0.444762 + 150000 x 0.281076 / 1e5) / 3 = 14.4937
    adjusted = found.figure("risk_adjusted_usd_per_mtok_total")
    assert adjusted.value == pytest.approx(14.4937, abs=1e-3)
    assert "fallback tiny-chat-000000000001" in adjusted.source


def test_a_model_without_hazard_costs_its_own_cost(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    own, adjusted = (
        found.figure("bill_usd_per_mtok_total"),
        found.figure("risk_adjusted_usd_per_mtok_total"),
    )
    assert (adjusted.value, adjusted.low, adjusted.high) == (own.value, own.low, own.high)
    assert str(found.figure("break_even_hazard_per_year").reason).startswith("not applicable")


def test_without_a_permitted_safer_model_there_is_no_adjusted_cost(tmp_path: Path) -> None:
    found = row(tmp_path, risky())

    assert found.text("fallback") == "none"
    assert found.figure("risk_adjusted_usd_per_mtok_total").value is None


@pytest.mark.parametrize(
    "other",
    [
        cell(config={"workload.name": "another"}),
        cell(config={"hardware.name": "cpu", "hardware.nvml_name": "other"}),
        cell(config={"model.key": "new/model"}),
        cell(levels=(level(void=("errors",)),)),
        failed_cell(),
        risky("twin-chat-000000000009"),
    ],
    ids=["other workload", "other machine", "not assessed", "void", "failed", "as exposed"],
)
def test_a_model_that_cannot_stand_in_is_no_fallback(tmp_path: Path, other: Cell) -> None:
    rows = table(tmp_path, risky(), other).rows

    [found] = [r for r in rows if r.cell.cell_id.startswith("risky-")]
    assert found.text("fallback") == "none"


def test_a_move_that_costs_nothing_has_no_break_even_and_says_so(tmp_path: Path) -> None:
    rows = table(tmp_path, cell(), risky(), changes={"buyer.switch_cost_usd": 0.0}).rows

    found = next(r for r in rows if r.text("model") == "risky")
    figure = found.figure("break_even_hazard_per_year")
    assert figure.value is None
    assert figure.reason
