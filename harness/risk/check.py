"""What is wrong or old in the registry; run in continuous integration."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from harness.config.judge import RiskConfig
from harness.fields import Frozen
from harness.risk.base_rates import first_listings, posterior, reversals
from harness.risk.facts import facts_of
from harness.risk.lists import snapshots
from harness.risk.lists.entry import Entry
from harness.risk.registry import Registry
from harness.risk.screening.aliases import AliasTable
from harness.risk.screening.match import screen, unruled
from harness.risk.screening.rulings import Ruling, changed, load_rulings

_SERIES = {
    "Entity List": ("us-bis-entity-list",),
    "Section 1260H": ("us-1260h",),
    "first federal": ("us-bis-entity-list", "us-1260h", "us-ccmc"),
    "Texas": ("us-tx-prohibited",),
}


class Checked(Frozen):
    """Faults make the check fail; the rest is for whoever keeps the facts."""

    faults: tuple[str, ...]
    stale: tuple[str, ...]
    counts: tuple[str, ...]
    rates: tuple[str, ...]

    def lines(self) -> list[str]:
        """As a terminal shows it."""
        return [
            *self.counts,
            *self.rates,
            *(f"past review: {line}" for line in self.stale),
            *(f"FAULT: {line}" for line in self.faults),
        ]


def check(registry: Registry, risk: RiskConfig, day: dt.date) -> Checked:
    """Schema, references, citations and lineage were checked by loading; this is the rest."""
    rulings = load_rulings(risk.registry_dirs)
    entries = [entry for held in snapshots.all_latest(day) for entry in held.entries]
    faults = [
        *AliasTable.of(registry).ambiguous(),
        *(
            f"nobody has ruled whether {each.query} ({each.party}) is {each.entry.name!r},"
            f" {each.entry.list_key} edition {each.entry.edition}: add it to rulings.yaml"
            for each in unruled(registry, entries, rulings)
        ),
        *(each.text for each in changed(rulings, entries)),
        *_unlisted(registry, entries, rulings, day),
    ]
    return Checked(
        faults=tuple(faults),
        stale=_stale(registry, day),
        counts=_counts(registry),
        rates=_rates(registry, risk, day),
    )


def _unlisted(
    registry: Registry, entries: Sequence[Entry], rulings: Sequence[Ruling], day: dt.date
) -> list[str]:
    """Parties that stand on a list at hand and have no listing under its series in the registry."""
    faults = []
    for hit in screen(registry, entries, rulings).hits:
        if hit.party is None:
            continue
        held = [
            registry.instruments[listing.instrument].series
            for listing in registry.parties[hit.party].listings
            if listing.covers(day)
        ]
        if not any(series.startswith(hit.entry.list_key) for series in held):
            faults.append(
                f"{hit.party} stands on {hit.entry.list_key} as {hit.entry.name!r} and has no"
                " listing there: add it to parties"
            )
    return list(dict.fromkeys(faults))


def _stale(registry: Registry, day: dt.date) -> tuple[str, ...]:
    found: Counter[str] = Counter()
    for kind in type(registry).model_fields:
        for key, entry in getattr(registry, kind).items():
            found[f"{kind} {key}"] += sum(fact.stale(day) for fact in facts_of(entry))
    return tuple(f"{where}: {n} facts" for where, n in sorted(found.items()) if n)


def _counts(registry: Registry) -> tuple[str, ...]:
    kinds = {kind: getattr(registry, kind) for kind in type(registry).model_fields}
    facts = [fact for entries in kinds.values() for e in entries.values() for fact in facts_of(e)]
    sure = Counter(fact.confidence for fact in facts)
    return (
        ", ".join(f"{len(entries)} {kind}" for kind, entries in kinds.items()),
        f"{len(facts)} facts: " + ", ".join(f"{n} {name}" for name, n in sure.most_common()),
    )


def _rates(registry: Registry, risk: RiskConfig, day: dt.date) -> tuple[str, ...]:
    """The counts behind the base rates, per cohort, with posterior mean and 5 to 95% a year."""
    cohorts = sorted({name for party in registry.parties.values() for name in party.cohorts})
    lines = []
    for cohort in cohorts:
        for title, series in _SERIES.items():
            counted = first_listings(registry, cohort, series, risk.counted_since, day)
            rate = posterior(counted)
            if rate is None:
                continue
            low, high = rate.interval()
            back, ever = reversals(registry, cohort, series, day)
            left = f"; founding unknown: {', '.join(counted.left_out)}" if counted.left_out else ""
            lines.append(
                f"{cohort}, {title}: {counted.events} in {counted.years:.1f} developer-years on"
                f" {len(counted.dates)} dates, {rate.mean:.3f} [{low:.3f}, {high:.3f}] a year;"
                f" {back} of {ever} taken off again{left}"
            )
    return tuple(lines)
