"""harness.rank: orders worked out by hand."""

import numpy as np
import pytest

from harness import resilience
from harness.rank import (
    Buyer,
    Case,
    Knobs,
    Leave,
    adjusted,
    at,
    front,
    order,
    score,
    stays_least,
)

BUYER = Buyer(mtok_per_year=1e5, horizon_years=3.0, discount_rate_per_year=0.05, utilisation=0.5)
LEAVE = Leave(
    fallback_usd=0.25,
    fallback_scales=True,
    unpriced_usd=100_000.0,
    measured_usd=50_000.0,
    quality_usd_per_year=0.0,
    hazard_per_year=0.15,
)


def case(usd: float | None = 0.1, **changes: object) -> Case:
    given = {"usd": usd, "scales": True, "permitted": True, "done": True, "factors": None,
             "leave": None}  # fmt: skip
    return Case.model_validate(given | changes)


def test_a_score_is_the_weighted_middle_of_the_intervals() -> None:
    factors = {"listing": (0.5, 1.0), "licence": (0.0, 0.0)}

    assert score(factors, {"listing": 0.2, "licence": 0.6}) == pytest.approx(0.1875)
    assert score(factors, {"listing": 0.0, "licence": 0.0}) == 0


def test_a_machines_cost_follows_price_and_utilisation_and_an_apis_does_not() -> None:
    knobs = Knobs(price=2.0, utilisation=0.25)

    assert at(0.1, True, BUYER, knobs) == pytest.approx(0.4)
    assert at(0.1, False, BUYER, knobs) == 0.1


def test_one_machines_price_moves_what_runs_on_it_and_nothing_else() -> None:
    knobs = Knobs(price=2.0, prices={"h100": 3.0})
    on = case(machine="h100", leave=LEAVE)

    assert at(0.1, True, BUYER, knobs, "h100") == pytest.approx(0.6)
    assert at(0.1, True, BUYER, knobs, "b200") == pytest.approx(0.2)
    # The fallback and its re-tuning are on the same machine.
    assert adjusted(on, BUYER, knobs) == pytest.approx(
        resilience.expected_usd_per_mtok(0.6, 1.5, 1e5, 400_000.0, 0.15, 3.0, 0.05)
    )


def test_the_front_holds_what_no_other_beats_and_equals_stand_together() -> None:
    points = [(1.0, 3.0), (2.0, 2.0), (2.0, 3.0), (2.0, 2.0), (3.0, 1.0)]

    assert front(points) == [True, True, False, True, True]
    assert front([]) == []


def test_the_adjusted_cost_is_that_of_resilience_at_the_knobs() -> None:
    found = adjusted(case(leave=LEAVE), BUYER, Knobs(price=2.0, hazard=3.0))

    assert found == pytest.approx(
        resilience.expected_usd_per_mtok(0.2, 0.5, 1e5, 200_000.0, 0.45, 3.0, 0.05)
    )
    assert adjusted(case(leave=LEAVE), BUYER, Knobs(hazard=0.0)) == pytest.approx(0.1)
    assert adjusted(case(), BUYER, Knobs()) == 0.1
    assert adjusted(case(None), BUYER, Knobs()) is None


def test_what_failed_is_not_permitted_or_has_no_value_is_not_ranked_and_ties_share_a_rank() -> None:
    cases = [case(), case(done=False), case(permitted=False), case(), case(), case()]

    assert order([0.3, 0.1, 0.1, None, 0.2, 0.3], cases) == [2, None, None, None, 1, 2]


def test_the_share_of_draws_in_which_each_is_least() -> None:
    one, other = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 4.0, 5.0])

    assert stays_least([one, other]) == [0.75, 0.25]
