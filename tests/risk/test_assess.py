"""harness.risk.assess: one answer for a model, its conflicts, and the events behind a hazard."""

import datetime as dt
from typing import Any

import pytest

from harness.risk.assess import Assessment, assess
from harness.risk.registry import Registry
from tests.risk.making import (
    DAY,
    FIRST,
    MODEL_KEY,
    base,
    buyer,
    check,
    effect,
    fact,
    facts,
    instrument,
    jurisdiction,
    licence,
    listing,
    model,
    owner,
    party,
    phase,
    registry,
    risk,
)


def judged(made: Registry, key: str = MODEL_KEY, **changes: Any) -> Assessment:
    return assess(made, made.models[key], buyer(), risk(), **{"day": DAY} | changes)


def derived(*parties: Any, **changes: Any) -> Registry:
    """A US model made from the weights of another maker's."""
    return registry(
        model(bases=(base("far/m@*"),), lineage=facts("derived")),
        model("far/m@*", "far"),
        parties=(party(), *parties),
        **changes,
    )


def test_it_names_maker_seat_licence_and_whether_the_revision_is_named() -> None:
    found = judged(registry())

    assert (found.developer, found.headquarters, found.licence) == ("Acme Ltd.", "US", "Apache-2.0")
    assert not found.named_revision
    pinned = registry(model("acme/tiny@abc1234"))
    assert judged(pinned, "acme/tiny@abc1234").named_revision


def test_a_maker_whom_nobody_knows_is_said_to_be_unknown() -> None:
    found = judged(registry(model(developer=fact("unknown"))))

    assert (found.developer, found.headquarters) == ("unknown", "unknown")
    assert found.gate.verdict == "unknown"
    assert (found.low["compulsion"], found.high["compulsion"]) == (0.25, 1.0)  # the licensor's


def test_the_way_of_use_is_the_buyers_unless_given() -> None:
    assert judged(registry()).deployment == "self_hosted"
    assert judged(registry(), deployment="third_party").deployment == "third_party"


def test_jurisdictions_are_seats_and_controllers_along_the_weights() -> None:
    far = party("far", headquarters=facts("FR"), control=facts("CN"))

    assert judged(derived(far)).jurisdictions == ("US", "FR", "CN")


# --- conflicts -------------------------------------------------------------------------------


def test_each_question_on_which_sources_disagree_says_what_stands_against_what() -> None:
    paper = {"confidence": "reported", "publisher": "a paper"}
    far = party("far", ownership=facts("private", fact("military", **paper)))
    made = derived(
        far,
        jurisdictions=(
            jurisdiction("US", "ordinary_process", fact("compulsion_without_appeal", **paper)),
        ),
    )
    two = (licence(), licence("X", "non_commercial", evidence=fact("X", **paper)))
    ancestor = made.models["far/m@*"].model_copy(update={"licences": two})
    made = made.model_copy(update={"models": made.models | {"far/m@*": ancestor}})

    assert set(judged(made).conflicts) == {
        "far: ownership: private (nobody) stands against military (a paper)",
        "US: compulsion: ordinary_process (nobody) stands against compulsion_without_appeal"
        " (a paper)",
        "far/m@*: licence: Apache-2.0 (nobody) stands against X (a paper)",
    }


def test_sources_that_agree_are_no_conflict() -> None:
    agreed = party(ownership=facts("private", fact("private", confidence="reported"), "unknown"))

    assert judged(registry(parties=(agreed,))).conflicts == ()


# --- staleness -------------------------------------------------------------------------------


def test_facts_are_stale_by_the_day_asked_for() -> None:
    reviewed = party(ownership=facts(fact("private", review_by=DAY)))
    made = registry(parties=(reviewed,))

    assert judged(made).stale_facts == 0
    assert judged(made, day=DAY + dt.timedelta(days=1)).stale_facts == 1
    assert judged(made).facts > 1


# --- events ----------------------------------------------------------------------------------


def states(made: Registry, **changes: Any) -> dict[str, dict[str, str]]:
    return {each.party: dict(each.states) for each in judged(made, **changes).events}


POSSIBLE = dict.fromkeys(("use_ban", "national_list", "state_list", "licence_change"), "possible")


def listed(**changes: Any) -> Registry:
    return registry(
        parties=(party(checks=(), listings=(listing(),)),), instruments=(instrument(**changes),)
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"use_ban": "happened"}),
        ({"kind": "state_list"}, {"state_list": "happened"}),
        ({"kind": "national_list", "history": (phase("approved_unpublished"),)},
         {"national_list": "approved_unpublished"}),
        ({"history": (phase("suspended"),)}, {}),
        ({"history": (phase("unknown"),)}, {}),
        ({"alternative_reading": True}, {}),
        ({"kind": "allegation"}, {}),
    ],
)  # fmt: skip
def test_what_has_happened_to_a_party_and_what_still_can(
    changes: dict[str, Any], expected: dict[str, str]
) -> None:
    assert states(listed(**changes)) == {"acme": POSSIBLE | expected}


def test_an_event_has_not_happened_the_day_before() -> None:
    assert states(listed(), day=FIRST - dt.timedelta(days=1)) == {"acme": POSSIBLE}


def test_what_is_published_outweighs_what_is_only_approved_in_any_order() -> None:
    laws = (
        instrument("next", kind="national_list", history=(phase("approved_unpublished"),)),
        instrument("list", kind="national_list"),
    )
    named = party(checks=(), listings=(listing("next"), listing("list")))

    for order in (laws, laws[::-1]):
        made = registry(parties=(named,), instruments=order)
        assert states(made)["acme"]["national_list"] == "happened"


def test_each_party_along_the_weights_has_events_of_its_own() -> None:
    assert set(states(derived(party("far")))) == {"acme", "far"}


@pytest.mark.parametrize(
    ("share", "counted"), [(0.5, {"far"}), (0.49, {"acme", "far"}), (None, {"acme", "far"})]
)
def test_a_company_held_by_half_shares_its_owners_fate(
    share: float | None, counted: set[str]
) -> None:
    made = derived(party("far"))
    small = party(owners=(owner("far", share),))

    assert set(states(made.model_copy(update={"parties": made.parties | {"acme": small}}))) == (
        counted
    )


def test_a_company_that_is_listed_alone_keeps_its_own_events() -> None:
    made = derived(party("far"))
    small = party(checks=(), owners=(owner("far", 1.0),), listings=(listing(),))

    found = states(made.model_copy(update={"parties": made.parties | {"acme": small}}))

    assert found["acme"]["use_ban"] == "happened"
    assert found["far"] == POSSIBLE


def test_a_warning_is_a_dated_event_until_the_day_it_bites() -> None:
    bites = dt.date(2027, 6, 30)
    law = instrument(effects=(effect("dated_warning", bites_on=bites),))
    made = registry(parties=(party(checks=(), listings=(listing(),)),), instruments=(law,))

    assert [(each.instrument, each.on) for each in judged(made).dated] == [("ban", bites)]
    assert judged(made, day=bites).dated == ()


def test_a_party_that_was_only_looked_for_has_no_event() -> None:
    assert states(registry(parties=(party(checks=(check(),)),))) == {"acme": POSSIBLE}
