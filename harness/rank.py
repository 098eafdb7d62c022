"""What a reader may turn on the page, and the order that follows. Pure; the page repeats it.

At the middle of every interval: the tables' medians over draws can differ a little. One cost c at
other prices: c x price x (utilisation before / utilisation now); a hosted API's price per token
depends on neither.
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from harness import resilience
from harness.fields import Frozen


class Knobs(Frozen):
    """What the sliders say; 1 and None: as judged."""

    price: float = 1.0
    prices: dict[str, float] = Field(default_factory=dict)  # further factors, by machine
    utilisation: float | None = None
    hazard: float = 1.0
    weights: dict[str, float] | None = None


class Leave(Frozen):
    """What a forced withdrawal would mean for one cell, at the middle of every interval."""

    fallback_usd: float
    fallback_scales: bool
    unpriced_usd: float
    measured_usd: float
    quality_usd_per_year: float
    hazard_per_year: float
    jumps: tuple[tuple[float, float], ...] = ()


class Case(Frozen):
    """One cell as the page ranks it; its fallback runs on the same machine, as judged."""

    usd: float | None
    scales: bool  # False: an API's price, which no machine makes
    machine: str = ""
    permitted: bool
    done: bool
    factors: dict[str, tuple[float, float]] | None
    leave: Leave | None


class Buyer(Frozen):
    """Of the buyer, what the cost of a withdrawal depends on."""

    mtok_per_year: float
    horizon_years: float
    discount_rate_per_year: float
    utilisation: float


def score(factors: Mapping[str, tuple[float, float]], weights: Mapping[str, float]) -> float:
    """Sum of weight x middle of the interval / sum of the weights, 0 to 1."""
    total = sum(weights[name] for name in factors)
    if total <= 0:
        return 0.0
    return sum(weights[name] * (low + high) / 2 for name, (low, high) in factors.items()) / total


def at(usd: float, scales: bool, buyer: Buyer, knobs: Knobs, machine: str = "") -> float:
    """A cost under other prices and another utilisation."""
    if not scales:
        return usd
    price = knobs.price * knobs.prices.get(machine, 1.0)
    return usd * price * buyer.utilisation / (knobs.utilisation or buyer.utilisation)


def adjusted(case: Case, buyer: Buyer, knobs: Knobs) -> float | None:
    """Expected cost with the hazard of withdrawal; the plain cost where nothing safer stands by."""
    if case.usd is None:
        return None
    own = at(case.usd, case.scales, buyer, knobs, case.machine)
    leave = case.leave
    if leave is None:
        return own
    survival = _survival(
        leave.hazard_per_year * knobs.hazard,
        buyer.horizon_years,
        buyer.discount_rate_per_year,
        leave.jumps,
    )
    found = resilience.expected_given(
        survival,
        own,
        at(leave.fallback_usd, leave.fallback_scales, buyer, knobs, case.machine),
        buyer.mtok_per_year,
        leave.unpriced_usd + at(leave.measured_usd, True, buyer, knobs, case.machine),
        leave.quality_usd_per_year,
    )
    return float(found)


@functools.lru_cache(maxsize=1024)
def _survival(
    hazard: float, years: float, rate: float, jumps: tuple[tuple[float, float], ...]
) -> resilience.Survival:
    """The same for all cells of a model."""
    return resilience.survival(hazard, years, rate, jumps)


def order(values: Sequence[float | None], cases: Sequence[Case]) -> list[int | None]:
    """Ranks by value, 1 is the least; equal values share a rank.

    None for a cell that failed, that this buyer may not use, or that has no value.
    """
    ranked = [
        value if value is not None and case.done and case.permitted else None
        for value, case in zip(values, cases, strict=True)
    ]
    ordered = sorted(value for value in ranked if value is not None)
    places: dict[float, int] = {}
    for place, value in enumerate(ordered, start=1):
        places.setdefault(value, place)
    return [None if value is None else places[value] for value in ranked]


def front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether each point is on the Pareto front, where less is better in every coordinate.

    It is unless another is nowhere worse and somewhere better; equal points stand together.
    """

    def beats(other: Sequence[float], one: Sequence[float]) -> bool:
        pairs = list(zip(other, one, strict=True))
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    return [not any(beats(other, one) for other in points) for one in points]


def stays_least(draws: Sequence[np.ndarray]) -> list[float]:
    """Share of the draws in which each has the least value, (n,) each; ties count for the first."""
    least = np.argmin(np.stack(draws), axis=0)
    return [float(np.mean(least == place)) for place in range(len(draws))]
