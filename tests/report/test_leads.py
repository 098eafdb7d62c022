"""harness.report.leads: who leads and how often, by hand where an end is certain."""

from pathlib import Path

import pytest

from harness.config.judge import FACTORS
from harness.report import leads
from harness.risk.factors import Factor
from tests.builders import cell, failed_cell
from tests.report.judging import RISKY, risky, table


def test_a_cheaper_model_that_hardly_leaves_is_nearly_always_the_cheapest(tmp_path: Path) -> None:
    # Half the cost of the other, intervals of a tenth: 12.5 +- 0.6 against 25 +- 1.3
    made = table(tmp_path, cell(), risky(), changes={"buyer.mtok_per_year": 1e9})

    [found] = leads.contests(made)

    assert (found.workload, found.basis) == ("chat_short", "bill_usd_per_mtok_total")
    assert found.shares == [("risky", 1.0), ("tiny", 0.0)]
    assert found.leader is not None
    assert (found.leader.row.text("model"), found.leader.share) == ("risky", 1.0)


def test_moving_that_costs_more_than_all_that_is_saved_makes_the_safe_one_cheapest(
    tmp_path: Path,
) -> None:
    dear = {"buyer.mtok_per_year": 1.0, "buyer.switch.contracts_usd": {"low": 1e7, "high": 2e7}}
    made = table(tmp_path, cell(), risky(), changes=dear)

    [found] = leads.contests(made)

    assert dict(found.shares)["tiny"] > 0.95


def test_the_safer_model_leads_in_nearly_all_weightings(tmp_path: Path) -> None:
    [(content, found)] = leads.stability(table(tmp_path, cell(), risky()))

    shares = dict(found)
    assert content == "chat"
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["tiny"] > 0.99


def test_one_model_alone_leads_nothing(tmp_path: Path) -> None:
    made = table(tmp_path, cell())

    [found] = leads.contests(made)
    assert leads.stability(made) == []
    assert found.shares == [("tiny", 1.0)]


def test_what_a_buyer_may_not_use_leads_nothing(tmp_path: Path) -> None:
    bound = {"buyer.bound_as": ["us_defence_contractor"]}
    made = table(tmp_path, cell(), risky(), failed_cell("x-failed-000000000009"), changes=bound)

    [found] = leads.contests(made)

    assert found.models == 2
    assert found.shares == [("tiny", 1.0)]
    assert leads.stability(made) == []


def test_a_machines_price_moves_all_on_it_alike_so_it_changes_no_lead(tmp_path: Path) -> None:
    # Bills 25 and 12.5, both on one machine whose price may be a tenth or tenfold.
    wide = {
        "buyer.mtok_per_year": 1e12,
        "pricing.machines.cpu.low_usd_per_hour": 0.36,
        "pricing.machines.cpu.high_usd_per_hour": 36.0,
    }
    made = table(tmp_path, cell(), risky(), changes=wide)

    [found] = leads.contests(made)

    assert found.shares == [("risky", 1.0), ("tiny", 0.0)]


def test_lowest_risk_is_told_per_content_at_the_weights_that_it_cuts(tmp_path: Path) -> None:
    code = {"workload.name": "code", "workload.content": "code"}
    other = code | {"model.name": "risky", "model.key": RISKY, "model.developer": "risky"}
    made = table(
        tmp_path,
        cell(),
        risky(),
        cell("c-code-000000000003", config=code),
        cell("d-code-000000000004", config=other),
    )
    models = {
        worst: [
            Factor(name=name, low=level, high=level, reasons=())
            for name in FACTORS
            for level in (at if name == worst else 0.0,)
        ]
        for worst, at in (("behaviour", 1.0), ("compulsion", 0.3))
    }

    assert {content for content, _ in leads.stability(made)} == {"chat", "code"}
    # 0.06 against 0.036 for chat; code leaves a twentieth of what behaviour weighs.
    risk = made.judge.risk
    assert dict(leads._least(models, risk, "chat"))["compulsion"] > 0.7
    assert dict(leads._least(models, risk, "code"))["behaviour"] > 0.9
