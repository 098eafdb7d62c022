"""What must hold for every registry: more bad news is never good, less knowledge never clears."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.risk.assess import Assessment, assess
from harness.risk.facts import Fact, Facts
from harness.risk.gates import ORDER, gate
from harness.risk.registry import Check, Instrument, Listing, Model, Party, Registry
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

ROOT = "far/root@*"
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEATS = st.sampled_from(["US", "FR", "CN", "unknown"])
OWNERSHIP = st.sampled_from(["foundation", "private", "military", "unknown"])
LINEAGE = st.sampled_from(["from_scratch", "unknown"])
USES = st.sampled_from(["self_hosted", "third_party", "developer_api"])
RULES = st.sampled_from(["as_law", "on", "off"])
OVER = dt.date(2026, 7, 1)
LATER = DAY + dt.timedelta(days=30)
LAWS = ("law0", "law1", "law2")
KEYS = ("acme", "far", "top")


@st.composite
def laws(draw: st.DrawFn, key: str) -> Instrument:
    status = st.sampled_from(
        ["in_force", "in_force", "in_force", "unknown", "suspended", "approved_unpublished"]
    )
    verdict = draw(st.sampled_from(["blocked", "needs_approval", "dated_warning"]))
    bites = draw(st.sampled_from([LATER, OVER])) if verdict == "dated_warning" else None
    made = effect(
        verdict,
        bites_on=bites,
        reading=draw(st.sampled_from([None, None, "wide"])),
        deployments=draw(st.sampled_from([("self_hosted", "developer_api"), ("third_party",)])),
    )
    return instrument(
        key,
        kind=draw(st.sampled_from(["use_ban", "national_list", "state_list", "bill"])),
        history=(phase(draw(status)),),
        alternative_reading=draw(st.booleans()),
        reaches_domiciles=draw(st.sampled_from([(), (), ("CN",)])),
        affiliates=draw(st.sampled_from(["none", "any", "fifty_percent"])),
        affiliates_under=draw(st.sampled_from([None, "law0"])),
        effects=draw(st.sampled_from([(), (made,), (made,)])),
    )


FATES = ("listed", "not found", "not found", "nothing", "left", "due")
CLEAN = ("not found", "left")


@st.composite
def makers(draw: st.DrawFn, key: str, owner_key: str | None, fates: tuple[str, ...]) -> Party:
    """A party that under each law is listed on some days, looked for on the others, or neither."""
    listings: list[Listing] = []
    checks: list[Check] = []
    for law in LAWS:
        match draw(st.sampled_from(fates)):
            case "listed":
                listings.append(listing(law))
            case "not found":
                checks.append(check(law))
            case "left":
                listings.append(listing(law, until=OVER))
                checks.append(check(law, since=OVER))
            case "due":
                listings.append(listing(law, since=LATER))
    share = draw(st.sampled_from([None, 0.3, 0.5, 1.0]))
    return party(
        key,
        headquarters=facts(draw(SEATS)),
        incorporation=facts(draw(SEATS)),
        control=facts(draw(SEATS)),
        ownership=facts(draw(OWNERSHIP)),
        owners=(owner(owner_key, share),) if owner_key and draw(st.booleans()) else (),
        listings=tuple(listings),
        checks=tuple(checks),
    )


@st.composite
def models(draw: st.DrawFn, key: str, maker: str, root: str | None, clean: bool) -> Model:
    """A model under terms of any kind; a clean one is open and well documented."""
    grants = ("open",) if clean else ("open", "open", "conditional", "non_commercial", "unknown")
    grant = draw(st.sampled_from(grants))
    limit = draw(
        st.sampled_from(
            [
                condition("territory", "blocked", excludes=("EU",)),
                condition("users", "needs_approval", above_monthly_users=100),
                condition("naming", "duty"),
            ]
        )
    )
    terms = licence(f"L-{grant}", grant, conditions=(limit,) if grant == "conditional" else ())
    old = licence("L-old", draw(st.sampled_from(["open", "conditional", "unknown"])), until=FIRST)
    history = (old, terms.model_copy(update={"since": FIRST}))
    from_root = root is not None and draw(st.booleans())
    return model(
        key,
        maker,
        licensor=facts(draw(st.sampled_from((maker, "top", *(() if clean else ("unknown",)))))),
        api_operators=tuple(
            fact(each)
            for each in draw(
                st.sampled_from([("top",)] if clean else [(), (maker,), ("top", "unknown")])
            )
        ),
        released=facts(draw(st.sampled_from(["2020-01-01", "2026-06-01", "unknown"]))),
        licences=history if draw(st.booleans()) else (terms,),
        lineage=facts("derived" if from_root else "from_scratch" if clean else draw(LINEAGE)),
        bases=(base(ROOT),) if from_root else (),
        transparency=facts(draw(st.sampled_from(["weights_only", "unknown"]))),
    )


@st.composite
def registries(draw: st.DrawFn, clean: bool = False) -> Registry:
    """A model, perhaps made from another; two makers and an owner; three laws."""
    fates = CLEAN if clean else FATES
    return registry(
        draw(models(MODEL_KEY, "acme", ROOT, clean)),
        draw(models(ROOT, "far", None, clean)),
        parties=(
            draw(makers("acme", "far", fates)), draw(makers("far", "top", fates)),
            draw(makers("top", None, fates)),
        ),
        instruments=tuple(draw(laws(key)) for key in LAWS),
        jurisdictions=(
            jurisdiction("US"),
            jurisdiction("FR", draw(st.sampled_from(["ordinary_process", "unknown"])),
                         member_of=("EU",)),
            jurisdiction("CN", "compulsion_without_appeal"),
        ),
    )  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Who asks, and how the model would be used."""
    return {
        "use": draw(USES),
        "rule": draw(RULES),
        "territory": draw(st.sampled_from(["US", "FR"])),
        "reading": draw(st.sampled_from(["narrow", "wide"])),
        "monthly_users": draw(st.sampled_from([10, 1000, None])),
        "commercial": draw(st.booleans()),
    }


def judged(made: Registry, asked: dict[str, Any], key: str = MODEL_KEY) -> Assessment:
    who = {name: value for name, value in asked.items() if name not in ("use", "rule")}
    how = risk(affiliates_rule=asked["rule"])
    return assess(made, made.models[key], buyer(**who), how, DAY, asked["use"])


def verdict(made: Registry, asked: dict[str, Any]) -> str:
    """The gate alone, which is quicker."""
    who = {name: value for name, value in asked.items() if name not in ("use", "rule")}
    how = risk(affiliates_rule=asked["rule"])
    return gate(made, MODEL_KEY, buyer(**who), asked["use"], how, DAY).verdict


def swapped(made: Registry, kind: str, key: str, **changes: Any) -> Registry:
    """The registry with one entry changed."""
    entries = getattr(made, kind)
    entry = entries[key].model_copy(update=changes)
    return made.model_copy(update={kind: entries | {key: entry}})


# --- more bad news ---------------------------------------------------------------------------


@QUICK
@given(
    made=registries(),
    asked=questions(),
    who=st.sampled_from(KEYS),
    law=st.sampled_from(LAWS),
    since=st.sampled_from([FIRST, DAY, LATER]),
    until=st.sampled_from([None, None, LATER]),
)
def test_another_listing_never_lowers_a_factor_nor_eases_the_gate(
    made: Registry, asked: dict[str, Any], who: str, law: str, since: dt.date, until: Any
) -> None:
    assume(until is None or since < until)
    more = (*made.parties[who].listings, listing(law, since=since, until=until))

    before = judged(made, asked)
    after = judged(swapped(made, "parties", who, listings=more), asked)

    assert ORDER.index(after.gate.verdict) <= ORDER.index(before.gate.verdict)
    for name in before.low:
        assert after.low[name] >= before.low[name], name
        assert after.high[name] >= before.high[name], name


# --- more sources ----------------------------------------------------------------------------

ANSWERS = {
    ("parties", "headquarters"): ("US", "CN", "unknown"),
    ("parties", "incorporation"): ("US", "CN", "unknown"),
    ("parties", "control"): ("US", "CN", "unknown"),
    ("parties", "ownership"): ("private", "military", "unknown"),
    ("models", "licensor"): ("acme", "top", "unknown"),
    ("models", "lineage"): ("from_scratch", "derived", "unknown"),
    ("models", "transparency"): ("weights_only", "nothing", "unknown"),
    ("models", "released"): ("2020-01-01", "2026-06-01", "unknown"),
    ("jurisdictions", "compulsion"): ("ordinary_process", "compulsion_without_appeal", "unknown"),
}


@QUICK
@given(made=registries(), asked=questions(), data=st.data())
def test_another_source_that_agrees_or_answers_what_was_open_never_widens_an_interval(
    made: Registry, asked: dict[str, Any], data: st.DataObject
) -> None:
    kind, name = data.draw(st.sampled_from(sorted(ANSWERS)))
    key = data.draw(st.sampled_from(sorted(getattr(made, kind))))
    value = data.draw(st.sampled_from(ANSWERS[kind, name]))
    confidence = data.draw(st.sampled_from(["official", "alleged"]))
    old: Facts = getattr(getattr(made, kind)[key], name)
    new = facts(*old.found, fact(value, confidence=confidence))
    assume(not old.best.known or new.value == old.value)

    before = judged(made, asked)
    after = judged(swapped(made, kind, key, **{name: new}), asked)

    for factor in before.low:
        width = after.high[factor] - after.low[factor]
        assert width <= before.high[factor] - before.low[factor], factor


@QUICK
@given(
    value=st.sampled_from(["foundation", "private", "military"]),
    confidence=st.sampled_from(["official", "reported", "alleged"]),
    published=st.sampled_from([None, FIRST, DAY]),
    name=st.sampled_from(["ownership", "headquarters"]),
)
def test_another_source_that_says_otherwise_leaves_what_is_known_a_point(
    value: str, confidence: str, published: Any, name: str
) -> None:
    said = value if name == "ownership" else "CN"
    old = fact("private" if name == "ownership" else "US", confidence="reported")
    new = fact(said, confidence=confidence, published=published)
    made = registry(parties=(party(**{name: facts(old, new)}),))

    found = judged(made, {"use": "self_hosted", "rule": "as_law"})

    assert found.low["compulsion"] == found.high["compulsion"]
    assert found.low["listing"] == found.high["listing"]


# --- less knowledge --------------------------------------------------------------------------

NOBODY = facts("unknown")


def thinner(made: Registry) -> Iterator[Registry]:
    """The registry with each of its facts taken away or made unknown, one at a time."""
    for key, one in made.parties.items():
        for change in [*without(one, "listings"), *without(one, "checks"), *less_of(one)]:
            yield swapped(made, "parties", key, **change)
    for key, each in made.models.items():
        for change in less_of_model(each):
            yield swapped(made, "models", key, **change)
    for key in made.jurisdictions:
        yield swapped(made, "jurisdictions", key, compulsion=NOBODY)
    for key in made.instruments:
        yield swapped(made, "instruments", key, history=(phase("unknown"),))


def without(entry: Any, name: str) -> list[dict[str, Any]]:
    """Changes that each take one of the entry's list away."""
    held = getattr(entry, name)
    return [{name: (*held[:i], *held[i + 1 :])} for i in range(len(held))]


def less_of(one: Party) -> Iterator[dict[str, Any]]:
    for name in ("headquarters", "incorporation", "control", "ownership"):
        yield {name: NOBODY}
    for holding in one.owners:
        yield {"owners": (holding.model_copy(update={"share": None}),)}


def less_of_model(one: Model) -> Iterator[dict[str, Any]]:
    for change in without(one, "licences"):
        yield {"licences": change["licences"] or (licence("unknown", "unknown"),)}
    for name in ("lineage", "licensor", "released", "transparency"):
        yield {name: NOBODY}
    yield {"developer": fact("unknown")}
    if len(one.api_operators) == 1:
        yield {"api_operators": ()}
    yield {"api_operators": tuple(fact("unknown") for _ in one.api_operators)}
    if one.bases:
        yield {"bases": ()}


@QUICK
@given(made=registries() | registries(clean=True), asked=questions())
def test_taking_a_fact_away_never_clears_a_gate(made: Registry, asked: dict[str, Any]) -> None:
    before = verdict(made, asked)

    after = {verdict(less, asked) for less in thinner(made)}

    # Lineage and licence bear on every gate, so one of those taken away shows.
    assert after <= {"clear", "unknown"} if before == "clear" else "clear" not in after
    assert after != {"clear"}


def clear() -> Registry:
    """A model derived from a foreign base, all looked for and found clean."""
    law = instrument(affiliates="fifty_percent")
    domicile = instrument("law", reaches_domiciles=("CN",))
    return registry(
        model(bases=(base(ROOT),), lineage=facts("derived"), api_operators=(fact("top"),)),
        model(ROOT, "far"),
        parties=(party(owners=(owner("top", 0.6),)), party("far"), party("top")),
        instruments=(law, domicile),
    )


RESTS_ON: list[tuple[str, str, dict[str, Any]]] = [
    ("parties", "acme", {"checks": ()}),
    ("parties", "far", {"checks": ()}),
    ("parties", "top", {"checks": ()}),
    ("parties", "acme", {"ownership": NOBODY}),
    ("parties", "acme", {"headquarters": NOBODY}),
    ("parties", "acme", {"incorporation": NOBODY}),
    ("parties", "far", {"control": NOBODY}),
    ("models", MODEL_KEY, {"lineage": NOBODY}),
    ("models", MODEL_KEY, {"bases": ()}),
    ("models", MODEL_KEY, {"licensor": NOBODY}),
    ("models", MODEL_KEY, {"developer": fact("unknown")}),
    ("models", MODEL_KEY, {"api_operators": ()}),
    ("models", ROOT, {"lineage": NOBODY}),
    ("models", ROOT, {"licences": (licence("unknown", "unknown"),)}),
]


@pytest.mark.parametrize(("kind", "key", "change"), RESTS_ON)
def test_a_clear_gate_turns_unknown_without_a_fact_it_rests_on(
    kind: str, key: str, change: dict[str, Any]
) -> None:
    asked = {"use": "developer_api", "rule": "as_law"}

    assert verdict(clear(), asked) == "clear"
    assert verdict(swapped(clear(), kind, key, **change), asked) == "unknown"


# --- what must not matter --------------------------------------------------------------------


def outcome(found: Assessment) -> tuple[Any, ...]:
    return found.gate.verdict, found.gate.days_left, found.low, found.high


@QUICK
@given(made=registries(), asked=questions())
def test_renaming_a_model_changes_nothing(made: Registry, asked: dict[str, Any]) -> None:
    named, root = made.models[MODEL_KEY], made.models[ROOT]
    bases = tuple(each.model_copy(update={"model": "aa/aa@*"}) for each in named.bases)
    new = {
        "zz/zz@abc1234": named.model_copy(update={"key": "zz/zz@abc1234", "bases": bases}),
        "aa/aa@*": root.model_copy(update={"key": "aa/aa@*"}),
    }

    renamed = judged(made.model_copy(update={"models": new}), asked, "zz/zz@abc1234")

    assert outcome(renamed) == outcome(judged(made, asked))


@QUICK
@given(made=registries(), asked=questions(), data=st.data())
def test_the_order_of_entries_and_of_facts_changes_nothing(
    made: Registry, asked: dict[str, Any], data: st.DataObject
) -> None:
    extra = (fact("private"), fact("military"), fact("foundation"))
    made = swapped(made, "parties", "acme", ownership=facts(*extra))

    def mixed(entry: Any) -> Any:
        """The entry with each of its lists in another order."""
        changes = {}
        for name in type(entry).model_fields:
            value = getattr(entry, name)
            if isinstance(value, Facts):
                value = facts(*data.draw(st.permutations(value.found)))
            elif isinstance(value, tuple) and name not in ("history", "names"):
                value = tuple(data.draw(st.permutations(value)))
            changes[name] = value
        return entry.model_copy(update=changes)

    other = Registry.model_construct(
        **{
            kind: {
                key: mixed(getattr(made, kind)[key])
                for key in data.draw(st.permutations(sorted(getattr(made, kind))))
            }
            for kind in Registry.model_fields
        }
    )

    assert outcome(judged(other, asked)) == outcome(judged(made, asked))


@QUICK
@given(made=registries(), asked=questions(), order=st.permutations(KEYS))
def test_where_companies_sit_moves_only_what_is_about_law_and_ownership(
    made: Registry, asked: dict[str, Any], order: list[str]
) -> None:
    seats = ("headquarters", "incorporation", "control")
    moved = made
    for key, origin in zip(KEYS, order, strict=True):
        theirs = {name: getattr(made.parties[origin], name) for name in seats}
        moved = swapped(moved, "parties", key, **theirs)

    before, after = judged(made, asked), judged(moved, asked)

    may_move = {"listing", "compulsion", "serving_path"}
    if before.gate.blocked_ancestors != after.gate.blocked_ancestors:
        may_move.add("lineage")
    for name in set(before.low) - may_move:
        assert (after.low[name], after.high[name]) == (before.low[name], before.high[name]), name
    if not any(law.reaches_domiciles for law in made.instruments.values()):
        assert after.gate.verdict == before.gate.verdict


def test_the_facts_of_the_properties_are_facts() -> None:
    # Guards the builders: an answer that the schema refuses would make the properties vacuous.
    for (kind, name), answers in ANSWERS.items():
        for answer in answers:
            made = {"parties": party, "models": model, "jurisdictions": jurisdiction}[kind]
            entry = made(*(("XX",) if kind == "jurisdictions" else ()), **{name: facts(answer)})
            assert isinstance(getattr(entry, name).best, Fact)
