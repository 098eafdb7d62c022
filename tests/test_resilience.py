"""harness.resilience: what a forced withdrawal would cost, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import resilience

C, C1, SWITCH, YEARS, HAZARD = 0.10, 0.25, 150_000.0, 3.0, 0.11


@pytest.mark.parametrize(("volume", "usd"), [(1e5, 0.263), (1e6, 0.136), (1e7, 0.124)])
def test_expected_cost_of_the_published_examples(volume: float, usd: float) -> None:
    # p = 1 - exp(-0.33) = 0.28108, in use 2.55525 years; e.g. V = 1e5:
    # (0.10 x 2.55525 + 0.25 x 0.44475 + 150000 x 0.28108 / 1e5) / 3 = 0.2628
    found = resilience.expected_usd_per_mtok(C, C1, volume, SWITCH, HAZARD, YEARS)

    assert found == pytest.approx(usd, abs=5e-4)


@pytest.mark.parametrize(
    ("volume", "switch", "even"),
    [(1e5, 150e3, 0.10), (1e6, 150e3, 1.0), (1e6, 500e3, 0.30), (1e5, 50e3, 0.30)],
)
def test_break_even_hazard(volume: float, switch: float, even: float) -> None:
    assert resilience.break_even_hazard(C, C1, volume, switch) == pytest.approx(even)


def test_at_the_break_even_hazard_both_choices_cost_the_same_at_any_discount() -> None:
    even = resilience.break_even_hazard(C, C1, 1e5, SWITCH)

    for rate in (0.0, 0.05, 0.3):
        cost = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, even, YEARS, rate)
        assert cost == pytest.approx(C1)


def test_who_starts_with_the_fallback_bears_its_lower_quality_too() -> None:
    # ((0.25 - 0.10) x 1e5 + 6000) / 150000; the fallback costs 0.25 + 6000 / 1e5.
    even = resilience.break_even_hazard(C, C1, 1e5, SWITCH, quality_usd_per_year=6000.0)
    cost = resilience.expected_usd_per_mtok(
        C, C1, 1e5, SWITCH, even, YEARS, 0.05, quality_usd_per_year=6000.0
    )

    assert even == pytest.approx(0.14)
    assert cost == pytest.approx(0.31)


@given(
    days=st.lists(st.tuples(st.floats(0.01, 2.99), st.floats(0, 1)), min_size=1, max_size=3),
    rate=st.floats(0, 0.5),
    dearer=st.floats(-0.2, 1),
)
def test_known_days_lower_the_break_even_hazard_and_both_choices_cost_the_same_there(
    days: list[tuple[float, float]], rate: float, dearer: float
) -> None:
    plain = resilience.break_even_hazard(C, C + dearer, 1e5, SWITCH)
    even = resilience.break_even_hazard(C, C + dearer, 1e5, SWITCH, 0.0, YEARS, rate, days)

    assert even <= plain + 1e-9
    if even == -np.inf:
        return
    cost = resilience.expected_usd_per_mtok(
        C, C + dearer, 1e5, SWITCH, even, YEARS, rate, jumps=days
    )
    assert cost == pytest.approx(C + dearer, abs=1e-6)


def test_no_hazard_breaks_even_with_a_dearer_model_that_is_sure_to_leave_in_days() -> None:
    found = resilience.break_even_hazard(C, C - 0.2, 1e5, SWITCH, 0.0, YEARS, 0.0, [(0.01, 1.0)])

    assert found == -np.inf


def test_the_break_even_hazard_is_found_for_each_draw() -> None:
    chances = np.array([0.0, 0.5, 1.0])

    found = resilience.break_even_hazard(
        np.full(3, C), C1, 1e6, SWITCH, 0.0, YEARS, 0.0, [(1.0, chances)]
    )

    one = [
        resilience.break_even_hazard(C, C1, 1e6, SWITCH, 0.0, YEARS, 0.0, [(1.0, p)])
        for p in chances
    ]
    assert found == pytest.approx(one)
    assert found[0] == pytest.approx(1.0)


@given(
    hazard=st.floats(0, 5),
    rate=st.floats(0, 0.5),
    days=st.lists(st.tuples(st.floats(0.01, 2.99), st.floats(0, 1)), max_size=3),
)
def test_the_closed_form_is_the_integral_over_the_survival_curve(
    hazard: float, rate: float, days: list[tuple[float, float]]
) -> None:
    # 30,000 midpoints; a jump inside a step is misplaced by at most one step, 1e-4 years.
    edges = np.linspace(0, YEARS, 30_001)
    alive = np.exp(-hazard * edges)
    for day, chance in days:
        alive = np.where(edges >= day, alive * (1 - chance), alive)
    middle = (edges[1:] + edges[:-1]) / 2
    value, step = np.exp(-rate * middle), YEARS / 30_000
    kept = ((alive[1:] + alive[:-1]) / 2 * value).sum() * step
    whole = value.sum() * step
    left = (value * -np.diff(alive)).sum()
    by_sum = (C * kept + C1 * (whole - kept) + SWITCH / 1e5 * left) / whole

    found = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, hazard, YEARS, rate, jumps=days)
    assert found == pytest.approx(by_sum, abs=1e-3)


@given(
    hazards=st.tuples(st.floats(0, 5), st.floats(0, 5)).map(sorted),
    cheaper=st.floats(0, 0.09),
)
def test_where_moving_is_free_a_hazard_never_makes_a_dearer_model_dearer(
    hazards: list[float], cheaper: float
) -> None:
    low, high = (
        resilience.expected_usd_per_mtok(C, C - cheaper, 1e5, 0.0, h, YEARS, 0.05) for h in hazards
    )

    assert high <= low + 1e-9


def test_a_fallback_that_is_cheaper_from_the_start_has_a_negative_break_even() -> None:
    assert resilience.break_even_hazard(C1, C, 1e5, SWITCH) == pytest.approx(-0.1)


def test_a_move_that_costs_nothing_has_no_break_even() -> None:
    assert resilience.break_even_hazard(C, C1, 1e5, 0.0) is None


def test_without_hazard_the_cost_is_the_own_cost_at_any_discount() -> None:
    for rate in (0.0, 0.08):
        found = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, 0.0, YEARS, rate)
        assert found == pytest.approx(C)


def test_no_discount_is_the_limit_of_a_small_one() -> None:
    near = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, HAZARD, YEARS, 1e-9)

    assert near == pytest.approx(
        resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, HAZARD, YEARS), rel=1e-6
    )


def test_a_certain_withdrawal_on_a_known_day_splits_the_horizon_there() -> None:
    # One year at 0.10, two at 0.25, one move of 150000 over 3e5 Mtok.
    found = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, 0.0, YEARS, jumps=[(1.0, 1.0)])

    assert found == pytest.approx((0.10 + 2 * 0.25) / 3 + 150_000 / 3e5)


def test_a_day_beyond_the_horizon_changes_nothing() -> None:
    found = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, 0.0, YEARS, jumps=[(4.0, 1.0)])

    assert found == pytest.approx(C)


def test_leaving_within_the_horizon_counts_hazard_and_days() -> None:
    # Stays with exp(-0.33) x 0.5.
    found = resilience.leaves_within(HAZARD, YEARS, [(1.0, 0.5)])

    assert found == pytest.approx(1 - 0.5 * math.exp(-0.33))


def test_lost_quality_is_paid_every_year_after_the_move() -> None:
    # Two of three years at 3000 USD over 1e5 Mtok.
    plain = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, 0.0, 3.0, jumps=[(1.0, 1.0)])
    worse = resilience.expected_usd_per_mtok(
        C, C1, 1e5, SWITCH, 0.0, 3.0, quality_usd_per_year=3000.0, jumps=[(1.0, 1.0)]
    )

    assert worse - plain == pytest.approx(2 * 3000 / 3e5)


@given(
    hazards=st.tuples(st.floats(0, 5), st.floats(0, 5)).map(sorted),
    rate=st.floats(0, 0.5),
    dearer=st.floats(0, 1),
)
def test_a_higher_hazard_never_makes_a_cheaper_model_cheaper(
    hazards: list[float], rate: float, dearer: float
) -> None:
    # True whenever the fallback costs at least as much.
    low, high = (
        resilience.expected_usd_per_mtok(C, C + dearer, 1e5, SWITCH, h, YEARS, rate)
        for h in hazards
    )

    assert high >= low - 1e-9


def test_draws_go_through_as_arrays() -> None:
    hazards = np.array([0.0, HAZARD])

    found = resilience.expected_usd_per_mtok(C, C1, 1e5, SWITCH, hazards, YEARS)

    assert found == pytest.approx([0.10, 0.2628], abs=1e-4)


def test_cost_of_moving_adds_people_contracts_and_lost_tokens() -> None:
    one = np.array([1.0])
    # 10 days x 1200 + 5000 + 3.65 days x 1e5 / 365 Mtok x 5
    moving = resilience.switch_usd(10 * one, 1200.0, 5000 * one, 3.65 * one, 1e5, 5.0)

    assert moving.usd == pytest.approx([12_000 + 5_000 + 5_000])


def test_a_warm_fallback_is_worth_what_it_saves_less_what_it_costs() -> None:
    # 150000 x 0.7 x 0.3 - 20000 x 3
    assert resilience.warm_fallback_usd(150_000.0, 0.3, 0.3, 20_000.0, 3.0) == pytest.approx(
        -28_500
    )


def test_herfindahl_index_by_hand() -> None:
    # 0.25 + 0.09 + 0.04; twice the same shares give the same index.
    assert resilience.herfindahl({"a": 0.5, "b": 0.3, "c": 0.2}) == pytest.approx(0.38)
    assert resilience.herfindahl({"a": 1.0, "b": 0.6, "c": 0.4}) == pytest.approx(0.38)
    assert resilience.herfindahl({}) == 0.0
