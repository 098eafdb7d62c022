"""harness.cost: every price from a bill that can be added up by hand."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.judge import ApiPrice, MachinePrice
from harness.cost import (
    api_usd_per_mtok_total,
    energy_usd,
    machine_usd,
    usd_per_correct,
    usd_per_mtok,
)
from harness.stats import Estimate

PRICES = st.floats(0.01, 1000)


def test_the_cost_of_a_million_tokens_by_hand() -> None:
    # 3.60 USD an hour is 0.001 a second; at 10 tokens a second a token costs 0.0001.
    found = usd_per_mtok(3.6, Estimate(value=10.0, n=10, low=8.0, high=12.5), 1.0)

    assert found.value == pytest.approx(100.0)
    assert (found.low, found.high) == (pytest.approx(80.0), pytest.approx(125.0))
    assert found.n == 10


@given(price=PRICES, tokens=st.integers(1, 10**9), seconds=st.floats(0.1, 1e6))
def test_cost_times_tokens_is_the_bill(price: float, tokens: int, seconds: float) -> None:
    cost = usd_per_mtok(price, Estimate(value=tokens / seconds, n=1), 1.0)

    assert cost.value * tokens / 1e6 == pytest.approx(price * seconds / 3600)


@given(price=PRICES, rate=st.floats(0.1, 1e5), use=st.floats(0.01, 1))
def test_hours_that_stand_idle_are_paid_by_those_that_work(
    price: float, rate: float, use: float
) -> None:
    whole = usd_per_mtok(price, Estimate(value=rate, n=1), 1.0)

    assert usd_per_mtok(price, Estimate(value=rate, n=1), use).value == pytest.approx(
        whole.value / use
    )


@given(
    price=PRICES,
    rate=st.floats(0.1, 1e5),
    below=st.floats(0.1, 1),
    above=st.floats(1, 10),
)
def test_a_costs_interval_holds_it(price: float, rate: float, below: float, above: float) -> None:
    rates = Estimate(value=rate, n=10, low=rate * below, high=rate * above)

    found = usd_per_mtok(price, rates, 1.0)

    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value * (1 + 1e-9)
    assert found.high >= found.value * (1 - 1e-9)


@pytest.mark.parametrize("low", [None, 0.0, -1.0])
def test_a_rate_that_may_be_zero_leaves_the_cost_without_an_upper_end(low: float | None) -> None:
    found = usd_per_mtok(3.6, Estimate(value=10.0, n=10, low=low, high=20.0), 1.0)

    assert (found.low, found.high) == (pytest.approx(50.0), None)


def test_an_apis_blended_price_by_hand() -> None:
    # 3 million in at 0.20 and 1 million out at 1.00: 1.60 for 4 million.
    price = ApiPrice(
        input_usd_per_mtok=0.2,
        output_usd_per_mtok=1.0,
        source="made up",
        as_of=dt.date(2026, 11, 25),
    )

    assert api_usd_per_mtok_total(price, 3_000_000, 1_000_000) == pytest.approx(0.4)


def test_the_cost_of_a_correct_answer_by_hand() -> None:
    # 200 tokens at 100 USD a million are 0.02 an answer; half of them right: 0.04.
    found = usd_per_correct(
        Estimate(value=100.0, n=10, low=80.0, high=120.0),
        200.0,
        Estimate(value=0.5, n=80, low=0.4, high=0.6),
    )

    assert found is not None
    assert found.value == pytest.approx(0.04)
    assert found.low == pytest.approx(80 * 2e-4 / 0.6)
    assert found.high == pytest.approx(120 * 2e-4 / 0.4)
    assert found.n == 80


def test_nothing_answered_correctly_has_no_cost_instead_of_zero() -> None:
    assert usd_per_correct(Estimate(value=1.0, n=1), 10.0, Estimate(value=0.0, n=8)) is None


def test_ends_that_are_not_known_stay_unknown() -> None:
    found = usd_per_correct(Estimate(value=1.0, n=1), 10.0, Estimate(value=0.5, n=8, low=0.0))

    assert found is not None
    assert (found.low, found.high) == (None, None)


def test_energy_at_a_tariff_by_hand() -> None:
    assert energy_usd(7.2e6, 0.30) == pytest.approx(0.60)  # two kilowatt hours


@pytest.mark.parametrize(("units", "usd"), [(1, 1.5), (8, 12.0)])
def test_a_machines_bill_counts_its_units_at_the_middle_price(units: int, usd: float) -> None:
    price = MachinePrice(
        basis="assumption",
        provider="none",
        low_usd_per_hour=1.0,
        mid_usd_per_hour=3.0,
        high_usd_per_hour=9.0,
        source="made up",
        as_of=dt.date(2026, 11, 25),
    )

    assert machine_usd(1800.0, price, units) == pytest.approx(usd)
