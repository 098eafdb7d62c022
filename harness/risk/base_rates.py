"""How often developers were listed: counts from the registry's own dated facts. Pure.

Each party of a cohort is exposed from the first day counted, or from its founding, to its first
listing in the series asked for, or to the last day. A party whose founding is unknown is left out
and named.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from itertools import pairwise

from scipy import special

from harness.fields import Frozen
from harness.risk.licences import settled
from harness.risk.registry import Licence, Party, Registry

YEAR_DAYS = 365.25
_TIGHTNESS = {"open": 0, "conditional": 1, "non_commercial": 2, "unknown": 1}


class Exposure(Frozen):
    """What was counted."""

    events: int
    years: float  # developer-years, or model-years
    dates: tuple[dt.date, ...]  # of the events, each day once
    counted: tuple[str, ...]
    left_out: tuple[str, ...]


class GammaPosterior(Frozen):
    """Rate a year after `events` in `years`: Jeffreys prior Gamma(1/2, 0), so Gamma(n + 1/2, T)."""

    shape: float
    years: float

    @property
    def mean(self) -> float:
        """Events a year."""
        return self.shape / self.years

    def interval(self) -> tuple[float, float]:
        """5% and 95% points."""
        low, high = special.gammaincinv(self.shape, [0.05, 0.95]) / self.years
        return float(low), float(high)


def posterior(exposure: Exposure) -> GammaPosterior | None:
    """None where nobody was exposed: no time, no rate."""
    if exposure.years <= 0:
        return None
    return GammaPosterior(shape=exposure.events + 0.5, years=exposure.years)


def first_listings(
    registry: Registry, cohort: str, series: Collection[str], since: dt.date, until: dt.date
) -> Exposure:
    """First listings in any edition of any of the series, for the parties of a cohort."""
    events: list[dt.date] = []
    counted: list[str] = []
    left_out: list[str] = []
    days = 0
    for party in registry.parties.values():
        if cohort not in party.cohorts:
            continue
        founded = _day(party.founded.value)
        if founded is None:
            left_out.append(party.key)
            continue
        first = _first(registry, party, series)
        start = max(since, founded)
        if first and first < start:
            continue  # listed before the count began: no first event can follow
        end = min(first or until, until)
        days += max((end - start).days, 0)
        counted.append(party.key)
        if first and first <= until:
            events.append(first)
    return Exposure(
        events=len(events),
        years=days / YEAR_DAYS,
        dates=tuple(sorted(set(events))),
        counted=tuple(counted),
        left_out=tuple(left_out),
    )


def tighter_licences(registry: Registry, since: dt.date, until: dt.date) -> Exposure:
    """Changes of a repo's licence to tighter terms, per model-year of all models; all countries."""
    days = events = 0
    dates: list[dt.date] = []
    counted: list[str] = []
    left_out: list[str] = []
    for model in registry.models.values():
        released = _day(model.released.value)
        if released is None or settled(model, until)[0] is None:
            left_out.append(model.key)
            continue
        counted.append(model.key)
        days += max((until - max(released, since)).days, 0)
        for change in _tighter(model.licences):
            if since <= change <= until:
                events += 1
                dates.append(change)
    return Exposure(
        events=events,
        years=days / YEAR_DAYS,
        dates=tuple(sorted(set(dates))),
        counted=tuple(counted),
        left_out=tuple(left_out),
    )


def reversals(
    registry: Registry, cohort: str, series: Collection[str], until: dt.date
) -> tuple[int, int]:
    """(parties taken off again, parties ever listed); a new edition of a list ends nothing."""
    ended = total = 0
    for party in registry.parties.values():
        if cohort not in party.cohorts:
            continue
        held = [
            listing
            for listing in party.listings
            if registry.instruments[listing.instrument].series in series
            and _published(registry, listing.instrument)
            and listing.since <= until
        ]
        if held:
            total += 1
            ended += any(
                listing.until is not None
                and listing.until <= until
                and not any(other.since == listing.until for other in held)
                for listing in held
            )
    return ended, total


def _first(registry: Registry, party: Party, series: Collection[str]) -> dt.date | None:
    days = [
        listing.since
        for listing in party.listings
        if registry.instruments[listing.instrument].series in series
        and _published(registry, listing.instrument)
    ]
    return min(days, default=None)


def _published(registry: Registry, key: str) -> bool:
    """Whether it was ever in force: an approval that nobody published is no listing."""
    return any(phase.status == "in_force" for phase in registry.instruments[key].history)


def _tighter(licences: Sequence[Licence]) -> list[dt.date]:
    return [
        after.since
        for before, after in pairwise(licences)
        if after.since and _TIGHTNESS[after.grant] > _TIGHTNESS[before.grant]
    ]


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
