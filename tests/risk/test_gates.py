"""harness.risk.gates: the worst of what applies; unknown is never clear."""

import datetime as dt
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.risk.gates import Gate, check_buyer, gate
from harness.risk.registry import Registry
from tests.risk.making import (
    DAY,
    FIRST,
    MODEL_KEY,
    base,
    buyer,
    check,
    condition,
    effect,
    fact,
    facts,
    instrument,
    licence,
    listing,
    model,
    owner,
    party,
    phase,
    registry,
    risk,
)

EVE = FIRST - dt.timedelta(days=1)


def judged(
    made: Registry,
    key: str = MODEL_KEY,
    day: dt.date = DAY,
    use: str = "self_hosted",
    rule: str = "as_law",
    **changes: Any,
) -> Gate:
    return gate(made, key, buyer(**changes), use, risk(affiliates_rule=rule), day)


def listed(**changes: Any) -> Registry:
    """The maker named under one instrument from FIRST on, and looked for before."""
    named = party(listings=(listing(),), checks=(check(until=FIRST),))
    return registry(parties=(named,), instruments=(instrument(**changes),))


def test_a_party_that_was_looked_for_and_not_found_is_clear() -> None:
    found = judged(registry())

    assert (found.verdict, found.reasons, found.pending) == ("clear", (), ())


def test_a_party_that_nobody_looked_for_is_unknown() -> None:
    found = judged(registry(parties=(party(checks=()),)))

    assert found.verdict == "unknown"
    assert "nobody has checked" in found.reasons[0].text


def test_a_ban_binds_from_its_first_day_and_not_the_day_before() -> None:
    assert judged(listed(), day=EVE).verdict == "clear"
    assert judged(listed(), day=FIRST).verdict == "blocked"


def test_a_ban_binds_only_those_it_names() -> None:
    assert judged(listed(), bound_as=("eu_person",)).verdict == "clear"


def test_a_ban_reaches_only_the_ways_of_use_it_names() -> None:
    api_only = listed(effects=(effect(deployments=("developer_api",)),))

    assert judged(api_only).verdict == "clear"


@pytest.mark.parametrize("status", ["proposed", "suspended", "approved_unpublished"])
def test_what_is_not_in_force_is_pending_and_gates_nobody(status: str) -> None:
    found = judged(listed(history=(phase(status),)))

    assert found.verdict == "clear"
    assert found.pending[0].text.startswith(f"{status}: Acme Ltd. under The ban")


def test_an_instrument_whose_status_is_unknown_leaves_the_gate_unknown() -> None:
    assert judged(listed(history=(phase("unknown"),))).verdict == "unknown"


def test_under_a_status_that_is_unknown_an_unchecked_party_is_unknown_too() -> None:
    made = registry(
        parties=(party(checks=()),), instruments=(instrument(history=(phase("unknown"),)),)
    )

    assert judged(made).verdict == "unknown"


def test_an_edition_that_ended_gates_nobody_any_more() -> None:
    made = listed(history=(phase(until=dt.date(2026, 7, 1)),))

    assert judged(made, day=dt.date(2026, 6, 30)).verdict == "blocked"
    assert judged(made, day=dt.date(2026, 7, 1)).verdict == "clear"


def test_a_suspension_lifts_the_ban_for_its_time_only() -> None:
    pause = dt.date(2026, 8, 1), dt.date(2026, 9, 1)
    made = listed(
        history=(phase(until=pause[0]), phase("suspended", pause[0], until=pause[1]),
                 phase(since=pause[1]))
    )  # fmt: skip

    assert judged(made, day=pause[0] - dt.timedelta(days=1)).verdict == "blocked"
    assert judged(made, day=pause[0]).verdict == "clear"
    assert judged(made, day=pause[1]).verdict == "blocked"


def test_a_list_withdrawn_on_the_day_it_was_posted_never_gates() -> None:
    made = listed(history=(phase("withdrawn"),))

    assert {judged(made, day=day).verdict for day in (EVE, FIRST, DAY)} == {"clear"}


def test_an_entity_removed_and_listed_again_is_blocked_outside_the_gap() -> None:
    off, again = dt.date(2026, 7, 1), dt.date(2026, 9, 1)
    named = party(
        listings=(listing(until=off), listing(since=again)), checks=(check(since=off, until=again),)
    )
    made = registry(parties=(named,))

    verdicts = {day: judged(made, day=day).verdict for day in (FIRST, off, again)}

    assert verdicts == {FIRST: "blocked", off: "clear", again: "blocked"}


def test_a_removal_alone_clears_nobody_who_was_not_checked() -> None:
    made = registry(parties=(party(listings=(listing(until=dt.date(2026, 7, 1)),), checks=()),))

    assert judged(made).verdict == "unknown"


def test_a_dated_warning_counts_the_days_and_then_needs_approval() -> None:
    bites = dt.date(2027, 6, 30)
    made = listed(effects=(effect("dated_warning", bites_on=bites),))

    before = judged(made, day=DAY)
    eve = judged(made, day=bites - dt.timedelta(days=1))

    # From 2026-11-25 to 2027-06-30: 5 + 31 + 31 + 28 + 31 + 30 + 31 + 30.
    assert (before.verdict, before.days_left) == ("dated_warning", 217)
    assert (eve.verdict, eve.days_left) == ("dated_warning", 1)
    assert judged(made, day=bites).verdict == "needs_approval"


def test_a_text_read_in_two_ways_gates_by_the_buyers_reading() -> None:
    wide = instrument(
        reaches_domiciles=("CN",),
        effects=(effect("blocked", reading="wide"), effect("needs_approval", reading="narrow")),
    )
    made = registry(parties=(party(headquarters=facts("CN")),), instruments=(wide,))

    assert judged(made, reading="wide").verdict == "blocked"
    assert judged(made, reading="narrow").verdict == "needs_approval"


def test_a_law_on_a_country_reaches_by_control_and_asks_where_the_seat_is_unknown() -> None:
    law = instrument(reaches_domiciles=("CN",))

    def verdict(**seats: Any) -> str:
        return judged(registry(parties=(party(**seats),), instruments=(law,))).verdict

    assert verdict() == "clear"
    assert verdict(control=facts("CN")) == "blocked"
    assert verdict(control=facts("unknown")) == "unknown"


# --- lineage ---------------------------------------------------------------------------------


def test_two_parents_by_weights_both_count_and_the_reason_shows_the_path() -> None:
    made = registry(
        model(bases=(base("left/m@*"), base("right/m@*")), lineage=facts("derived")),
        model("left/m@*", "left"),
        model("right/m@*", "right"),
        parties=(
            party(),
            party("left"),
            party("right", listings=(listing(entry="Right Ltd."),)),
        ),
    )

    found = judged(made)

    assert found.verdict == "blocked"
    assert found.reasons[0].path == (MODEL_KEY, "right/m@*")
    assert found.blocked_ancestors == ("right/m@*",)


@pytest.mark.parametrize("edge", ["distilled_outputs", "architecture_or_tokenizer", "data"])
def test_what_is_no_line_of_weights_passes_no_listing_on(edge: str) -> None:
    made = registry(
        model(bases=(base("other/m@*", edge),)),
        model("other/m@*", "other"),
        parties=(party(), party("other", listings=(listing(),))),
    )

    assert judged(made).verdict == "clear"


def test_an_unknown_or_undeclared_base_is_never_clear() -> None:
    assert judged(registry(model(lineage=facts("unknown")))).verdict == "unknown"
    assert judged(registry(model(lineage=facts("derived")))).verdict == "unknown"


# --- licences --------------------------------------------------------------------------------


def under(*conditions: Any, grant: str = "conditional") -> Registry:
    return registry(model(licences=(licence("LicenseRef-X", grant, conditions=conditions),)))


def test_a_licence_that_leaves_out_the_buyers_territory_blocks() -> None:
    excludes_eu = under(condition("territory", "blocked", excludes=("EU", "KR")))

    assert judged(excludes_eu, territory="US").verdict == "clear"
    assert judged(excludes_eu, territory="FR").verdict == "blocked"  # a member of the EU


@pytest.mark.parametrize(
    ("users", "verdict"), [(100, "clear"), (101, "needs_approval"), (None, "unknown")]
)
def test_a_threshold_of_users(users: int | None, verdict: str) -> None:
    made = under(condition("users", "needs_approval", above_monthly_users=100))

    assert judged(made, monthly_users=users).verdict == verdict


def test_a_condition_on_sellers_of_the_model_leaves_others_alone() -> None:
    made = under(
        condition("revenue", "needs_approval", applies_to="model_service", above_usd_per_year=1e6)
    )

    assert judged(made, revenue_usd_per_year=5e6).verdict == "clear"
    assert judged(made, revenue_usd_per_year=5e6, sells_model_access=True).verdict == (
        "needs_approval"
    )


def test_a_non_commercial_licence_blocks_commercial_use_only() -> None:
    made = under(grant="non_commercial")

    assert judged(made).verdict == "blocked"
    assert judged(made, commercial=False).verdict == "clear"


def test_a_licence_nobody_has_read_is_unknown() -> None:
    assert judged(under(grant="unknown")).verdict == "unknown"


def test_a_licence_of_an_ancestor_binds_what_was_made_from_its_weights() -> None:
    root = licence("LicenseRef-X", "non_commercial")
    made = registry(
        model(bases=(base("acme/root@*"),), lineage=facts("derived")),
        model("acme/root@*", licences=(root,)),
    )

    found = judged(made)

    assert found.verdict == "blocked"
    assert found.reasons[0].path == (MODEL_KEY, "acme/root@*")


def test_of_two_licences_the_official_one_stands_and_the_gate_says_which_does_not() -> None:
    blog = licence("MIT", "open", evidence=fact("MIT", confidence="reported"))
    found = judged(registry(model(licences=(blog, licence("LicenseRef-X", "non_commercial")))))

    assert found.verdict == "blocked"
    assert "sources disagree: LicenseRef-X stands, not MIT" in [r.text for r in found.reasons]


# --- owners ----------------------------------------------------------------------------------


def owned(share: float | None, affiliates: str = "fifty_percent", **changes: Any) -> Registry:
    held = party(owners=(owner("parent", share),))
    parent = party("parent", listings=(listing(entry="Parent Ltd."),))
    law = instrument(affiliates=affiliates, affiliates_under="rule", **changes)
    rule = instrument("rule", kind="rule", effects=(), history=RULE)
    return registry(parties=(held, parent), instruments=(law, rule))


RULE = (
    phase(since=FIRST, until=dt.date(2026, 7, 1)),
    phase("suspended", dt.date(2026, 7, 1), until=dt.date(2026, 8, 1)),
    phase("unknown", dt.date(2026, 8, 1)),
)


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.5, "blocked"), (0.49, "clear"), (None, "unknown")]
)
def test_half_of_a_company_carries_a_listing(share: float | None, verdict: str) -> None:
    assert judged(owned(share), rule="on").verdict == verdict


def test_the_affiliates_rule_counts_as_its_status_says() -> None:
    days = {FIRST: "blocked", dt.date(2026, 7, 1): "clear", dt.date(2026, 8, 1): "unknown"}

    assert {day: judged(owned(0.6), day=day).verdict for day in days} == days
    assert judged(owned(0.6), rule="off").verdict == "clear"


def test_where_any_holding_counts_a_small_one_does() -> None:
    assert judged(owned(0.05, "any")).verdict == "blocked"
    assert judged(owned(0.05, "none")).verdict == "clear"


# --- the developer's API ---------------------------------------------------------------------


def test_at_the_developers_api_an_unknown_operator_is_unknown() -> None:
    assert judged(registry(), use="developer_api").verdict == "unknown"


@pytest.mark.parametrize("role", ["developer", "licensor"])
def test_a_maker_or_licensor_whom_nobody_knows_is_never_clear(role: str) -> None:
    nobody = fact("unknown") if role == "developer" else facts("unknown")

    found = judged(registry(model(**{role: nobody})))

    assert (found.verdict, found.reasons[0].text) == ("unknown", f"{role} unknown")


def test_one_operator_known_does_not_make_up_for_another_unknown() -> None:
    made = registry(model(api_operators=(fact("acme"), fact("unknown"))))

    assert judged(made, use="developer_api").verdict == "unknown"


def test_at_the_developers_api_the_operator_counts_too() -> None:
    made = registry(
        model(api_operators=(fact("operator"),)),
        parties=(party(), party("operator", listings=(listing(),))),
    )

    assert judged(made).verdict == "clear"
    assert judged(made, use="developer_api").verdict == "blocked"


# --- buyers ----------------------------------------------------------------------------------


def test_a_buyer_bound_as_nobody_that_a_law_binds_is_refused() -> None:
    with pytest.raises(ConfigError, match="no instrument binds 'us_persn'; known: us_person"):
        check_buyer(registry(), buyer(bound_as=("us_persn",)))
