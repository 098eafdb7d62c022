"""What a licence means for a buyer: a gate, and a level of the factors licence and drift."""

import datetime as dt
from itertools import pairwise
from typing import Any, Literal

from harness.config.judge import BuyerConfig
from harness.fields import Frozen
from harness.risk.facts import strength
from harness.risk.registry import Condition, Jurisdiction, Licence, Model, Registry

NEAR = 0.5  # of a threshold
SETTLED_DAYS = 730  # 24 months under one licence count as no drift
_TIGHTNESS = {"open": 0, "conditional": 1, "non_commercial": 2}
Answer = Literal["blocked", "needs_approval", "unknown", "clear"]


class Term(Frozen):
    """One condition as it falls on the buyer."""

    verdict: Answer
    low: float
    high: float
    text: str


def settled(model: Model, day: dt.date) -> tuple[Licence | None, tuple[Licence, ...]]:
    """The licence that stands on that day, best evidence first, and those that contradict it."""
    held = [licence for licence in model.licences if licence.covers(day)]
    if not held:
        return None, ()
    best = max(held, key=_preference)
    return best, tuple(each for each in held if each.id != best.id and each.grant != "unknown")


def _preference(licence: Licence) -> tuple[Any, ...]:
    """Order among licences of one stretch: known, then evidence; of equal ones the tighter."""
    known = licence.grant != "unknown"
    return known, strength(licence.evidence), _TIGHTNESS.get(licence.grant, 0), licence.id


def terms(licence: Licence | None, buyer: BuyerConfig, registry: Registry) -> list[Term]:
    """Each condition as it falls on this buyer; never empty."""
    if licence is None or licence.grant == "unknown":
        return [Term(verdict="unknown", low=0.0, high=1.0, text="licence terms unknown")]
    if licence.grant == "conditional" and not licence.conditions:
        return [Term(verdict="unknown", low=0.25, high=1.0, text="licence conditions not read")]
    conditions = [_term(each, buyer, registry) for each in licence.conditions]
    if licence.grant == "non_commercial":
        blocked: Answer = "blocked" if buyer.commercial else "clear"
        level = 1.0 if buyer.commercial else 0.25
        text = "licence forbids commercial use"
        return [Term(verdict=blocked, low=level, high=level, text=text), *conditions]
    if licence.grant == "open":
        # Notices and the like are part of every open licence; what limits a use is not.
        limits = [t for t, c in zip(conditions, licence.conditions, strict=True) if _limits(c)]
        return [Term(verdict="clear", low=0.0, high=0.0, text=f"licence {licence.id}"), *limits]
    return conditions


def _limits(condition: Condition) -> bool:
    return condition.consequence != "duty"


def _term(condition: Condition, buyer: BuyerConfig, registry: Registry) -> Term:
    if condition.applies_to == "model_service" and not buyer.sells_model_access:
        text = f"{condition.text} (this buyer sells no access to the model)"
        return Term(verdict="clear", low=0.25, high=0.25, text=text)
    if condition.kind == "territory":
        return _territory(condition, buyer, registry)
    if condition.kind in ("users", "revenue") and _limits(condition):
        return _threshold(condition, buyer)
    return _hit(condition, condition.text)


def _territory(condition: Condition, buyer: BuyerConfig, registry: Registry) -> Term:
    """A buyer in a country is in its unions; one in a union is perhaps in an excluded member."""
    home = registry.jurisdictions.get(buyer.territory)
    excluded = set(condition.excludes)
    hit = excluded & {buyer.territory, *(home.member_of if home else ())}
    if hit:
        return _hit(condition, f"licence excludes {', '.join(sorted(hit))}")
    members = {each.key for each in registry.jurisdictions.values() if _within(each, buyer)}
    if excluded & members or not (home or members):
        text = f"licence excludes {', '.join(sorted(excluded))}: whether this buyer is unknown"
        return Term(verdict="unknown", low=0.25, high=1.0, text=text)
    return Term(verdict="clear", low=0.25, high=0.25, text=condition.text)


def _within(country: Jurisdiction, buyer: BuyerConfig) -> bool:
    return buyer.territory in country.member_of


def _threshold(condition: Condition, buyer: BuyerConfig) -> Term:
    limit: float | None = condition.above_monthly_users
    own: float | None = buyer.monthly_users
    unit = "monthly users"
    if condition.kind == "revenue":
        limit, own, unit = condition.above_usd_per_year, buyer.revenue_usd_per_year, "USD a year"
    if limit is None:
        text = f"threshold unknown: {condition.text}"
        return Term(verdict="unknown", low=0.5, high=1.0, text=text)
    if own is None:
        text = f"the buyer's {unit} are not given; the licence changes above {limit:,.0f}"
        return Term(verdict="unknown", low=0.5, high=1.0, text=text)
    if own > limit:
        return _hit(condition, f"{own:,.0f} {unit} exceed the licence's {limit:,.0f}")
    level = 0.75 if own >= NEAR * limit else 0.5
    text = f"{own:,.0f} {unit}, below the licence's {limit:,.0f}"
    return Term(verdict="clear", low=level, high=level, text=text)


def _hit(condition: Condition, text: str) -> Term:
    verdict, level = {
        "blocked": ("blocked", 1.0),
        "needs_approval": ("needs_approval", 0.75),
        "duty": ("clear", 0.25),
    }[condition.consequence]
    if condition.kind in ("users", "revenue") and condition.consequence == "needs_approval":
        level = 1.0
    return Term.model_validate({"verdict": verdict, "low": level, "high": level, "text": text})


def drift(model: Model, day: dt.date) -> tuple[float, float, str]:
    """Level of licence drift of the repo up to that day: low, high, why.

    0 after 24 months under one licence, 0 to 0.25 before; 0.25 changed and never tighter; 0.5 one
    change tighter; 0.75 several. Whether other conditions are tighter is not judged: 0.25 to 0.5.
    A step that is unknown spans what it could be.
    """
    steps = _steps(model, day)
    if not steps or (len(steps) == 1 and steps[0].grant == "unknown"):
        return 0.0, _drift_level(2, 0), "licence unknown"
    if len(steps) == 1:
        return _unchanged(model, day)
    tighter = looser = other = unclear = 0
    for before, after in pairwise(steps):
        if "unknown" in (before.grant, after.grant):
            unclear += 1
        elif _TIGHTNESS[after.grant] > _TIGHTNESS[before.grant]:
            tighter += 1
        elif after.grant == "open" or _TIGHTNESS[after.grant] < _TIGHTNESS[before.grant]:
            looser += 1
        else:
            other += 1
    low = _drift_level(tighter, looser + other)
    high = _drift_level(tighter + other + unclear, looser)
    text = f"{tighter} changes tighter, {looser} not, {other} to other conditions"
    return low, max(low, high), f"{text}, {unclear} unclear"


def _drift_level(tighter: int, looser: int) -> float:
    if tighter >= 2:
        return 0.75
    if tighter == 1:
        return 0.5
    return 0.25 if looser else 0.0


def _steps(model: Model, day: dt.date) -> list[Licence]:
    """The licences up to that day without repeats, oldest first.

    Licences of one stretch contradict each other, which is no change over time: the best stands.
    """
    best: dict[dt.date, Licence] = {}
    for each in model.licences:
        since = each.since or dt.date.min
        if since <= day:
            best[since] = max(best.get(since, each), each, key=_preference)
    ordered = [best[since] for since in sorted(best)]
    return [e for i, e in enumerate(ordered) if i == 0 or e.id != ordered[i - 1].id]


def _unchanged(model: Model, day: dt.date) -> tuple[float, float, str]:
    released = model.released
    if not released.best.known:
        return 0.0, 0.25, "no change known, age unknown"
    age = (day - dt.date.fromisoformat(released.value)).days
    if age >= SETTLED_DAYS:
        return 0.0, 0.0, "no change known in 24 months or more"
    return 0.0, 0.25, f"no change known in {max(age, 0) // 30} months"
