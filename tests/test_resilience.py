"""harness.resilience: what a forced withdrawal would cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.resilience import break_even_hazard, expected_usd_per_mtok

C, C1, R = 0.10, 0.25, 150_000.0  # USD per million tokens, the fallback's, USD once
PRICES = st.floats(0.01, 100)
VOLUMES = st.floats(1e3, 1e8)
MOVES = st.floats(1, 1e7)
HAZARDS = st.floats(1e-6, 20)
YEARS = st.floats(0.1, 10)


@pytest.mark.parametrize(
    ("volume", "hazard"),
    # (0.25 - 0.10) x volume / 150000
    [(1e5, 0.10), (1e6, 1.0), (1e7, 10.0)],
)
def test_the_break_even_hazard_by_hand(volume: float, hazard: float) -> None:
    assert break_even_hazard(C, C1, volume, R) == pytest.approx(hazard)


@pytest.mark.parametrize(
    ("volume", "usd"),
    # p = 1 - exp(-0.33) = 0.28108, years in use p/0.11 = 2.5552;
    # (0.10 x 2.5552 + 0.25 x 0.4448 + 150000 x 0.28108 / volume) / 3.
    [(1e5, 0.263), (1e6, 0.136), (1e7, 0.124)],
)
def test_the_expected_cost_by_hand(volume: float, usd: float) -> None:
    found = expected_usd_per_mtok(C, C1, volume, R, hazard=0.11, years=3.0)

    assert round(found, 3) == usd


@given(c=PRICES, more=PRICES, volume=VOLUMES, move=MOVES, years=YEARS)
def test_at_the_break_even_hazard_both_ways_cost_the_same(
    c: float, more: float, volume: float, move: float, years: float
) -> None:
    hazard = break_even_hazard(c, c + more, volume, move)
    assert hazard is not None

    found = expected_usd_per_mtok(c, c + more, volume, move, hazard, years)

    assert found == pytest.approx(c + more, rel=1e-6)


@given(c=PRICES, c1=PRICES, volume=VOLUMES, move=MOVES, years=YEARS)
def test_without_a_hazard_the_cost_is_ones_own(
    c: float, c1: float, volume: float, move: float, years: float
) -> None:
    assert expected_usd_per_mtok(c, c1, volume, move, 0.0, years) == c


@given(c=PRICES, c1=PRICES, volume=VOLUMES, move=MOVES, years=YEARS)
def test_a_vanishing_hazard_ends_at_ones_own_cost(
    c: float, c1: float, volume: float, move: float, years: float
) -> None:
    found = expected_usd_per_mtok(c, c1, volume, move, 1e-12, years)

    assert found == pytest.approx(c, rel=1e-3)


@given(c=PRICES, c1=PRICES, volume=VOLUMES, move=MOVES, years=YEARS)
def test_a_certain_withdrawal_at_once_costs_the_fallback_and_the_move(
    c: float, c1: float, volume: float, move: float, years: float
) -> None:
    found = expected_usd_per_mtok(c, c1, volume, move, 1e9, years)

    assert found == pytest.approx(c1 + move / volume / years, rel=1e-3)


@given(c=PRICES, more=PRICES, volume=VOLUMES, move=MOVES, years=YEARS, low=HAZARDS, extra=HAZARDS)
def test_a_higher_hazard_never_costs_less_when_the_fallback_costs_more(
    c: float, more: float, volume: float, move: float, years: float, low: float, extra: float
) -> None:
    at_low = expected_usd_per_mtok(c, c + more, volume, move, low, years)
    at_high = expected_usd_per_mtok(c, c + more, volume, move, low + extra, years)

    assert at_high >= at_low * (1 - 1e-9)


def test_a_cheaper_fallback_has_a_negative_break_even() -> None:
    assert break_even_hazard(0.30, 0.25, 1e6, R) == pytest.approx(-1 / 3)


def test_where_moving_costs_nothing_there_is_no_break_even() -> None:
    assert break_even_hazard(C, C1, 1e6, 0.0) is None
