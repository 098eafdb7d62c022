"""What a licence means for a buyer: a gate, and a level of the factors licence and drift."""

import datetime as dt
from itertools import pairwise
from typing import Literal

from harness.config.judge import BuyerConfig
from harness.fields import Frozen
from harness.risk.facts import strength
from harness.risk.registry import Condition, Licence, Model, Registry

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
    held = [
        licence
        for licence in model.licences
        if (licence.since is None or licence.since <= day)
        and (licence.until is None or day < licence.until)
    ]
    if not held:
        return None, ()
    best = max(held, key=lambda each: (each.grant != "unknown", strength(each.evidence)))
    return best, tuple(each for each in held if each.id != best.id and each.grant != "unknown")


def terms(licence: Licence | None, buyer: BuyerConfig, registry: Registry) -> list[Term]:
    """Each condition as it falls on this buyer; never empty."""
    if licence is None or licence.grant == "unknown":
        return [Term(verdict="unknown", low=0.0, high=1.0, text="licence terms unknown")]
    if licence.grant == "non_commercial":
        blocked: Answer = "blocked" if buyer.commercial else "clear"
        level = 1.0 if buyer.commercial else 0.25
        return [
            Term(verdict=blocked, low=level, high=level, text="licence forbids commercial use"),
            *(_term(each, buyer, registry) for each in licence.conditions),
        ]
    if licence.grant == "open":
        return [Term(verdict="clear", low=0.0, high=0.0, text=f"licence {licence.id}")]
    if not licence.conditions:
        return [Term(verdict="unknown", low=0.25, high=1.0, text="licence conditions not read")]
    return [_term(each, buyer, registry) for each in licence.conditions]


def _term(condition: Condition, buyer: BuyerConfig, registry: Registry) -> Term:
    if condition.applies_to == "model_service" and not buyer.sells_model_access:
        text = f"{condition.text} (this buyer sells no access to the model)"
        return Term(verdict="clear", low=0.25, high=0.25, text=text)
    if condition.kind == "territory":
        home = registry.jurisdictions.get(buyer.territory)
        places = {buyer.territory, *(home.member_of if home else ())}
        hit = places & set(condition.excludes)
        if not hit:
            return Term(verdict="clear", low=0.25, high=0.25, text=condition.text)
        return _hit(condition, f"licence excludes {', '.join(sorted(hit))}")
    if condition.kind in ("users", "revenue"):
        return _threshold(condition, buyer)
    return _hit(condition, condition.text)


def _threshold(condition: Condition, buyer: BuyerConfig) -> Term:
    if condition.kind == "users":
        limit, own, unit = condition.above_monthly_users, buyer.monthly_users, "monthly users"
    else:
        limit, own, unit = condition.above_usd_per_year, buyer.revenue_usd_per_year, "USD a year"
    if limit is None:
        return Term(
            verdict="unknown", low=0.5, high=1.0, text=f"threshold unknown: {condition.text}"
        )
    if own is None:
        text = f"the buyer's {unit} are not given; the licence changes above {limit:,.0f}"
        return Term(verdict="unknown", low=0.5, high=1.0, text=text)
    if own > limit:
        return _hit(condition, f"{own:,.0f} {unit} exceed the licence's {limit:,.0f}")
    level = 0.75 if own >= NEAR * limit else 0.5
    if condition.consequence == "duty":
        level = 0.25
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

    0 after 24 months under one licence, an open 0 to 0.25 before; 0.25 one change, looser; 0.5
    one tighter; 0.75 several tighter. An unknown step spans what it could be.
    """
    begun = [each for each in model.licences if each.since is None or each.since <= day]
    # Licences of the same stretch contradict each other; that is no change over time.
    steps: list[Licence] = []
    for each in begun:
        if steps and steps[-1].since == each.since:
            steps[-1] = max(steps[-1], each, key=lambda one: strength(one.evidence))
        else:
            steps.append(each)
    if len(steps) < 2:
        return _unchanged(model, day)
    tighter = looser = unclear = 0
    for before, after in pairwise(steps):
        if before.id == after.id:
            continue
        if "unknown" in (before.grant, after.grant):
            unclear += 1
        elif _TIGHTNESS[after.grant] < _TIGHTNESS[before.grant]:
            looser += 1
        else:
            tighter += 1
    low = _drift_level(tighter, looser)
    high = _drift_level(tighter + unclear, looser)
    if unclear and not tighter:
        low = min(low, 0.25)
    text = f"{tighter} changes tighter, {looser} looser, {unclear} unclear"
    return low, max(low, high), text


def _drift_level(tighter: int, looser: int) -> float:
    if tighter >= 2:
        return 0.75
    if tighter == 1:
        return 0.5
    return 0.25 if looser else 0.0


def _unchanged(model: Model, day: dt.date) -> tuple[float, float, str]:
    released = model.released.value
    try:
        age = (day - dt.date.fromisoformat(released)).days
    except ValueError:
        return 0.0, 0.25, "no change known, age unknown"
    if age >= SETTLED_DAYS:
        return 0.0, 0.0, "no change known in 24 months or more"
    return 0.0, 0.25, f"no change known in {max(age, 0) // 30} months"
