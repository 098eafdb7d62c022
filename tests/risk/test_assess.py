"""harness.risk.assess: gates are never averaged; unknown is never clear; no headquarters rule."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.risk.assess import Assessment, Factor, assess
from harness.risk.facts import Registry
from tests.builders import (
    DAY,
    MODEL_KEY,
    PROFILES,
    WEIGHTS,
    base,
    developer,
    fact,
    instrument,
    listing,
    model,
    registry,
)

FIRST = dt.date(2026, 6, 1)
BEFORE = FIRST - dt.timedelta(days=1)


def judged(
    facts: Registry,
    profile: str = "us_federal_civilian",
    key: str = MODEL_KEY,
    day: dt.date = DAY,
) -> Assessment:
    found = assess(facts, key, profile, WEIGHTS, day)
    assert found is not None
    return found


def factor(found: Assessment, name: str) -> Factor:
    return next(each for each in found.factors if each.name == name)


def bounds(found: Assessment, name: str) -> tuple[float, float]:
    return factor(found, name).low, factor(found, name).high


def listed(**changes: Any) -> Registry:
    """The clean model, its developer named under one instrument."""
    return registry(
        developers=(developer(listings=(listing(),)),), instruments=(instrument(**changes),)
    )


# --- a clean model ---------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
def test_a_clean_model_is_clear_for_every_buyer(profile: str) -> None:
    found = judged(registry(), profile)

    assert (found.gate.verdict, found.gate.reasons, found.gate.pending) == ("clear", (), ())
    assert found.listing_state == "none"


def test_a_model_that_the_registry_does_not_know_is_not_assessed() -> None:
    assert assess(registry(), "acme/unheard", "us_private", WEIGHTS, DAY) is None


def test_the_score_is_the_weighted_sum_of_the_factors() -> None:
    # private 0.25 x weight 0.2; weights only 0.75 x weight 0.1; the rest 0.
    found = judged(registry(model(transparency=fact("weights_only"))))

    assert found.score_low == pytest.approx(0.25 * 0.2 + 0.75 * 0.1)
    assert found.score_high == pytest.approx(found.score_low)


def test_every_factor_shows_its_facts() -> None:
    found = judged(registry())

    assert [each.name for each in found.factors] == list(WEIGHTS)
    assert all(each.reasons and all(r.fact.source for r in each.reasons) for each in found.factors)


# --- listings over time ----------------------------------------------------------------------


def test_a_ban_binds_from_the_day_it_holds_and_not_the_day_before() -> None:
    before, first = judged(listed(), day=BEFORE), judged(listed(), day=FIRST)

    assert (before.gate.verdict, before.listing_state) == ("clear", "none")
    assert bounds(before, "listing") == (0.0, 0.0)
    assert (first.gate.verdict, first.listing_state) == ("blocked", "named_in_ban")
    assert bounds(first, "listing") == (1.0, 1.0)


def test_a_later_entry_under_an_older_list_counts_from_its_own_day() -> None:
    since = dt.date(2026, 9, 1)
    facts = registry(
        developers=(developer(listings=(listing(since=since),)),), instruments=(instrument(),)
    )

    assert judged(facts, day=since - dt.timedelta(days=1)).gate.verdict == "clear"
    assert judged(facts, day=since).gate.verdict == "blocked"


def test_a_removed_entry_stops_counting_on_the_day_of_its_removal() -> None:
    until = dt.date(2026, 9, 1)
    facts = registry(
        developers=(developer(listings=(listing(until=until),)),), instruments=(instrument(),)
    )

    assert judged(facts, day=until - dt.timedelta(days=1)).gate.verdict == "blocked"
    assert judged(facts, day=until).gate.verdict == "clear"


def test_a_gate_binds_only_the_buyers_that_the_instrument_names() -> None:
    verdicts = {profile: judged(listed(), profile).gate.verdict for profile in PROFILES}

    assert verdicts.pop("us_federal_civilian") == "blocked"
    assert set(verdicts.values()) == {"clear"}


@pytest.mark.parametrize(
    ("kind", "level", "state"),
    [
        ("use_ban", 1.0, "named_in_ban"),
        ("federal_list", 0.75, "listed_federal"),
        ("state_list", 0.5, "listed_state"),
        ("allegation", 0.25, "alleged"),
    ],
)
def test_the_worse_the_instrument_the_higher_the_level(kind: str, level: float, state: str) -> None:
    found = judged(listed(kind=kind))

    assert bounds(found, "listing") == (level, level)
    assert found.listing_state == state


@pytest.mark.parametrize("status", ["proposed", "suspended", "approved_unpublished"])
def test_an_instrument_that_is_not_in_force_is_pending_and_gates_nobody(status: str) -> None:
    found = judged(listed(status=status, valid_from=None))

    assert found.gate.verdict == "clear"
    assert [reason.text for reason in found.gate.pending] == [f"{status}: Acme Ltd. under The ban"]
    assert bounds(found, "listing")[1] > 0
    assert found.listing_state == "none"


def test_a_withdrawn_instrument_counts_for_nothing() -> None:
    found = judged(listed(status="withdrawn"))

    assert (found.gate.verdict, found.gate.pending) == ("clear", ())
    assert bounds(found, "listing") == (0.0, 0.0)


@pytest.mark.parametrize(
    ("day", "verdict", "days_left"),
    [
        (dt.date(2027, 6, 28), "dated_warning", 2),
        (dt.date(2027, 6, 29), "dated_warning", 1),
        (dt.date(2027, 6, 30), "needs_approval", None),
        (dt.date(2028, 1, 1), "needs_approval", None),
    ],
)
def test_a_dated_warning_counts_the_days_and_then_bites(
    day: dt.date, verdict: str, days_left: int | None
) -> None:
    facts = listed(gates={"us_defence_contractor": "dated_warning"}, gate_date=dt.date(2027, 6, 30))

    gate = judged(facts, "us_defence_contractor", day=day).gate

    assert (gate.verdict, gate.days_left) == (verdict, days_left)


def test_a_dated_warning_without_a_date_stays_a_warning() -> None:
    facts = listed(gates={"us_private": "dated_warning"}, gate_date=None)

    gate = judged(facts, "us_private").gate

    assert (gate.verdict, gate.days_left) == ("dated_warning", None)


def test_the_worst_gate_counts_and_is_not_averaged() -> None:
    facts = registry(
        developers=(developer(listings=(listing("soft"), listing("hard"))),),
        instruments=(
            instrument("soft", gates={"us_private": "needs_approval"}),
            instrument("hard", gates={"us_private": "blocked"}),
        ),
    )

    gate = judged(facts, "us_private").gate

    assert gate.verdict == "blocked"
    assert len(gate.reasons) == 2


def test_a_wide_reading_of_a_text_raises_only_the_upper_bound() -> None:
    found = judged(listed(alternative_reading=True))

    assert bounds(found, "listing") == (0.0, 1.0)
    assert found.listing_state == "none"


def test_a_wide_reading_beside_a_settled_listing_leaves_the_lower_bound_to_it() -> None:
    facts = registry(
        developers=(developer(listings=(listing("list"), listing("wide"))),),
        instruments=(
            instrument("list", kind="state_list"),
            instrument("wide", alternative_reading=True),
        ),
    )

    assert bounds(judged(facts), "listing") == (0.5, 1.0)


# --- the unknown -----------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "facts",
    [
        registry(model(licence_terms=fact("unknown"))),
        registry(model(lineage=fact("unknown"))),
        registry(developers=(developer(listings_checked=fact("unknown")),)),
    ],
    ids=["licence", "lineage", "lists"],
)
def test_an_unknown_never_yields_clear(facts: Registry, profile: str) -> None:
    assert judged(facts, profile).gate.verdict == "unknown"


def test_an_unknown_of_an_ancestor_never_yields_clear() -> None:
    facts = registry(
        model(lineage=fact("derived"), bases=(base("acme/root"),)),
        model("acme/root", licence_terms=fact("unknown")),
    )

    gate = judged(facts).gate

    assert gate.verdict == "unknown"
    assert gate.reasons[0].path == (MODEL_KEY, "acme/root")


def test_a_block_outweighs_an_unknown() -> None:
    facts = registry(
        model(lineage=fact("unknown")),
        developers=(developer(listings=(listing(),)),),
        instruments=(instrument(),),
    )

    assert judged(facts).gate.verdict == "blocked"


@pytest.mark.parametrize(
    ("name", "facts", "low"),
    [
        ("licence", registry(model(licence_terms=fact("unknown"))), 0.0),
        ("lineage", registry(model(lineage=fact("unknown"))), 0.0),
        ("transparency", registry(model(transparency=fact("unknown"))), 0.0),
        ("ownership", registry(developers=(developer(ownership=fact("unknown")),)), 0.0),
        ("ownership", registry(developers=(developer(compulsion=fact("unknown")),)), 0.25),
        ("listing", registry(developers=(developer(listings_checked=fact("unknown")),)), 0.0),
    ],
    ids=["licence", "lineage", "transparency", "ownership", "compulsion", "lists"],
)
def test_an_unknown_fact_spans_all_that_it_could_be(name: str, facts: Registry, low: float) -> None:
    assert bounds(judged(facts), name) == (low, 1.0)


# --- licence and lineage ---------------------------------------------------------------------


def test_a_territory_excluded_by_the_licence_blocks_the_buyer_there_only() -> None:
    facts = registry(model(excluded_territories=("EU", "GB")))

    verdicts = {profile: judged(facts, profile).gate.verdict for profile in PROFILES}

    assert verdicts.pop("eu_private") == "blocked"
    assert set(verdicts.values()) == {"clear"}


def test_a_territory_excluded_by_an_ancestors_licence_blocks_too() -> None:
    facts = registry(
        model(lineage=fact("derived"), bases=(base("acme/root"),)),
        model("acme/root", excluded_territories=("EU",)),
    )

    assert judged(facts, "eu_private").gate.verdict == "blocked"


@pytest.mark.parametrize(
    ("terms", "verdict", "level"),
    [
        ("open", "clear", 0.0),
        ("attribution_or_use_policy", "clear", 0.25),
        ("threshold", "clear", 0.5),
        ("authorisation", "needs_approval", 0.75),
        ("non_commercial", "blocked", 1.0),
    ],
)
def test_licence_terms_gate_and_grade(terms: str, verdict: str, level: float) -> None:
    found = judged(registry(model(licence_terms=fact(terms))))

    assert found.gate.verdict == verdict
    assert bounds(found, "licence") == (level, level)


def test_a_listing_of_an_ancestors_developer_reaches_the_model_with_its_path() -> None:
    facts = registry(
        model(lineage=fact("derived"), bases=(base("other/root"),)),
        model("other/root", developer="other"),
        developers=(developer(), developer("other", listings=(listing(),))),
        instruments=(instrument(),),
    )

    found = judged(facts)

    assert found.gate.verdict == "blocked"
    assert found.gate.reasons[0].path == (MODEL_KEY, "other/root")


@pytest.mark.parametrize("edge", ["distilled_outputs", "architecture_or_tokenizer", "data"])
def test_a_listing_is_not_inherited_without_the_weights(edge: str) -> None:
    facts = registry(
        model(bases=(base("other/root", edge=edge),)),
        model("other/root", developer="other"),
        developers=(developer(), developer("other", listings=(listing(),))),
        instruments=(instrument(),),
    )

    assert judged(facts).gate.verdict == "clear"


def test_jurisdictions_are_those_of_all_makers_of_the_weights() -> None:
    facts = registry(
        model(lineage=fact("derived"), bases=(base("other/root"),)),
        model("other/root", developer="other"),
        developers=(developer(), developer("other", headquarters=fact("CN"))),
    )

    found = judged(facts)

    assert (found.headquarters, found.jurisdictions) == ("US", ("US", "CN"))


@pytest.mark.parametrize(
    ("maker", "licence", "grade", "level"),
    [
        ("acme", "Apache-2.0", "declared", 0.0),
        ("acme", "MIT", "declared", 0.25),
        ("other", "Apache-2.0", "declared", 0.25),
        ("acme", "Apache-2.0", "alleged", 0.5),
    ],
    ids=["own base", "other licence", "other maker", "alleged"],
)
def test_derivation_counts_by_maker_licence_and_proof(
    maker: str, licence: str, grade: str, level: float
) -> None:
    facts = registry(
        model(lineage=fact("derived"), bases=(base("any/root", grade=grade),)),
        model("any/root", developer=maker, licence=fact(licence)),
        developers=(developer(), developer("other")),
    )

    assert bounds(judged(facts), "lineage") == (level, level)


def test_facts_past_review_are_counted() -> None:
    old = registry(model(transparency=fact("nothing", review_by=DAY - dt.timedelta(days=1))))

    assert judged(old).stale_facts == 1
    assert judged(registry()).stale_facts == 0


# --- properties ------------------------------------------------------------------------------

COUNTRIES = ("US", "CN", "FR", "KR", "AE", "CA")
OWNERSHIP = ("foundation", "private", "state_minority", "state_controlled", "military", "unknown")
DATES = st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31))
INSTRUMENTS = st.builds(
    instrument,
    key=st.just("new"),
    kind=st.sampled_from(["use_ban", "federal_list", "state_list", "allegation", "bill", "rule"]),
    status=st.sampled_from(
        ["in_force", "suspended", "proposed", "withdrawn", "approved_unpublished"]
    ),
    valid_from=st.none() | DATES,
    valid_to=st.none() | DATES,
    alternative_reading=st.booleans(),
    gate_date=DATES,
    gates=st.dictionaries(
        st.sampled_from(PROFILES), st.sampled_from(["blocked", "needs_approval", "dated_warning"])
    ),
)


@settings(max_examples=60)
@given(
    new=INSTRUMENTS,
    entry=st.builds(listing, key=st.just("new"), since=DATES, until=st.none() | DATES),
    day=DATES,
    checked=st.sampled_from(["all lists", "unknown"]),
    already=st.booleans(),
)
def test_another_listing_never_lowers_a_factor(
    new: Any, entry: Any, day: dt.date, checked: str, already: bool
) -> None:
    old = (listing(),) if already else ()

    def at(*listings: Any) -> Assessment:
        maker = developer(listings=listings, listings_checked=fact(checked))
        facts = registry(developers=(maker,), instruments=(instrument(kind="state_list"), new))
        return judged(facts, day=day)

    before, after = at(*old), at(*old, entry)

    for was, now in zip(before.factors, after.factors, strict=True):
        assert now.low >= was.low
        assert now.high >= was.high
    assert after.score_low >= before.score_low
    assert after.score_high >= before.score_high


@settings(max_examples=40)
@given(
    countries=st.permutations(COUNTRIES),
    owners=st.lists(st.sampled_from(OWNERSHIP), min_size=6, max_size=6),
    named=st.sets(st.integers(0, 5)),
    profile=st.sampled_from(PROFILES),
)
def test_shuffling_headquarters_changes_no_factor_and_no_gate(
    countries: list[str], owners: list[str], named: set[int], profile: str
) -> None:
    def at(places: tuple[str, ...] | list[str]) -> Assessment:
        makers = tuple(
            developer(
                f"dev{i}",
                headquarters=fact(place),
                ownership=fact(owners[i]),
                listings=(listing(),) if i in named else (),
            )
            for i, place in enumerate(places)
        )
        chain = [
            model(
                f"dev{i}/m",
                developer=f"dev{i}",
                bases=(base(f"dev{i + 1}/m"),) if i < 5 else (),
            )
            for i in range(6)
        ]
        facts = registry(*chain, developers=makers, instruments=(instrument(),))
        return judged(facts, profile, "dev0/m")

    before, after = at(COUNTRIES), at(countries)

    assert after.factors == before.factors
    assert after.gate == before.gate
    assert (after.score_low, after.score_high) == (before.score_low, before.score_high)
    assert after.listing_state == before.listing_state


@settings(max_examples=40)
@given(
    terms=st.sampled_from(["open", "threshold", "authorisation", "non_commercial", "unknown"]),
    lineage=st.sampled_from(["from_scratch", "unknown"]),
    transparency=st.sampled_from(["open_data_code_evals", "nothing", "unknown"]),
    owner=st.sampled_from(OWNERSHIP),
    profile=st.sampled_from(PROFILES),
)
def test_a_score_is_an_interval_between_0_and_1(
    terms: str, lineage: str, transparency: str, owner: str, profile: str
) -> None:
    facts = registry(
        model(licence_terms=fact(terms), lineage=fact(lineage), transparency=fact(transparency)),
        developers=(developer(ownership=fact(owner)),),
    )

    found = judged(facts, profile)

    assert 0 <= found.score_low <= found.score_high <= 1
    unknown = "unknown" in (terms, lineage, transparency, owner)
    assert (found.score_low < found.score_high) or not unknown or terms == "non_commercial"
    assert not ("unknown" in (terms, lineage) and found.gate.verdict == "clear")
