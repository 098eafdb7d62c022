"""What changed in the facts between two days, and the days on which anything changes. Pure."""

import datetime as dt
from collections.abc import Iterator

from harness.config.judge import BuyerConfig, Deployment, RiskConfig
from harness.fields import Frozen
from harness.risk.assess import Assessment, assess
from harness.risk.registry import Registry


class Change(Frozen):
    """Something that began or ended."""

    on: dt.date
    what: str
    source: str


class Moved(Frozen):
    """A model whose gate or factor vector is another on the second day."""

    model: str
    gate: tuple[str, str]
    factors: dict[str, tuple[tuple[float, float], tuple[float, float]]]


def changes(registry: Registry, since: dt.date, until: dt.date) -> list[Change]:
    """Dated facts after `since` up to and with `until`, oldest first."""
    found = [change for change in _all(registry) if since < change.on <= until]
    return sorted(found, key=lambda change: (change.on, change.what))


def _all(registry: Registry) -> Iterator[Change]:
    for instrument in registry.instruments.values():
        for phase in instrument.history:
            if phase.since:
                what = f"{instrument.title}: {phase.status.replace('_', ' ')}"
                yield Change(on=phase.since, what=what, source=phase.evidence.source)
        for effect in instrument.effects:
            if effect.bites_on:
                what = f"{instrument.title}: bites on {', '.join(effect.binds)}"
                yield Change(on=effect.bites_on, what=what, source=instrument.citation)
    for party in registry.parties.values():
        for listing in party.listings:
            title = registry.instruments[listing.instrument].title
            source = listing.evidence.source
            yield Change(on=listing.since, what=f"{party.title}: listed, {title}", source=source)
            if listing.until:
                off = f"{party.title}: no longer listed, {title}"
                yield Change(on=listing.until, what=off, source=source)
    for model in registry.models.values():
        for licence in model.licences:
            if licence.since:
                what = f"{model.key}: licence {licence.id}"
                yield Change(on=licence.since, what=what, source=licence.evidence.source)


def moved(
    registry: Registry,
    buyer: BuyerConfig,
    risk: RiskConfig,
    since: dt.date,
    until: dt.date,
    deployment: Deployment | None = None,
) -> list[Moved]:
    """Models whose gate or factors differ between the two days, for this buyer."""
    found = []
    for model in registry.models.values():
        before, after = (
            assess(registry, model, buyer, risk, day, deployment) for day in (since, until)
        )
        factors = _factors(before, after)
        gate = before.gate.verdict, after.gate.verdict
        if factors or gate[0] != gate[1]:
            found.append(Moved(model=model.key, gate=gate, factors=factors))
    return found


def _factors(
    before: Assessment, after: Assessment
) -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
    return {
        old.name: ((old.low, old.high), (new.low, new.high))
        for old, new in zip(before.factors, after.factors, strict=True)
        if (old.low, old.high) != (new.low, new.high)
    }
