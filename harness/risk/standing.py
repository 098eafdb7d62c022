"""How a party stands under an instrument on a day: listed, reached, checked and not found, unknown.

No check means unknown: a name that nobody looked for is never a clean result.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Literal

from harness.config.judge import Deployment, RiskConfig
from harness.fields import Frozen
from harness.risk.facts import Fact, Facts
from harness.risk.lineage import Path
from harness.risk.registry import Instrument, Party, Registry

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
) -> Standing:
    """How the party stands under the instrument on that day."""
    own = _own(party, instrument, day)
    if own.state == "listed":
        return own
    owned = _through_owners(registry, party, instrument, day, affiliates_rule, ())
    return owned or own


def _own(party: Party, instrument: Instrument, day: dt.date) -> Standing:
    for listing in party.listings:
        begun = listing.since <= day
        if listing.instrument == instrument.key and begun and not _over(listing.until, day):
            return Standing(state="listed", text=listing.entry, fact=listing.evidence)
    if instrument.reaches_domiciles:
        return _by_domicile(party, instrument)
    for check in party.checks:
        if {instrument.key, instrument.series} & set(check.instruments):
            state: Literal["not_found", "unknown"] = (
                "not_found" if check.evidence.known else "unknown"
            )
            return Standing(state=state, text=check.evidence.value, fact=check.evidence)
    return Standing(state="unknown", text="nobody has checked", fact=None)


def _over(until: dt.date | None, day: dt.date) -> bool:
    return until is not None and until <= day


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
    text = f"{what} {facts.value}"
    return Standing(state="not_found", text=text, fact=facts.best)


def _through_owners(
    registry: Registry,
    party: Party,
    instrument: Instrument,
    day: dt.date,
    affiliates_rule: AffiliatesRule,
    seen: tuple[str, ...],
) -> Standing | None:
    """Listed through an owner; unknown where the share or the rule is; None: not reached."""
    reach, doubt = _reach(registry, instrument, day, affiliates_rule)
    if reach == "none":
        return None
    found: Standing | None = None
    for owner in party.owners:
        if owner.party in seen or owner.party == party.key:
            continue
        holder = registry.parties[owner.party]
        at = _own(holder, instrument, day)
        if at.state != "listed":
            further = _through_owners(
                registry, holder, instrument, day, affiliates_rule, (*seen, party.key)
            )
            if further is None:
                continue
            at = further
        share = "a share unknown" if owner.share is None else f"{owner.share:.0%}"
        text = f"{at.text}, which holds {share} of {party.title}"
        if at.state == "unknown" or doubt:
            found = found or Standing(state="unknown", text=text + doubt, fact=owner.evidence)
        elif reach == "any" or (owner.share is not None and owner.share >= HALF):
            return Standing(state="listed", text=text, fact=owner.evidence)
        elif owner.share is None:
            found = found or Standing(state="unknown", text=text, fact=owner.evidence)
    return found


def _reach(
    registry: Registry, instrument: Instrument, day: dt.date, affiliates_rule: AffiliatesRule
) -> tuple[Literal["none", "any", "fifty_percent"], str]:
    """Which holdings carry a listing on that day, and the doubt about it, if any."""
    if instrument.affiliates != "fifty_percent" or affiliates_rule == "on":
        return instrument.affiliates, ""
    if affiliates_rule == "off":
        return "none", ""
    rule = registry.instruments.get(instrument.affiliates_under or "")
    status = rule.status(day) if rule else "in_force"
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
