"""All that is judged of one model for one buyer, way of use and day. Pure."""

import datetime as dt
from collections.abc import Mapping
from typing import Literal

from harness.config.judge import BuyerConfig, Deployment, EventKind, FactorName, RiskConfig
from harness.fields import Frozen
from harness.risk.factors import Factor, Measured, factors
from harness.risk.facts import UNKNOWN
from harness.risk.gates import Gate, gate
from harness.risk.licences import settled
from harness.risk.lineage import weight_line
from harness.risk.registry import Jurisdiction, Model, Party, Registry
from harness.risk.standing import HALF, concerned, looks

EventState = Literal["possible", "approved_unpublished", "happened"]
_LISTED: tuple[EventKind, ...] = ("use_ban", "national_list", "state_list")


class PartyEvents(Frozen):
    """Which events could still force a buyer off, for one party behind a model."""

    party: str
    cohorts: tuple[str, ...]
    states: dict[EventKind, EventState]


class DatedEvent(Frozen):
    """A day on which an instrument begins to bite."""

    instrument: str
    on: dt.date


class Assessment(Frozen):
    """Gate, factor vector and what drives the hazard; the score needs the other models too."""

    model: str
    named_revision: bool
    deployment: Deployment
    developer: str
    headquarters: str
    jurisdictions: tuple[str, ...]
    licence: str
    gate: Gate
    factors: tuple[Factor, ...]
    events: tuple[PartyEvents, ...]
    dated: tuple[DatedEvent, ...]
    conflicts: tuple[str, ...]
    stale_facts: int
    facts: int

    @property
    def low(self) -> dict[FactorName, float]:
        """Lower ends of the factor vector."""
        return {factor.name: factor.low for factor in self.factors}

    @property
    def high(self) -> dict[FactorName, float]:
        """Upper ends of the factor vector."""
        return {factor.name: factor.high for factor in self.factors}


def assess(
    registry: Registry,
    model: Model,
    buyer: BuyerConfig,
    risk: RiskConfig,
    day: dt.date,
    deployment: Deployment | None = None,
    measured: Measured | None = None,
) -> Assessment:
    """The assessment of a model of the registry; `deployment` None: the buyer's."""
    use = deployment or buyer.deployment
    line = weight_line(registry, model.key)
    parties, _ = concerned(registry, line, use)
    judged = gate(registry, model.key, buyer, use, risk, day)
    table = factors(registry, model.key, buyer, use, risk, day, judged, measured or Measured())
    reasons = [r for f in table for r in f.reasons] + [*judged.reasons, *judged.pending]
    facts = {(r.fact.source, r.fact.value, r.fact.at): r.stale for r in reasons if r.fact}
    makers = [registry.parties[each.party] for each in parties]
    maker = registry.parties.get(model.developer.value)
    licence, _ = settled(model, day)
    return Assessment(
        model=model.key,
        named_revision=model.revision != "*",
        deployment=use,
        developer=maker.title if maker else UNKNOWN,
        headquarters=maker.headquarters.value if maker else UNKNOWN,
        jurisdictions=tuple(dict.fromkeys(seat for p in makers for seat in _seats(p))),
        licence=licence.id if licence else "unknown",
        gate=judged,
        factors=table,
        events=_events(registry, use, risk, day, model.key),
        dated=tuple(
            dict.fromkeys(
                DatedEvent(instrument=r.instrument, on=r.bites_on)
                for r in judged.reasons
                if r.verdict == "dated_warning" and r.bites_on and r.instrument
            )
        ),
        conflicts=_conflicts(registry, [path[-1] for path in line], makers, day),
        stale_facts=sum(facts.values()),
        facts=len(facts),
    )


def _seats(party: Party) -> tuple[str, ...]:
    return tuple(dict.fromkeys((party.headquarters.value, party.control.value)))


def _conflicts(
    registry: Registry, models: list[str], parties: list[Party], day: dt.date
) -> tuple[str, ...]:
    """Questions on which sources disagree, with what stands and what does not."""
    lines = []
    for model in (registry.models[key] for key in models):
        licence, against = settled(model, day)
        for each in against:
            assert licence is not None  # what is contradicted
            lines.append(
                f"{model.key}: licence: {licence.id} ({licence.evidence.publisher}) stands against"
                f" {each.id} ({each.evidence.publisher})"
            )
    seats = dict.fromkeys(seat for party in parties for seat in _seats(party) if seat != UNKNOWN)
    entries: list[Model | Party | Jurisdiction] = [
        *(registry.models[key] for key in models),
        *parties,
        *(registry.jurisdictions[seat] for seat in seats),
    ]
    for entry in entries:
        for name in type(entry).model_fields:
            facts = getattr(entry, name)
            for other in getattr(facts, "conflicts", ()):
                lines.append(
                    f"{entry.key}: {name}: {facts.value} ({facts.best.publisher}) stands against"
                    f" {other.value} ({other.publisher})"
                )
    return tuple(dict.fromkeys(lines))


def _events(
    registry: Registry,
    deployment: Deployment,
    risk: RiskConfig,
    day: dt.date,
    key: str,
) -> tuple[PartyEvents, ...]:
    """For each party along the weights, which kinds of listing have happened and which can.

    A company held by half or more by another of them shares its fate and counts with it, unless
    it is listed itself.
    """
    parties, _ = concerned(registry, weight_line(registry, key), deployment)
    states: dict[str, dict[EventKind, EventState]] = {
        each.party: dict.fromkeys((*_LISTED, "licence_change"), "possible") for each in parties
    }
    for each, instrument, stands in looks(registry, parties, risk, day):
        kind = instrument.kind
        if stands.state != "listed" or instrument.alternative_reading or kind not in _LISTED:
            continue
        status = instrument.status(day)
        if status == "in_force":
            states[each.party][kind] = "happened"
        elif status == "approved_unpublished" and states[each.party][kind] == "possible":
            states[each.party][kind] = "approved_unpublished"
    return tuple(
        PartyEvents(party=party, cohorts=registry.parties[party].cohorts, states=found)
        for party, found in states.items()
        if not _shares_fate(registry.parties[party], found, states)
    )


def _shares_fate(
    party: Party,
    own: dict[EventKind, EventState],
    states: Mapping[str, dict[EventKind, EventState]],
) -> bool:
    """Whether an owner of half or more is among them and nothing has happened to it alone."""
    return any(
        owner.party in states
        and owner.share is not None
        and owner.share >= HALF
        and all(state in ("possible", states[owner.party][kind]) for kind, state in own.items())
        for owner in party.owners
    )
