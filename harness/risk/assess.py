"""Gates and the factor table. Pure: registry, model, buyer, weights and day in; typed result out.

The rubric is the same for every country: no factor reads where a headquarters is.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Literal

from harness.config.judge import FactorName, ListingState, Profile
from harness.fields import Frozen
from harness.risk.facts import Base, Fact, Instrument, Listing, ModelFacts, Registry, weight_line

Verdict = Literal["blocked", "needs_approval", "dated_warning", "unknown", "clear", "not_assessed"]
_ORDER: tuple[Verdict, ...] = ("blocked", "needs_approval", "dated_warning", "unknown", "clear")
_BUYER_TERRITORY = {"eu_private": "EU"}  # every other profile buys in the US

# Anchored levels, 0 = no concern, 1 = worst. Docs: docs/risk.md.
_LISTING = {
    "use_ban": 1.0, "federal_list": 0.75, "state_list": 0.5, "allegation": 0.25, "bill": 0.25,
    "rule": 0.25,
}  # fmt: skip
_UNPUBLISHED = 0.5
_OWNERSHIP = {
    "foundation": 0.0, "private": 0.25, "state_minority": 0.5, "state_controlled": 0.75,
    "military": 1.0,
}  # fmt: skip
_COMPULSION = {"ordinary_process": 0.0, "compulsion_without_appeal": 0.5}
_LICENCE = {
    "open": 0.0, "attribution_or_use_policy": 0.25, "threshold": 0.5, "authorisation": 0.75,
    "non_commercial": 1.0,
}  # fmt: skip
_LINEAGE = {"from_scratch": 0.0, "derived": 0.0}
_TRANSPARENCY = {
    "open_data_code_evals": 0.0, "data_summary": 0.5, "weights_only": 0.75, "nothing": 1.0,
}  # fmt: skip
_STATE: dict[str, ListingState] = {
    "use_ban": "named_in_ban", "federal_list": "listed_federal", "state_list": "listed_state",
    "allegation": "alleged", "bill": "alleged", "rule": "alleged",
}  # fmt: skip


class Reason(Frozen):
    """Why a gate or a factor stands where it stands."""

    text: str
    path: tuple[str, ...]  # from the model down its weights to the party concerned
    fact: Fact
    stale: bool


class Gate(Frozen):
    """What a buyer may do with a model. Never averaged with anything."""

    verdict: Verdict
    days_left: int | None
    reasons: tuple[Reason, ...]
    pending: tuple[Reason, ...]  # instruments that are not in force


class Factor(Frozen):
    """One row of the table: an interval, since unknown facts span their range."""

    name: FactorName
    low: float
    high: float
    weight: float
    reasons: tuple[Reason, ...]


class Assessment(Frozen):
    """All that is judged of one model for one buyer on one day."""

    model: str
    developer: str
    headquarters: str
    jurisdictions: tuple[str, ...]  # over all weight ancestors
    licence: str
    gate: Gate
    factors: tuple[Factor, ...]
    score_low: float
    score_high: float
    listing_state: ListingState
    stale_facts: int
    facts: int


def assess(
    registry: Registry,
    key: str,
    profile: Profile,
    weights: Mapping[FactorName, float],
    day: dt.date,
) -> Assessment | None:
    """The assessment of a model; None when the registry does not know it."""
    if key not in registry.models:
        return None
    line = weight_line(registry, key)
    gate = _gate(registry, line, profile, day)
    factors = _factors(registry, line, weights, day)
    model = registry.models[key]
    reasons = [r for f in factors for r in f.reasons] + [*gate.reasons, *gate.pending]
    facts = {(r.fact.source, r.fact.value): r.stale for r in reasons}
    developers = [registry.developers[registry.models[path[-1]].developer] for path in line]
    return Assessment(
        model=key,
        developer=developers[0].legal_name,
        headquarters=developers[0].headquarters.value,
        jurisdictions=tuple(dict.fromkeys(d.headquarters.value for d in developers)),
        licence=model.licence.value,
        gate=gate,
        factors=factors,
        score_low=sum(f.weight * f.low for f in factors),
        score_high=sum(f.weight * f.high for f in factors),
        listing_state=_listing_state(registry, line, day),
        stale_facts=sum(facts.values()),
        facts=len(facts),
    )


_Row = tuple[float, float, tuple[Reason, ...]]


# --- gate ------------------------------------------------------------------------------------


def _gate(registry: Registry, line: list[tuple[str, ...]], profile: Profile, day: dt.date) -> Gate:
    verdicts: list[Verdict] = []
    reasons: list[Reason] = []
    pending: list[Reason] = []
    days_left: list[int] = []
    for path, listing, instrument in _listings(registry, line, day):
        named = f"{listing.entry} under {instrument.title}"
        if instrument.status in ("proposed", "suspended", "approved_unpublished"):
            pending.append(_reason(f"{instrument.status}: {named}", path, listing.evidence, day))
            continue
        verdict = instrument.gates.get(profile) if instrument.holds(day) else None
        if verdict:
            if verdict == "dated_warning" and instrument.gate_date:
                left = (instrument.gate_date - day).days
                days_left.append(left)
                named += f"; bites on {instrument.gate_date} ({left} days)"
                verdict = "needs_approval" if left <= 0 else verdict
            verdicts.append(verdict)
            reasons.append(_reason(named, path, listing.evidence, day))
    territory = _BUYER_TERRITORY.get(profile, "US")
    for path in line:
        model = registry.models[path[-1]]
        terms = model.licence_terms
        if territory in model.excluded_territories:
            verdicts.append("blocked")
            reasons.append(_reason(f"licence excludes {territory}", path, terms, day))
        if terms.value == "non_commercial":
            verdicts.append("blocked")
            reasons.append(_reason("licence forbids commercial use", path, terms, day))
        elif terms.value == "authorisation":
            verdicts.append("needs_approval")
            reasons.append(_reason("licence asks for the licensor's consent", path, terms, day))
        unknowns = {
            "licence terms": terms,
            "lineage": model.lineage,
            "lists checked": registry.developers[model.developer].listings_checked,
        }
        for name, fact in unknowns.items():
            if fact.value == "unknown":
                verdicts.append("unknown")
                reasons.append(_reason(f"{name} unknown", path, fact, day))
    worst: Verdict = min(verdicts, key=_ORDER.index, default="clear")
    return Gate(
        verdict=worst,
        days_left=min(days_left, default=None) if worst == "dated_warning" else None,
        reasons=tuple(reasons),
        pending=tuple(pending),
    )


def _listings(
    registry: Registry, line: list[tuple[str, ...]], day: dt.date
) -> Iterable[tuple[tuple[str, ...], Listing, Instrument]]:
    """Listings that stand on that day, of the developers along the line."""
    for path in line:
        developer = registry.developers[registry.models[path[-1]].developer]
        for listing in developer.listings:
            instrument = registry.instruments[listing.instrument]
            ended = listing.until is not None and listing.until <= day
            if listing.since <= day and not ended and instrument.status != "withdrawn":
                yield path, listing, instrument


def _listing_state(registry: Registry, line: list[tuple[str, ...]], day: dt.date) -> ListingState:
    """The worst settled listing; it picks the hazard of a forced withdrawal."""
    states = [
        _STATE[instrument.kind]
        for _, _, instrument in _listings(registry, line, day)
        if instrument.holds(day) and not instrument.alternative_reading
    ]
    order: tuple[ListingState, ...] = (
        "named_in_ban", "listed_federal", "listed_state", "alleged", "none",
    )  # fmt: skip
    return min(states, key=order.index, default="none")


# --- factors ---------------------------------------------------------------------------------


def _factors(
    registry: Registry,
    line: list[tuple[str, ...]],
    weights: Mapping[FactorName, float],
    day: dt.date,
) -> tuple[Factor, ...]:
    models = [(path, registry.models[path[-1]]) for path in line]
    owners = [(path, registry.developers[model.developer]) for path, model in models]
    rows: dict[FactorName, _Row] = {
        "listing": _listing_factor(registry, line, day),
        "ownership": _worst(
            [(path, d.ownership, _level(d.ownership, _OWNERSHIP)) for path, d in owners]
            + [(path, d.compulsion, _level(d.compulsion, _COMPULSION)) for path, d in owners],
            day,
        ),
        "licence": _worst([(p, m.licence_terms, _terms_level(m)) for p, m in models], day),
        "lineage": _lineage_factor(registry, line, day),
        "transparency": _worst(
            [
                (path, m.transparency, _level(m.transparency, _TRANSPARENCY))
                for path, m in models[:1]
            ],
            day,
        ),
    }
    return tuple(
        Factor(name=name, low=low, high=high, weight=weights[name], reasons=reasons)
        for name, (low, high, reasons) in rows.items()
    )


def _worst(rows: list[tuple[tuple[str, ...], Fact, tuple[float, float]]], day: dt.date) -> _Row:
    """The highest level along the line; an unknown ancestor lifts only the upper end."""
    low = max(level[0] for _, _, level in rows)
    high = max(level[1] for _, _, level in rows)
    reasons = tuple(
        _reason(fact.value.replace("_", " "), path, fact, day) for path, fact, _ in rows
    )
    return low, high, reasons


def _listing_factor(registry: Registry, line: list[tuple[str, ...]], day: dt.date) -> _Row:
    low = high = 0.0
    reasons = []
    for path, listing, instrument in _listings(registry, line, day):
        if instrument.status == "approved_unpublished":
            level, settled = _UNPUBLISHED, True
        elif instrument.holds(day):
            level, settled = _LISTING[instrument.kind], not instrument.alternative_reading
        elif instrument.status in ("proposed", "suspended"):
            level, settled = 0.25, True
        else:
            continue
        high = max(high, level)
        low = max(low, level) if settled else low
        text = f"{listing.entry}: {instrument.title} ({instrument.status})"
        reasons.append(_reason(text, path, listing.evidence, day))
    for path in line:
        checked = registry.developers[registry.models[path[-1]].developer].listings_checked
        reasons.append(_reason(f"lists checked: {checked.value}", path, checked, day))
        if checked.value == "unknown":
            high = 1.0
    return low, high, tuple(reasons)


def _lineage_factor(registry: Registry, line: list[tuple[str, ...]], day: dt.date) -> _Row:
    low = high = 0.0
    reasons = []
    for path in line:
        model = registry.models[path[-1]]
        at_low, at_high = _level(model.lineage, _LINEAGE)
        reasons.append(_reason(model.lineage.value.replace("_", " "), path, model.lineage, day))
        for base in model.bases:
            ancestor = registry.models[base.model]
            level = _edge_level(model, base, ancestor)
            at_low = max(at_low, level)
            at_high = max(at_high, level)
            text = f"{base.grade} {base.edge.replace('_', ' ')} from {base.model}"
            reasons.append(_reason(text, (*path, base.model), base.evidence, day))
        low, high = max(low, at_low), max(high, at_high)
    return low, high, tuple(reasons)


def _edge_level(model: ModelFacts, base: Base, ancestor: ModelFacts) -> float:
    if base.grade == "alleged":
        return 0.5
    same_maker = ancestor.developer == model.developer
    return 0.0 if same_maker and ancestor.licence.value == model.licence.value else 0.25


def _level(fact: Fact, levels: Mapping[str, float]) -> tuple[float, float]:
    if fact.value == "unknown":
        return 0.0, 1.0
    level = levels[fact.value]
    return level, level


def _terms_level(model: ModelFacts) -> tuple[float, float]:
    if model.excluded_territories:
        return 1.0, 1.0
    return _level(model.licence_terms, _LICENCE)


def _reason(text: str, path: tuple[str, ...], fact: Fact, day: dt.date) -> Reason:
    return Reason(text=text, path=path, fact=fact, stale=fact.stale(day))
