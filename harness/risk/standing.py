"""How a party stands under an instrument on a day: listed, reached, checked and not found, unknown.

No check means unknown: a name that nobody looked for is never a clean result.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from typing import Literal

from harness.config.judge import Deployment, RiskConfig
from harness.fields import Frozen
from harness.risk.facts import Fact, Facts, strength
from harness.risk.lineage import Path
from harness.risk.registry import Check, Instrument, Owner, Party, Registry

AffiliatesRule = Literal["as_law", "on", "off"]
HALF = 0.5


class Standing(Frozen):
    """One party under one instrument."""

    state: Literal["listed", "not_found", "unknown"]
    text: str
    fact: Fact | None  # None: there is no fact, which is why it is unknown


class Concerned(Frozen):
    """A party that a model brings with it, and the path through the weights to it."""

    party: str
    role: Literal["developer", "licensor", "api_operator"]
    path: Path
    fact: Fact


def concerned(
    registry: Registry, line: list[Path], deployment: Deployment
) -> tuple[list[Concerned], list[tuple[str, Path, Fact | None]]]:
    """Parties along the weights, nearest first, each once; and the roles that nobody knows.

    Developer and licensor of the model and of each ancestor; at the developer's API also who
    operates it.
    """
    found: dict[str, Concerned] = {}
    unknown: list[tuple[str, Path, Fact | None]] = []
    for path in line:
        model = registry.models[path[-1]]
        roles: list[tuple[Literal["developer", "licensor", "api_operator"], Fact]] = [
            ("developer", model.developer),
            ("licensor", model.licensor.best),
        ]
        if deployment == "developer_api" and len(path) == 1:
            roles += [("api_operator", fact) for fact in model.api_operators]
            if not model.api_operators:
                unknown.append(("API operator unknown", path, None))
        for role, fact in roles:
            if fact.known:
                each = Concerned(party=fact.value, role=role, path=path, fact=fact)
                found.setdefault(fact.value, each)
            else:
                unknown.append((f"{role.replace('_', ' ')} unknown", path, fact))
    return list(found.values()), unknown


def standing(
    registry: Registry,
    party: Party,
    instrument: Instrument,
    day: dt.date,
    affiliates_rule: AffiliatesRule,
    seen: Path = (),
) -> Standing:
    """How the party stands under the instrument on that day, by itself or through its owners.

    `seen`: parties on the way from an owned one, which are not looked at again.
    """
    own = _own(registry, party, instrument, day)
    if own.state == "listed":
        return own
    return _through_owners(registry, party, instrument, day, affiliates_rule, seen) or own


def covers(registry: Registry, check: Check, instrument: Instrument) -> bool:
    """Whether the check names the instrument, or its series by a name that no instrument has."""
    named = instrument.key, instrument.series
    return any(
        name in check.instruments and (name == instrument.key or name not in registry.instruments)
        for name in named
    )


def _own(registry: Registry, party: Party, instrument: Instrument, day: dt.date) -> Standing:
    for listing in party.listings:
        if listing.instrument == instrument.key and listing.covers(day):
            return Standing(state="listed", text=listing.entry, fact=listing.evidence)
    if instrument.reaches_domiciles:
        return _by_domicile(party, instrument)
    checks = [c for c in party.checks if c.covers(day) and covers(registry, c, instrument)]
    if not checks:
        return Standing(state="unknown", text="nobody has checked", fact=None)
    best = max((check.evidence for check in checks), key=strength)
    state: Literal["not_found", "unknown"] = "not_found" if best.known else "unknown"
    return Standing(state=state, text=best.value, fact=best)


def _by_domicile(party: Party, instrument: Instrument) -> Standing:
    seats: dict[str, Facts] = {
        "headquarters": party.headquarters,
        "incorporation": party.incorporation,
        "ultimate control": party.control,
    }
    for what, facts in seats.items():
        if facts.value in instrument.reaches_domiciles:
            text = f"{party.title}, {what} {facts.value}"
            return Standing(state="listed", text=text, fact=facts.best)
    for what, facts in seats.items():
        if not facts.best.known:
            return Standing(state="unknown", text=f"{what} unknown", fact=facts.best)
    text = ", ".join(f"{what} {facts.value}" for what, facts in seats.items())
    return Standing(state="not_found", text=text, fact=party.control.best)


def _through_owners(
    registry: Registry,
    party: Party,
    instrument: Instrument,
    day: dt.date,
    affiliates_rule: AffiliatesRule,
    seen: Path,
) -> Standing | None:
    """Listed through owners; unknown where they, a share or the rule are; None: not reached."""
    reach, doubt = _reach(registry, instrument, day, affiliates_rule)
    if reach == "none":
        return None
    way = (*seen, party.key)
    holders = []
    for owner in party.owners:
        if owner.party not in way:
            holder = registry.parties[owner.party]
            at = standing(registry, holder, instrument, day, affiliates_rule, way)
            holders.append((owner, at))
    listed = [each for each in holders if each[1].state == "listed"]
    perhaps = [each for each in holders if each[1].state != "not_found"]
    if listed and (reach == "any" or _least(owner for owner, _ in listed) >= HALF):
        state: Literal["listed", "unknown"] = "unknown" if doubt else "listed"
        return _held(party, listed, state, doubt)
    if perhaps and (reach == "any" or _most(owner for owner, _ in perhaps) >= HALF):
        return _held(party, perhaps, "unknown", doubt)
    if not party.ownership.best.known:
        return Standing(state="unknown", text="owners unknown", fact=party.ownership.best)
    return None


def _least(owners: Iterable[Owner]) -> float:
    """What they hold together if no unknown share counts.

    Shares of listed owners add up (15 CFR 744.11(a)(1) as of 2025-09-29).
    """
    return math.fsum(owner.share or 0.0 for owner in owners)


def _most(owners: Iterable[Owner]) -> float:
    return math.fsum(1.0 if owner.share is None else owner.share for owner in owners)


def _held(
    party: Party,
    holders: list[tuple[Owner, Standing]],
    state: Literal["listed", "unknown"],
    doubt: str,
) -> Standing:
    parts = []
    for owner, at in holders:
        share = "a share unknown" if owner.share is None else f"{owner.share:.0%}"
        who = at.text if at.state == "listed" else f"{owner.party} ({at.text})"
        parts.append(f"{who}, which holds {share} of {party.title}")
    return Standing(state=state, text="; ".join(parts) + doubt, fact=holders[0][0].evidence)


def _reach(
    registry: Registry, instrument: Instrument, day: dt.date, affiliates_rule: AffiliatesRule
) -> tuple[Literal["none", "any", "fifty_percent"], str]:
    """Which holdings carry a listing on that day, and the doubt about it, if any."""
    rule = registry.instruments.get(instrument.affiliates_under or "")
    if instrument.affiliates != "fifty_percent" or rule is None or affiliates_rule == "on":
        return instrument.affiliates, ""  # reaches so far by its own text, or is told to
    if affiliates_rule == "off":
        return "none", ""
    status = rule.status(day)
    if status == "unknown":
        return "fifty_percent", " (whether the affiliates rule is in force is unknown)"
    return ("fifty_percent" if status == "in_force" else "none"), ""


Look = tuple[Concerned, Instrument, Standing]


def looks(
    registry: Registry, parties: list[Concerned], risk: RiskConfig, day: dt.date
) -> Iterator[Look]:
    """Each party under each instrument that has begun and is not withdrawn on that day."""
    for each in parties:
        for instrument in registry.instruments.values():
            if instrument.status(day) not in (None, "withdrawn"):
                yield (
                    each,
                    instrument,
                    standing(
                        registry,
                        registry.parties[each.party],
                        instrument,
                        day,
                        risk.affiliates_rule,
                    ),
                )
