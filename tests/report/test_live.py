"""harness.report.live: how often each model leads, by hand where an end is certain."""

from pathlib import Path

import pytest

from harness.report import live
from tests.builders import cell
from tests.report.judging import risky, table


def test_a_cheaper_model_that_hardly_leaves_is_nearly_always_the_cheapest(tmp_path: Path) -> None:
    # Half the cost of the other, intervals of a tenth: 12.5 +- 0.6 against 25 +- 1.3
    made = table(tmp_path, cell(), risky(), changes={"buyer.mtok_per_year": 1e9})

    [(workload, shares)] = live.cheapest(made)

    assert workload == "chat_short"
    assert shares == [("risky", 1.0), ("tiny", 0.0)]


def test_moving_that_costs_more_than_all_that_is_saved_makes_the_safe_one_cheapest(
    tmp_path: Path,
) -> None:
    dear = {"buyer.mtok_per_year": 1.0, "buyer.switch.contracts_usd": {"low": 1e7, "high": 2e7}}
    made = table(tmp_path, cell(), risky(), changes=dear)

    [(_, shares)] = live.cheapest(made)

    assert dict(shares)["tiny"] > 0.95


def test_the_safer_model_leads_in_nearly_all_weightings(tmp_path: Path) -> None:
    shares = dict(live.stability(table(tmp_path, cell(), risky())))

    assert sum(shares.values()) == pytest.approx(1)
    assert shares["tiny"] > 0.99


def test_one_model_alone_leads_nothing(tmp_path: Path) -> None:
    made = table(tmp_path, cell())

    assert (live.stability(made), live.cheapest(made)) == ([], [])
