"""harness.risk.hazard: rates times chances, states that override them, and days that are known."""

import datetime as dt
import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import elicited
from harness.config import load
from harness.config.judge import BuyerConfig, Elicited, EventKind, RiskConfig
from harness.risk.assess import Assessment, DatedEvent, EventState, PartyEvents
from harness.risk.base_rates import GammaPosterior
from harness.risk.hazard import Hazard, hazard, together

DAY = dt.date(2026, 11, 25)
JUDGE = load.judge([])
BAN, NATION, STATE = "use_ban", "national_list", "state_list"
LISTING = "list-2026"
DATED = (DatedEvent(instrument=LISTING, on=dt.date(2027, 11, 25)),)


class FixedRates:
    """Answers every question with one posterior; cohort `none` has none."""

    def __init__(self, shape: float = 4.5, years: float = 77.3, kind: EventKind = NATION) -> None:
        self._posterior, self._kind = GammaPosterior(shape=shape, years=years), kind

    def of(self, cohorts: Collection[str], kind: EventKind) -> tuple[GammaPosterior | None, str]:
        return (self._posterior if cohorts else None), "counted"

    def kind(self, instrument: str) -> EventKind:
        return self._kind


def between(low: float, high: float) -> Elicited:
    return Elicited(low=low, high=high, source="test", as_of=DAY)


def buyer(years: float = 3.0, **chances: tuple[float, float]) -> BuyerConfig:
    given = {kind: between(*ends) for kind, ends in chances.items()}
    forced = {**JUDGE.buyer.forced_off, **given}
    return JUDGE.buyer.model_copy(update={"forced_off": forced, "horizon_years": years})


def risk(**changes: Any) -> RiskConfig:
    return JUDGE.risk.model_copy(update={"draws": 2000} | changes)


def model(
    *parties: dict[EventKind, EventState],
    dated: tuple[DatedEvent, ...] = (),
    cohorts: tuple[str, ...] = ("labs",),
) -> Assessment:
    events = tuple(
        PartyEvents(party=f"party {i}", cohorts=cohorts, states=states)
        for i, states in enumerate(parties)
    )
    return Assessment.model_construct(events=events, dated=dated)


def found(assessed: Assessment, buys: BuyerConfig, **kwargs: Any) -> Hazard:
    rates = kwargs.pop("rates", FixedRates())
    return hazard(assessed, rates, buys, risk(**kwargs), DAY)[0]


def test_hazard_is_the_rate_times_the_chance() -> None:
    # Gamma(4.5, 77.3) has the mean 0.0582; the mean of the Beta is a / (a + b).
    a, b = elicited.beta(0.02, 0.2)

    result = found(model({NATION: "possible"}), buyer(national_list=(0.02, 0.2)), draws=50_000)

    assert result.mean == pytest.approx(4.5 / 77.3 * a / (a + b), rel=0.02)
    assert result.low < result.median < result.high


def test_with_a_certain_chance_the_interval_is_that_of_the_counted_rate() -> None:
    # 4 listings in 77.3 developer-years: 0.058 [0.022, 0.109] a year.
    # A listing takes effect once: the horizon is short enough here for that not to matter.
    result = found(
        model({NATION: "possible"}), buyer(years=0.1, national_list=(0.999, 0.999)), draws=50_000
    )

    assert result.mean == pytest.approx(0.058, abs=1e-3)
    assert (result.low, result.high) == pytest.approx((0.022, 0.109), abs=2e-3)


def test_what_has_happened_leaves_the_chance_spread_over_the_horizon() -> None:
    # -ln(0.7) / 3
    result = found(model({NATION: "happened"}), buyer(national_list=(0.3, 0.3)))

    assert (result.mean, result.low, result.high) == pytest.approx((-math.log(0.7) / 3,) * 3)


def test_an_approval_that_waits_has_its_own_rate() -> None:
    result = found(
        model({NATION: "approved_unpublished"}),
        buyer(national_list=(0.1, 0.1)),
        unpublished_listing_per_year=between(0.2, 0.2),
    )

    assert result.mean == pytest.approx(0.02)


def test_parts_sum_to_the_hazard_and_name_party_and_event() -> None:
    result = found(model({NATION: "possible", STATE: "happened"}, {BAN: "possible"}), buyer())

    assert sum(part.per_year for part in result.parts) == pytest.approx(result.mean)
    assert {(p.party, p.event) for p in result.parts} == {
        ("party 0", NATION), ("party 0", STATE), ("party 1", BAN),
    }  # fmt: skip


def test_a_known_day_takes_the_chance_of_the_listing_and_it_is_not_counted_twice() -> None:
    result = found(model({NATION: "happened"}, dated=DATED), buyer(national_list=(0.3, 0.3)))

    assert result.mean == 0.0
    assert result.jumps == ((dt.date(2027, 11, 25), pytest.approx(0.3)),)


def test_a_known_day_beyond_the_horizon_leaves_the_chance_spread() -> None:
    result = found(
        model({NATION: "happened"}, dated=DATED), buyer(years=0.5, national_list=(0.3, 0.3))
    )

    assert result.jumps == ()
    assert result.mean == pytest.approx(-math.log(0.7) / 0.5)


def test_a_known_day_has_the_chance_of_its_instruments_kind() -> None:
    buys = buyer(national_list=(0.3, 0.3), use_ban=(0.9, 0.9))

    result = found(model({BAN: "happened"}, dated=DATED), buys, rates=FixedRates(kind=BAN))

    assert result.jumps[0][1] == pytest.approx(0.9)


def test_a_party_without_a_cohort_makes_the_hazard_unknown_and_is_named() -> None:
    result, draws = hazard(
        model({NATION: "possible"}, cohorts=()), FixedRates(), buyer(), risk(), DAY
    )

    assert draws is None
    assert result.mean is None
    assert "party 0, national list" in result.missing


@settings(max_examples=40, deadline=None)
@given(
    years=st.floats(0.1, 30),
    chance=st.floats(0.001, 0.999),
    counted=st.tuples(st.floats(0.5, 20), st.floats(1, 100)),
    before=st.sampled_from(["possible", "approved_unpublished"]),
)
def test_a_listing_never_lowers_the_hazard(
    years: float, chance: float, counted: tuple[float, float], before: EventState
) -> None:
    buys, rates = buyer(years=years, national_list=(chance, chance)), FixedRates(*counted)

    old = found(model({NATION: before}), buys, rates=rates, draws=200)
    new = found(model({NATION: "happened"}), buys, rates=rates, draws=200)

    assert new.median >= old.median - 1e-12
    assert new.high >= old.high - 1e-12


@settings(max_examples=20, deadline=None)
@given(
    states=st.lists(
        st.dictionaries(
            st.sampled_from([BAN, NATION, STATE]),
            st.sampled_from(["possible", "approved_unpublished", "happened"]),
            min_size=1,
        ),
        min_size=2,
        max_size=4,
    )
)
def test_another_event_never_lowers_the_hazard(
    states: list[dict[EventKind, EventState]],
) -> None:
    fewer = found(model(*states[:-1]), buyer(), draws=200)
    more = found(model(*states), buyer(), draws=200)

    assert more.low >= fewer.low
    assert more.median >= fewer.median


def test_the_same_seed_gives_the_same_hazard_and_a_name_changes_nothing() -> None:
    one = model({NATION: "possible"})
    other = Assessment.model_construct(
        events=(PartyEvents(party="x", cohorts=("labs",), states={NATION: "possible"}),), dated=()
    )

    assert found(one, buyer()).median == found(other, buyer()).median


# 8 first listings on 6 dates in 7.6 years, 10 developers at risk on each.
COUNTED = {"events": 8.0, "dates": 6.0, "span_years": 7.6, "at_risk": 10.0}


def batches(developers: int) -> Any:
    return together(COUNTED, developers, 3.0, np.random.default_rng(1), 50_000)


def test_dates_and_hit_share_are_the_counted_ones() -> None:
    # Gamma(6.5, 7.6) and Beta(8.5, 52.5): means 0.855 and 8.5 / 61 = 0.139.
    result = batches(3)

    assert result.dates_per_year == pytest.approx(6.5 / 7.6, rel=0.02)
    assert result.hit_share == pytest.approx(8.5 / 61, rel=0.02)


def test_in_batches_two_developers_are_both_listed_more_often_than_by_themselves() -> None:
    result = batches(2)

    assert 0 < result.at_once < result.within
    assert result.independent < result.within


def test_two_on_one_date_by_hand() -> None:
    # With much evidence: 1 date a year, each hits half. 1 - exp(-1 x 1 x 0.25), and for any days
    # N ~ Poisson(1): E (1 - 0.5^N)^2 = 1 - 2 exp(-0.5) + exp(-0.75).
    much = {"events": 5e5, "dates": 1e5, "span_years": 1e5, "at_risk": 10.0}

    result = together(much, 2, 1.0, np.random.default_rng(1), 200_000)

    assert result.at_once == pytest.approx(1 - math.exp(-0.25), abs=2e-3)
    assert result.within == pytest.approx(1 - 2 * math.exp(-0.5) + math.exp(-0.75), abs=5e-3)
    assert result.independent == pytest.approx((1 - math.exp(-0.5)) ** 2, abs=2e-3)


def test_one_developer_is_never_listed_together_with_itself() -> None:
    result = batches(1)

    assert (result.at_once, result.within, result.independent) == pytest.approx((0, 0, 0))
