"""harness.risk.standing: listed, not found or unknown, by itself, by seat or through owners."""

import datetime as dt
from typing import Any

import pytest

from harness.risk.lineage import weight_line
from harness.risk.registry import Instrument, Party
from harness.risk.standing import Standing, concerned, looks, standing
from tests.risk.making import (
    DAY,
    FIRST,
    MODEL_KEY,
    base,
    check,
    fact,
    facts,
    instrument,
    listing,
    model,
    owner,
    party,
    phase,
    registry,
    risk,
)

EVE = FIRST - dt.timedelta(days=1)
OFF, AGAIN = dt.date(2026, 7, 1), dt.date(2026, 9, 1)


def stands(
    one: Party,
    *others: Party,
    law: Instrument | None = None,
    laws: tuple[Instrument, ...] = (),
    day: dt.date = DAY,
    rule: str = "as_law",
) -> Standing:
    under = law or instrument()
    made = registry(parties=(one, *others), instruments=(under, *laws))
    return standing(made, one, under, day, rule)


# --- by itself -------------------------------------------------------------------------------


def test_a_listing_holds_from_its_first_day_until_the_day_of_its_removal() -> None:
    named = party(checks=(), listings=(listing(until=OFF),))

    states = [stands(named, day=day).state for day in (EVE, FIRST, OFF - dt.timedelta(1), OFF)]

    assert states == ["unknown", "listed", "listed", "unknown"]


def test_who_came_off_a_list_is_clear_only_where_a_check_speaks_for_that_day() -> None:
    named = party(
        listings=(listing(until=OFF), listing(since=AGAIN)), checks=(check(since=OFF, until=AGAIN),)
    )

    states = {day: stands(named, day=day).state for day in (EVE, FIRST, OFF, AGAIN)}

    assert states == {EVE: "unknown", FIRST: "listed", OFF: "not_found", AGAIN: "listed"}


def test_a_listing_under_one_edition_says_nothing_of_another() -> None:
    named = party(checks=(), listings=(listing("new"),))

    assert stands(named, law=instrument("old"), laws=(instrument("new"),)).state == "unknown"


def test_a_check_of_a_series_covers_its_editions() -> None:
    looked = party(checks=(check("list"),))
    old, other = instrument("list-2025", series="list"), instrument("else")

    assert stands(looked, law=old).state == "not_found"
    assert stands(looked, law=other, laws=(old,)).state == "unknown"


def test_the_key_of_an_instrument_is_not_taken_for_its_series() -> None:
    # A look in the published list is no look in what is approved and unpublished.
    looked = party(checks=(check("list"),))
    published, pending = instrument("list", series="list"), instrument("next", series="list")

    assert stands(looked, law=published, laws=(pending,)).state == "not_found"
    assert stands(looked, law=pending, laws=(published,)).state == "unknown"


def test_a_check_that_found_out_nothing_leaves_it_unknown() -> None:
    vague = check(evidence=fact("unknown"))

    assert stands(party(checks=(vague,))).state == "unknown"
    assert stands(party(checks=(vague, check()))).state == "not_found"


# --- by seat ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seat", ["headquarters", "incorporation", "control"])
def test_a_law_on_a_country_reaches_whoever_has_a_seat_there(seat: str) -> None:
    law = instrument(reaches_domiciles=("CN",))

    assert stands(party(**{seat: facts("CN")}), law=law).state == "listed"
    assert stands(party(**{seat: facts("unknown")}), law=law).state == "unknown"


def test_a_check_does_not_talk_a_seat_away() -> None:
    law = instrument(reaches_domiciles=("CN",))

    assert stands(party(headquarters=facts("CN"), checks=(check(),)), law=law).state == "listed"


def test_whoever_has_no_seat_there_is_not_found_and_the_text_names_all_three() -> None:
    found = stands(party(control=facts("FR")), law=instrument(reaches_domiciles=("CN",)))

    assert (found.state, found.text) == (
        "not_found", "headquarters US, incorporation US, ultimate control FR",
    )  # fmt: skip


# --- through owners --------------------------------------------------------------------------

LISTED = party("big", checks=(), listings=(listing(entry="Big Ltd."),))
HALF_RULE = instrument(affiliates="fifty_percent")


def held(*holdings: tuple[str, float | None], **changes: Any) -> Party:
    return party("small", owners=tuple(owner(*each) for each in holdings), **changes)


@pytest.mark.parametrize(
    ("share", "state"),
    [(1.0, "listed"), (0.5, "listed"), (0.49, "not_found"), (None, "unknown")],
)
def test_a_listing_reaches_what_is_owned_by_half(share: float | None, state: str) -> None:
    found = stands(held(("big", share)), LISTED, law=HALF_RULE)

    assert found.state == state
    if state == "listed":
        assert found.text == f"Big Ltd., which holds {share:.0%} of Small Ltd."


def test_shares_of_listed_owners_add_up() -> None:
    # "individually or in the aggregate", 15 CFR 744.11(a)(1): 0.3 + 0.1 + 0.1 is half.
    more = [party(key, checks=(), listings=(listing(),)) for key in ("b", "c")]

    def state(*shares: float) -> str:
        holdings = zip(("big", "b", "c"), shares, strict=True)
        return stands(held(*holdings), LISTED, *more, law=HALF_RULE).state

    assert state(0.3, 0.1, 0.1) == "listed"
    assert state(0.3, 0.1, 0.09) == "not_found"


def test_an_owner_who_is_not_listed_does_not_add_up() -> None:
    found = stands(held(("big", 0.4), ("other", 0.6)), LISTED, party("other"), law=HALF_RULE)

    assert found.state == "not_found"


@pytest.mark.parametrize(("share", "state"), [(0.6, "unknown"), (0.3, "not_found")])
def test_an_owner_of_half_whom_nobody_checked_leaves_it_unknown(share: float, state: str) -> None:
    assert stands(held(("big", share)), party("big", checks=()), law=HALF_RULE).state == state


def test_a_listed_minority_and_an_unchecked_one_may_be_half_together() -> None:
    unchecked = party("other", checks=())

    found = stands(held(("big", 0.3), ("other", 0.3)), LISTED, unchecked, law=HALF_RULE)

    assert found.state == "unknown"


def test_a_listing_goes_down_a_chain_of_majorities_and_stops_at_a_minority() -> None:
    def state(upper: float, lower: float) -> str:
        middle = party("middle", owners=(owner("big", upper),))
        return stands(held(("middle", lower)), middle, LISTED, law=HALF_RULE).state

    assert state(0.6, 0.5) == "listed"
    assert state(0.4, 0.9) == "not_found"
    assert state(0.9, 0.4) == "not_found"


def test_companies_that_own_each_other_are_no_endless_loop() -> None:
    one = party("small", owners=(owner("other", 0.6),))
    other = party("other", owners=(owner("small", 0.6),))

    assert stands(one, other, law=HALF_RULE).state == "not_found"


@pytest.mark.parametrize(
    ("affiliates", "state"),
    [("any", "listed"), ("fifty_percent", "not_found"), ("none", "not_found")],
)
def test_how_much_must_be_held_is_the_instruments(affiliates: str, state: str) -> None:
    found = stands(held(("big", 0.05)), LISTED, law=instrument(affiliates=affiliates))

    assert found.state == state


@pytest.mark.parametrize(("affiliates", "state"), [("any", "unknown"), ("none", "not_found")])
def test_where_holdings_count_unknown_owners_are_unknown(affiliates: str, state: str) -> None:
    nobody = party(ownership=facts("unknown"))

    assert stands(nobody, law=instrument(affiliates=affiliates)).state == state


RULE = instrument(
    "rule",
    kind="rule",
    effects=(),
    history=(
        phase("proposed", dt.date(2026, 6, 2), until=dt.date(2026, 6, 10)),
        phase("in_force", dt.date(2026, 6, 10), until=OFF),
        phase("suspended", OFF, until=AGAIN),
        phase("unknown", AGAIN),
    ),
)


@pytest.mark.parametrize(
    ("day", "rule", "state"),
    [
        (FIRST, "as_law", "not_found"),  # the rule has not begun
        (dt.date(2026, 6, 9), "as_law", "not_found"),  # proposed
        (dt.date(2026, 6, 10), "as_law", "listed"),
        (OFF - dt.timedelta(days=1), "as_law", "listed"),
        (OFF, "as_law", "not_found"),  # suspended
        (AGAIN, "as_law", "unknown"),
        (OFF, "on", "listed"),
        (AGAIN, "on", "listed"),
        (dt.date(2026, 6, 10), "off", "not_found"),
    ],
)
def test_the_affiliates_rule_holds_as_its_status_says_or_as_the_switch_does(
    day: dt.date, rule: str, state: str
) -> None:
    law = instrument(affiliates="fifty_percent", affiliates_under="rule")

    found = stands(held(("big", 0.6)), LISTED, law=law, laws=(RULE,), day=day, rule=rule)

    assert found.state == state


def test_doubt_about_the_rule_does_not_reach_a_minority() -> None:
    law = instrument(affiliates="fifty_percent", affiliates_under="rule")

    assert stands(held(("big", 0.49)), LISTED, law=law, laws=(RULE,)).state == "not_found"


def test_the_switch_leaves_alone_what_reaches_every_holding() -> None:
    found = stands(held(("big", 0.05)), LISTED, law=instrument(affiliates="any"), rule="off")

    assert found.state == "listed"


def test_the_switch_leaves_alone_what_reaches_half_by_its_own_text() -> None:
    found = stands(held(("big", 0.6)), LISTED, law=HALF_RULE, rule="off")

    assert found.state == "listed"


# --- whom a model brings ---------------------------------------------------------------------


def test_developer_and_licensor_of_each_ancestor_are_concerned_and_the_operator_only_by_api() -> (
    None
):
    made = registry(
        model(
            bases=(base("far/m@*"),),
            lineage=facts("derived"),
            licensor=facts("lawyers"),
            api_operators=(fact("cloud"),),
            hosts=(fact("hub"),),
        ),
        model("far/m@*", "far", api_operators=(fact("farcloud"),)),
        parties=tuple(party(key) for key in ("acme", "lawyers", "cloud", "hub", "far", "farcloud")),
    )
    line = weight_line(made, MODEL_KEY)

    def who(use: str) -> list[tuple[str, str, int]]:
        parties, unknown = concerned(made, line, use)
        assert not unknown
        return [(each.party, each.role, len(each.path)) for each in parties]

    own = [("acme", "developer", 1), ("lawyers", "licensor", 1)]
    assert who("self_hosted") == [*own, ("far", "developer", 2)]
    assert who("developer_api") == [*own, ("cloud", "api_operator", 1), ("far", "developer", 2)]


def test_a_party_in_several_roles_is_looked_at_once_on_its_nearest_path() -> None:
    made = registry(
        model(bases=(base("acme/root@*"),), lineage=facts("derived")), model("acme/root@*")
    )

    parties, _ = concerned(made, weight_line(made, MODEL_KEY), "self_hosted")

    assert [(each.party, each.path) for each in parties] == [("acme", (MODEL_KEY,))]


@pytest.mark.parametrize(
    ("history", "seen"),
    [
        ((phase(),), True),
        ((phase("proposed"),), True),
        ((phase("unknown"),), True),
        ((phase("withdrawn"),), False),
        ((phase(since=DAY + dt.timedelta(days=1)),), False),
        ((phase(until=DAY),), False),
        # Posted and withdrawn on one day: no day lies in the first phase.
        ((phase(until=FIRST), phase("withdrawn", FIRST)), False),
    ],
    ids=["in force", "proposed", "unknown", "withdrawn", "not begun", "over", "same day"],
)
def test_only_what_has_begun_and_is_not_over_is_looked_at(history: Any, seen: bool) -> None:
    made = registry(instruments=(instrument(history=history),))
    parties, _ = concerned(made, weight_line(made, MODEL_KEY), "self_hosted")

    for day in (FIRST, DAY) if history[-1].status == "withdrawn" else (DAY,):
        assert bool(list(looks(made, parties, risk(), day))) is seen
