"""What a forced withdrawal would cost. Pure: takes numbers or arrays of draws, knows no model.

c, c1: own and fallback's USD per million tokens; volume V: million tokens a year; R: one-off USD of
moving; hazard h: forced withdrawals a year; years H: the horizon; rate r: continuous discount a
year; q: USD a year that the fallback's lower quality costs. Formulas: docs/resilience.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Number = float | npt.NDArray[np.float64]
Array = npt.NDArray[np.float64]
DAYS_PER_YEAR = 365.0
_MOST_GROWTH = 20.0  # hazard x years below minus this: differences drown in rounding
_STEPS = 100  # more than any root takes; ten do as a rule
_SAME = 1e-13  # relative to 1 + |hazard|: rounding error


def expected_usd_per_mtok(
    c: Number,
    c1: Number,
    volume_mtok_per_year: float,
    switch_usd: Number,
    hazard: Number,
    years: float,
    rate: float = 0.0,
    quality_usd_per_year: Number = 0.0,
    jumps: Sequence[tuple[float, Number]] = (),
) -> Number:
    """Expected cost over the horizon per million tokens, cash flows discounted to today.

    Withdrawal comes at the hazard, or on a known day (`jumps`: years from now, probability). The
    divisor is the discounted volume, so that a model that never leaves costs c at every rate.
    """
    found = survival(hazard, years, rate, jumps)
    return expected_given(found, c, c1, volume_mtok_per_year, switch_usd, quality_usd_per_year)


class Survival(NamedTuple):
    """What a hazard and known days leave of a model over the horizon."""

    in_use: Array  # discounted years in use
    exits: Array  # discounted probability mass of leaving
    leaves: Array  # undiscounted probability of leaving within the horizon
    whole: Array  # discounted years of the horizon


def survival(
    hazard: Number, years: float, rate: float = 0.0, jumps: Sequence[tuple[float, Number]] = ()
) -> Survival:
    """Of each draw of the hazard; the same for every cost, so compute it once a model."""
    in_use, exits = _survival(hazard, years, rate, jumps)
    leaves = _survival(hazard, years, 0.0, jumps)[1]
    return Survival(in_use, exits, leaves, _annuity(np.asarray(rate), years))


def expected_given(
    found: Survival,
    c: Number,
    c1: Number,
    volume_mtok_per_year: float,
    switch_usd: Number,
    quality_usd_per_year: Number = 0.0,
) -> Number:
    """`expected_usd_per_mtok` of a survival that is known already."""
    after = c1 + quality_usd_per_year / volume_mtok_per_year
    usd = (
        c * found.in_use
        + after * (found.whole - found.in_use)
        + switch_usd * found.exits / volume_mtok_per_year
    )
    return _plain(usd / found.whole)


def leaves_within(
    hazard: Number, years: float, jumps: Sequence[tuple[float, Number]] = ()
) -> Number:
    """Probability of a forced withdrawal within the horizon."""
    return _plain(survival(hazard, years, 0.0, jumps).leaves)


def _survival(
    hazard: Number, years: float, rate: float, jumps: Sequence[tuple[float, Number]]
) -> tuple[Array, Array]:
    """Discounted time in use, and the discounted probability mass of leaving."""
    h = np.asarray(hazard, dtype=np.float64)
    alive: Array = np.ones_like(h)
    in_use: Array = np.zeros_like(h)
    exits: Array = np.zeros_like(h)
    begun = 0.0
    within = sorted(((t, p) for t, p in jumps if 0 < t < years), key=lambda jump: jump[0])
    for end, chance in [*within, (years, 0.0)]:
        # Between jumps survival falls as exp(-h t), value as exp(-r t).
        stretch = np.exp(-rate * begun) * _annuity(h + rate, end - begun)
        in_use = in_use + alive * stretch
        exits = exits + alive * h * stretch
        alive = alive * np.exp(-h * (end - begun))
        exits = exits + alive * np.asarray(chance) * np.exp(-rate * end)
        alive = alive * (1 - np.asarray(chance))
        begun = end
    return in_use, exits


def _annuity(rate: Array, years: float) -> Array:
    """Integral of exp(-rate t) over the years; `years` itself where the rate is 0."""
    safe = np.where(rate == 0, 1.0, rate)
    return np.where(rate == 0, years, -np.expm1(-safe * years) / safe)


def break_even_hazard(
    c: Number,
    c1: Number,
    volume_mtok_per_year: float,
    switch_usd: Number,
    quality_usd_per_year: Number = 0.0,
    years: float = 1.0,
    rate: float = 0.0,
    jumps: Sequence[tuple[float, Number]] = (),
) -> Number | None:
    """The hazard, beside the known days, at which starting with the fallback costs the same.

    ((c1 - c) V + q) / R without known days, at any horizon and discount: the cost of the model is
    that of the fallback plus in-use time x (c - c1 - q / V + hazard R / V). Who starts with the
    fallback bears its lower quality too. With known days the root of exits / in-use time, which
    rises with the hazard, found on all draws at once. None where moving costs nothing. Negative:
    the fallback is cheaper to begin with; minus infinity where no hazard, however low, makes up
    for known days (the root, if any, lies below -20 / years).
    """
    if not np.all(np.asarray(switch_usd) > 0):
        return None
    saved = (np.asarray(c1) - c) * volume_mtok_per_year + quality_usd_per_year
    even = np.asarray(saved / switch_usd)
    within = [(t, p) for t, p in jumps if 0 < t < years]
    if not within:
        return _plain(even)

    def equivalent(hazard: Array) -> Array:
        in_use, exits = _survival(hazard, years, rate, within)
        return exits / in_use

    # Known days only add exits, so the root lies below the one without them.
    even = even + np.zeros(np.broadcast_shapes(*(np.shape(p) for _, p in within)))
    step = np.ones_like(even)
    deepest = np.maximum(even, 0.0) + _MOST_GROWTH / years
    while np.any(above := (equivalent(even - step) > even) & (step < deepest)):
        step = np.where(above, np.minimum(2 * step, deepest), step)
    low = even - step
    endless = equivalent(low) > even
    low = np.where(endless, even, low)  # nothing to look for
    return _plain(np.where(endless, -np.inf, _root(lambda h: equivalent(h) - even, low, even)))


def _root(rising: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Where each element is 0: a chord between the ends, the end that stays counted half.

    Dowell and Jarratt 1971.
    """
    below, above = rising(low), rising(high)
    at = high
    for _ in range(_STEPS):
        before, slope = at, above - below
        chord = high - above * (high - low) / np.where(slope == 0, 1.0, slope)
        at = np.clip(chord, np.minimum(low, high), high)
        value = rising(at)
        over = value > 0
        same_side = over == (before == high)
        low, high = np.where(over, low, at), np.where(over, at, high)
        below, above = (
            np.where(over, np.where(same_side, below / 2, below), value),
            np.where(over, value, np.where(same_side, above / 2, above)),
        )
        if np.all(np.abs(at - before) <= _SAME * (1 + np.abs(at))):
            break
    return at


class Switch(NamedTuple):
    """Draws of what moving costs, in USD, and of the days without a usable model."""

    usd: Array
    downtime_days: Array


def switch_usd(
    engineering_days: Array,
    usd_per_engineering_day: float,
    contracts_usd: Array,
    downtime_days: Array,
    volume_mtok_per_year: float,
    lost_usd_per_mtok: float,
) -> Switch:
    """One-off cost of moving before re-tuning: people, contracts, tokens not served."""
    lost = downtime_days * volume_mtok_per_year / DAYS_PER_YEAR * lost_usd_per_mtok
    usd = engineering_days * usd_per_engineering_day + contracts_usd + lost
    return Switch(usd, downtime_days)


def warm_fallback_usd(
    switch: Number, warm_share: float, leaves: Number, usd_per_year: float, years: float
) -> Number:
    """Value over the horizon of a tested fallback: (R - R') P(leaving) - Q H. Undiscounted."""
    return _plain(np.asarray(switch) * (1 - warm_share) * leaves - usd_per_year * years)


def herfindahl(shares: Mapping[str, float]) -> float:
    """Herfindahl-Hirschman index of shares by group, 0 to 1 (10,000 on the merger scale).

    Shares that sum to more than 1, since a model counts under each of its jurisdictions, are
    scaled to 1.
    """
    total = sum(shares.values())
    return sum((share / total) ** 2 for share in shares.values()) if total else 0.0


def _plain(value: Number) -> Number:
    return float(value) if np.ndim(value) == 0 else value
