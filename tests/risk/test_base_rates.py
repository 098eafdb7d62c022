"""harness.risk.base_rates: first listings per developer-year, counted from dated facts."""

import datetime as dt

import pytest
from scipy import stats

from harness.risk.base_rates import (
    GammaPosterior,
    first_listings,
    posterior,
    reversals,
    tighter_licences,
)
from harness.risk.load import load_registry
from harness.risk.registry import Party, Registry
from tests.risk.making import facts, instrument, licence, listing, model, party, phase, registry

SINCE, UNTIL = dt.date(2019, 1, 1), dt.date(2026, 8, 22)
FEDERAL = ("us-bis-entity-list", "us-1260h", "us-ccmc")


@pytest.mark.parametrize(
    ("series", "events", "years", "mean", "low", "high"),
    [
        # Counted by hand from public notices, as of 2026-08-22, for 17 developers.
        (("us-bis-entity-list",), 4, 77.3, 0.058, 0.022, 0.109),
        (("us-1260h",), 5, 91.0, 0.060, 0.025, 0.108),
        (FEDERAL, 8, 69.7, 0.122, 0.062, 0.198),
        (("us-tx-prohibited",), 14, 81.9, 0.177, 0.108, 0.260),
        ((*FEDERAL, "us-tx-prohibited"), 14, 59.5, 0.244, 0.149, 0.358),
    ],
)
def test_the_shipped_facts_give_the_published_base_rates(
    series: tuple[str, ...], events: int, years: float, mean: float, low: float, high: float
) -> None:
    found = first_listings(load_registry(), "prc_llm_2026", series, SINCE, UNTIL)
    rate = posterior(found)

    assert (found.events, len(found.counted), found.left_out) == (events, 17, ())
    assert found.years == pytest.approx(years, abs=0.05)
    assert rate is not None
    assert rate.mean == pytest.approx(mean, abs=6e-4)
    assert rate.interval() == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


def test_the_eight_first_federal_listings_fell_on_six_days() -> None:
    found = first_listings(load_registry(), "prc_llm_2026", FEDERAL, SINCE, UNTIL)

    assert [str(day) for day in found.dates] == [
        "2019-05-16", "2019-10-09", "2021-01-14", "2025-01-07", "2025-01-16", "2026-06-08",
    ]  # fmt: skip


def test_jeffreys_posterior_of_no_event() -> None:
    # Gamma(1/2, 75): 95% point is chi2(1) at 95% / 2 / 75 = 3.8415 / 150.
    rate = GammaPosterior(shape=0.5, years=75.0)

    assert rate.interval()[1] == pytest.approx(3.8415 / 150, rel=1e-3)


def test_an_interval_is_of_the_gamma_distribution() -> None:
    found = GammaPosterior(shape=8.5, years=70.0).interval()

    assert found == pytest.approx(stats.gamma.ppf([0.05, 0.95], 8.5, scale=1 / 70), rel=1e-12)


def cohort(*parties: Party) -> Registry:
    old = instrument("old", series="s", history=(phase(since=dt.date(2018, 1, 1)),))
    new = instrument("new", series="s", history=(phase(since=dt.date(2020, 1, 1)),))
    held = instrument("held", series="s", history=(phase("approved_unpublished"),))
    return registry(parties=parties, instruments=(instrument(), old, new, held))


def years(made: Registry) -> tuple[int, float]:
    found = first_listings(made, "test", ("s",), dt.date(2019, 1, 1), dt.date(2021, 1, 1))
    return found.events, found.years


def test_a_party_is_exposed_until_its_first_listing() -> None:
    on = listing("new", since=dt.date(2020, 1, 1))

    assert years(cohort(party())) == (0, pytest.approx(2.0, abs=0.01))
    assert years(cohort(party(listings=(on,)))) == (1, pytest.approx(1.0, abs=0.01))


def test_a_party_listed_removed_and_listed_again_counts_once() -> None:
    twice = (
        listing("old", since=dt.date(2020, 1, 1), until=dt.date(2020, 3, 1)),
        listing("new", since=dt.date(2020, 6, 1)),
    )

    assert years(cohort(party(listings=twice))) == (1, pytest.approx(1.0, abs=0.01))


def test_a_party_founded_later_is_exposed_from_its_founding() -> None:
    assert years(cohort(party(founded=facts("2020-01-01")))) == (0, pytest.approx(1.0, abs=0.01))


def test_a_party_listed_before_the_count_has_no_first_event_left() -> None:
    made = cohort(
        party(listings=(listing("old", since=dt.date(2018, 6, 1)),), founded=facts("2010-01-01"))
    )

    assert years(made) == (0, 0.0)


def test_an_approval_that_nobody_published_is_no_listing() -> None:
    assert years(cohort(party(listings=(listing("held", since=dt.date(2020, 1, 1)),))))[0] == 0


def test_a_party_of_unknown_founding_is_left_out_and_named() -> None:
    found = first_listings(cohort(party(founded=facts("unknown"))), "test", ("s",), SINCE, UNTIL)

    assert (found.years, found.left_out) == (0.0, ("acme",))
    assert posterior(found) is None


def test_a_new_edition_is_no_reversal_and_a_removal_is() -> None:
    edition = (
        listing("old", since=dt.date(2019, 1, 1), until=dt.date(2020, 1, 1)),
        listing("new", since=dt.date(2020, 1, 1)),
    )
    removed = (listing("new", since=dt.date(2020, 1, 1), until=dt.date(2020, 5, 1)),)
    made = cohort(party(listings=edition), party("gone", listings=removed))

    assert reversals(made, "test", ("s",), UNTIL) == (1, 2)


def test_licences_that_grew_tighter_count_per_model_year() -> None:
    changed = dt.date(2025, 1, 1)
    changes = (licence("A", until=changed), licence("B", "non_commercial", since=changed))
    looser = (licence("B", "conditional", until=changed), licence("A", since=changed))
    made = registry(
        model(licences=changes), model("acme/looser@*", licences=looser), model("acme/same@*")
    )

    found = tighter_licences(made, dt.date(2024, 1, 1), dt.date(2026, 1, 1))

    assert (found.events, found.years) == (1, pytest.approx(6.0, abs=0.01))
