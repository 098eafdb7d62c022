"""harness.report.judged: gate, risk and what a withdrawal would cost."""

from pathlib import Path
from typing import Any

import pytest

from harness import resilience
from harness.records.schema import Cell
from tests.builders import cell, estimate, failed_cell, level, window
from tests.report.judging import API, SAFE, TWIN, endpoint, risky, row, table


def test_a_model_outside_the_registry_is_not_assessed_and_still_has_its_costs(
    tmp_path: Path,
) -> None:
    unheard = cell(config={"model.key": "new/model", "model.developer": "newcomer"})

    found = row(tmp_path, unheard)

    assert found.text("gate") == "not_assessed"
    assert found.text("developer") == "newcomer"
    assert found.figure("risk_score").value is None
    assert "harness risk add model new/model" in str(found.figure("risk_score").reason)
    assert found.figure("bill_usd_per_mtok_total").value == pytest.approx(25.0)
    assert found.figure("risk_adjusted_usd_per_mtok_total").value is None


def test_risk_is_a_spread_with_its_factors_evidence_and_rank(tmp_path: Path) -> None:
    rows = {r.text("model"): r for r in table(tmp_path, cell(), risky()).rows}
    safe, found = rows["tiny"], rows["risky"]

    # On a national list, and the state may compel the maker.
    assert "listing 0.2 x [0.75, 0.75]" in found.text("risk_factors")
    assert "compulsion 0.12 x [0.5, 0.5]" in found.text("risk_factors")
    assert "behaviour 0.06 x [0, 1]" in found.text("risk_factors")
    assert "made up for tests" in found.text("risk_evidence")
    assert found.text("headquarters") == "CN"
    score = found.figure("risk_score")
    assert score.low < score.value < score.high
    assert safe.figure("risk_score").value < score.value
    assert (safe.figure("risk_rank").value, found.figure("risk_rank").value) == (1, 2)
    assert found.text("risk_ties") == "none: told from all others here"


def test_models_with_the_same_facts_tie(tmp_path: Path) -> None:
    twin = cell("twin-chat-000000000002", config={"model.name": "twin", "model.key": TWIN})

    rows = table(tmp_path, cell(), twin).rows

    assert {r.text("model"): r.text("risk_ties") for r in rows} == {
        "tiny": f"{TWIN}@*",
        "twin": f"{SAFE}@*",
    }


def test_another_buyer_changes_the_gate_and_no_measurement(tmp_path: Path) -> None:
    private = row(tmp_path / "a", risky())
    defence = row(tmp_path / "b", risky(), {"buyer.bound_as": ["us_defence_contractor"]})

    assert private.text("gate") == "clear"
    assert defence.text("gate") == "blocked"
    assert "Acme Ltd. under The flist" in defence.text("gate_reasons")
    assert defence.figure("output_tok_per_s") == private.figure("output_tok_per_s")


def test_an_endpoint_is_a_third_partys_and_another_row_of_risk(tmp_path: Path) -> None:
    own, rented = row(tmp_path / "a", cell()), row(tmp_path / "b", endpoint(), API)

    assert (own.text("deployment"), rented.text("deployment")) == ("self hosted", "third party")
    assert "serving_path 0.1 x [0, 0]" in own.text("risk_factors")
    assert "serving_path 0.1 x [0.5, 0.75]" in rented.text("risk_factors")


def test_behaviour_weighs_next_to_nothing_where_the_content_is_code(tmp_path: Path) -> None:
    found = row(tmp_path, cell(config={"workload.content": "code"}))

    # 0.06 x 0.05 / (0.88 + 0.12 x 0.05)
    assert "behaviour 0.00339 x [0, 1]" in found.text("risk_factors")


def test_facts_are_judged_on_the_day_that_is_asked_for(tmp_path: Path) -> None:
    before = table(tmp_path / "a", risky(), changes={"risk.as_of": "2026-05-31"})
    first = table(tmp_path / "b", risky(), changes={"risk.as_of": "2026-06-01"})

    assert [str(t.day) for t in (before, first)] == ["2026-05-31", "2026-06-01"]
    parts = [t.rows[0].text("withdrawal_hazard_parts") for t in (before, first)]
    assert "has happened" not in parts[0]
    assert "risky, national list" in parts[1]
    assert "has happened" in parts[1]


# --- resilience ------------------------------------------------------------------------------

# Costs and chances that are points: figures follow by hand.
POINTS = {
    "buyer.switch.engineering_days": {"low": 100.0, "high": 100.0},
    "buyer.switch.usd_per_engineering_day": 1500.0,
    "buyer.switch.contracts_usd": {"low": 0.0, "high": 0.0},
    "buyer.switch.downtime_days": {"low": 0.0, "high": 0.0},
    "buyer.discount_rate_per_year": 0.0,
}


def exact(value: float) -> Any:
    """An estimate without an interval."""
    return estimate(value, spread=0.0)


def test_a_model_that_may_be_withdrawn_is_priced_with_the_cheapest_safer_fallback(
    tmp_path: Path,
) -> None:
    # Own cost 12.5 (20 tokens a second), fallbacks at 25 and 50 USD per million in and out.
    part = level().window
    assert part is not None
    fast = level(output_tok_per_s=exact(20.0), window=part.model_copy(update={"end_s": 5.0}))
    plain = level(output_tok_per_s=exact(10.0))
    slow = level(output_tok_per_s=exact(5.0), window=window(end_s=20.0))
    dear = cell("slow-chat-000000000003", levels=(slow,))

    cells = (cell(levels=(plain,)), risky(levels=(fast,)), dear)
    rows = {r.text("model"): r for r in table(tmp_path, *cells, changes=POINTS).rows}
    found = rows["risky"]

    assert found.text("fallback").startswith("tiny ")
    assert found.figure("switch_cost_usd").value == pytest.approx(150_000)
    # (25 - 12.5) x 1e5 / 150000
    assert found.figure("break_even_hazard_per_year").value == pytest.approx(8.3333, abs=1e-3)
    adjusted = found.figure("risk_adjusted_usd_per_mtok_total")
    assert 12.5 < adjusted.low < adjusted.value < adjusted.high < 25
    # The formula at the median hazard, which is where the median lies: it rises with the hazard.
    hazard = found.figure("withdrawal_hazard_per_year").value
    by_hand = resilience.expected_usd_per_mtok(12.5, 25.0, 1e5, 150_000.0, hazard, 3.0)
    assert adjusted.value == pytest.approx(by_hand, rel=0.01)
    assert found.figure("below_fallback_share").value == 1.0
    assert "fallback tiny-chat-000000000001" in adjusted.source


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
    rows = table(
        tmp_path, cell(), risky(), changes=POINTS | {"buyer.switch.usd_per_engineering_day": 0.0}
    ).rows

    found = next(r for r in rows if r.text("model") == "risky")
    figure = found.figure("break_even_hazard_per_year")
    assert figure.value is None
    assert figure.reason
