"""harness.risk.hazard: rate of the event x P(forced off), one rule for every country."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from harness import elicited
from harness.config.judge import Elicited
from harness.risk.assess import assess
from harness.risk.hazard import Hazard, Rates, hazard, together
from harness.risk.registry import Registry
from tests.risk.making import (
    DAY,
    FIRST,
    MODEL_KEY,
    base,
    buyer,
    effect,
    facts,
    instrument,
    listing,
    model,
    party,
    phase,
    registry,
    risk,
)


def point(chance: float) -> Elicited:
    return Elicited(low=chance, high=chance, source="made up for tests", as_of=DAY)


# Only national lists force this buyer off, with a chance of a half.
BUYER = buyer(
    forced_off={
        "use_ban": point(0.0), "national_list": point(0.5), "state_list": point(0.0),
        "licence_change": point(0.0),
    },
    horizon_years=3.0,
)  # fmt: skip
LIST = instrument("flist", kind="national_list", effects=())


def judged(made: Registry, **changes: Any) -> Hazard:
    settings = risk(draws=20_000)
    who = BUYER.model_copy(update=changes)
    found = assess(made, made.models[MODEL_KEY], who, settings, DAY)
    return hazard(found, Rates(made, dt.date(2019, 1, 1), DAY), who, settings, DAY)[0]


def test_a_possible_listing_counts_with_the_rate_of_its_cohort() -> None:
    # Nobody listed in the 7.90 years from 2019-01-01 to DAY: mean rate 0.5 / 7.90, times a half.
    found = judged(registry(instruments=(instrument(), LIST)))

    years = (DAY - dt.date(2019, 1, 1)).days / 365.25
    assert found.mean == pytest.approx(0.5 / years * 0.5, rel=0.03)
    assert "0 in 7.9 developer-years, test" in found.parts[0].basis


def test_a_listing_that_has_happened_spreads_the_chance_over_the_horizon() -> None:
    # -ln(1 - 0.5) / 3, and the rate of the cohort no longer matters.
    made = registry(
        parties=(party(listings=(listing("flist"),)),), instruments=(instrument(), LIST)
    )

    found = judged(made)

    assert found.median == pytest.approx(np.log(2) / 3)
    assert found.parts[0].state == "happened"


def test_an_approval_that_waits_for_publication_has_a_rate_of_its_own() -> None:
    waiting = instrument(
        "flist", kind="national_list", effects=(), history=(phase("approved_unpublished"),)
    )
    made = registry(
        parties=(party(listings=(listing("flist"),)),), instruments=(instrument(), waiting)
    )

    found = judged(made)

    # 0.15 to 0.6 a year, geometric middle 0.3, times a half.
    assert found.median == pytest.approx(0.15, rel=0.03)
    assert found.parts[0].state == "approved_unpublished"


def test_both_makers_of_a_derived_model_can_be_listed() -> None:
    one = judged(registry(instruments=(instrument(), LIST)))
    made = registry(
        model(bases=(base("far/m@*"),), lineage=facts("derived")),
        model("far/m@*", "far"),
        parties=(party(), party("far")),
        instruments=(instrument(), LIST),
    )

    found = judged(made)

    # Two developers in the cohort: half the rate each, so the sum is as one alone.
    assert {part.party for part in found.parts if part.per_year} == {"acme", "far"}
    assert found.mean == pytest.approx(one.mean or 0, rel=0.05)


def test_a_maker_of_no_cohort_has_an_unknown_hazard_and_never_zero() -> None:
    found = judged(registry(parties=(party(cohorts=()),)))

    assert found.median is None
    assert "the party is in no cohort" in (found.missing or "")


def test_a_dated_warning_within_the_horizon_is_a_jump_on_its_day() -> None:
    bites = dt.date(2027, 6, 30)
    warned = instrument(
        "flist", kind="national_list", effects=(effect("dated_warning", bites_on=bites),)
    )
    made = registry(
        parties=(party(listings=(listing("flist"),)),), instruments=(instrument(), warned)
    )

    assert judged(made).jumps == ((bites, 0.5),)
    assert judged(made, horizon_years=0.5).jumps == ()


def test_an_added_listing_never_lowers_the_hazard_of_what_it_names() -> None:
    clean = judged(registry(instruments=(instrument(), LIST)))
    named = judged(
        registry(
            parties=(party(listings=(listing("flist", since=FIRST),)),),
            instruments=(instrument(), LIST),
        )
    )

    assert named.median is not None
    assert clean.median is not None
    assert named.median > clean.median


def test_listings_in_batches_take_several_developers_at_once_more_often_than_one_by_one() -> None:
    # 8 first listings on 6 days in 7.6 years, about 10 developers at risk.
    exposure = {"events": 8.0, "dates": 6.0, "span_years": 7.64, "at_risk": 9.1}

    found = together(exposure, 5, 3.0, np.random.default_rng(1), 50_000)

    assert found.dates_per_year == pytest.approx(6.5 / 7.64, rel=0.02)
    assert found.hit_share == pytest.approx(8.5 / (6 * 9.1 + 1), rel=0.02)
    # On one day: 1 - exp(-0.85 x 3 x P(two or more of five | 0.153)), that is about 0.3.
    share = found.hit_share
    two = 1 - (1 - share) ** 5 - 5 * share * (1 - share) ** 4
    assert found.at_once == pytest.approx(1 - np.exp(-0.85 * 3 * two), abs=0.04)


def test_chances_are_drawn_through_the_stated_points() -> None:
    drawn = elicited.chances(0.02, 0.2, np.random.default_rng(1), 100_000)

    assert np.quantile(drawn, [0.05, 0.95]) == pytest.approx([0.02, 0.2], abs=0.003)
