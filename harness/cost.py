"""What tokens, answers, tasks, text and energy cost. Pure; formulas in docs/metrics.md.

Two ways of sharing out one bill, never to be added: *split* gives input, cached and output tokens
a price each, so that price times tokens over the fitted levels is what the machine cost; *bill*
divides the machine's cost in one level by one of its token counts.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.config.judge import ApiPrice
from harness.records.schema import Level
from harness.stats import CONFIDENCE, Estimate, quantiles, t_quantile

TOKENS_PER_MTOK = 1e6
_MOST_CONDITION = 30.0  # beyond, 2% of noise in the seconds can become more than half of a price
LARGE_RESIDUAL = 0.1
_SECONDS_PER_HOUR = 3600.0
_JOULES_PER_KWH = 3.6e6
_SEED = 20261125
_DRAWS = 1000
# Below this share of the prompts, stray cache hits cannot carry a price and count as input.
_CACHED_SHARE = 0.02


# --- what a level worked ---------------------------------------------------------------------


class Work(NamedTuple):
    """What the machine did in some seconds; `input_tokens` are those not from the cache."""

    seconds: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    requests: int

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.cached_tokens + self.output_tokens


def work(level: Level) -> Work:
    """The steady part of a level; the whole of it where it has none."""
    part = level.window
    if part is None:
        answered = level.requests - level.failed
        return Work(level.duration_s, level.input_tokens, 0, level.output_tokens, answered)
    cached = part.cached_input_tokens or 0
    if cached < _CACHED_SHARE * part.input_tokens:
        cached = 0
    return Work(
        part.end_s - part.start_s,
        part.input_tokens - cached,
        cached,
        part.output_tokens,
        part.requests,
    )


def cache_told(level: Level) -> bool:
    """False where prompts repeat and the server does not say how much came from its cache."""
    told = level.window is not None and level.window.cached_input_tokens is not None
    return told or level.declared_cache_share == 0


# --- input and output apart ------------------------------------------------------------------


@dataclass(frozen=True)
class Unfit:
    """Why input and output cannot be told apart."""

    reason: str


@dataclass(frozen=True)
class TokenSeconds:
    """Machine-seconds per input, cached and output token, fitted over levels of several shapes."""

    seconds: tuple[float, float, float]  # input, cached, output
    has_cached: bool
    draws: NDArray[np.float64]  # (draws, 3); no rows where a level has no interval
    levels: tuple[str, ...]
    concurrency: int
    largest_residual: float  # share of a level's seconds
    r_squared: float | None  # of the seconds per request; None: all shapes take the same time

    def mix(self, input_tokens: float, cached_tokens: float, output_tokens: float) -> Estimate:
        """Seconds for so many tokens of each kind; `n` counts the levels of the fit.

        Raises ValueError for cached tokens where the levels had none.
        """
        if cached_tokens and not self.has_cached:
            raise ValueError("the levels had no cached tokens")
        weights = np.array([input_tokens, cached_tokens, output_tokens], dtype=float)
        value = float(np.array(self.seconds) @ weights)
        if not len(self.draws):
            return Estimate(value=value, n=len(self.levels))
        tail = (1 - CONFIDENCE) / 2
        low, high = quantiles(self.draws @ weights, [tail, 1 - tail])
        return Estimate(value=value, n=len(self.levels), low=min(value, low), high=max(value, high))

    @property
    def conditions(self) -> str:
        """How far the split can be trusted, for a reader."""
        unknowns = 3 if self.has_cached else 2
        text = f"split fitted at {self.concurrency} in flight over {', '.join(self.levels)}"
        if len(self.levels) == unknowns:
            text += "; as many shapes as prices, so how well it fits is not tested"
        else:
            text += f"; largest residual {self.largest_residual:.0%}"
            text += "" if self.r_squared is None else f", R2 {self.r_squared:.2f}"
        if self.largest_residual > LARGE_RESIDUAL:
            text += f" (over {LARGE_RESIDUAL:.0%}: time depends on more than token counts)"
        named = zip(("input", "cached input", "output"), self.seconds, strict=True)
        for name, seconds in named:
            if seconds == 0 and (self.has_cached or name != "cached input"):
                text += f"; {name} at its lower bound of 0: these shapes do not separate it"
        return text


def fit(levels: Sequence[Level]) -> TokenSeconds | Unfit:
    """Machine-seconds = a x input + b x output (+ c x cached), over levels that differ in shape.

    The valid closed levels at the concurrency where most shapes (prompt and answer tokens asked)
    were measured; of equals the highest. Non-negative least squares on the rows divided by their
    seconds, so that relative errors count; then all are scaled by one factor, so that the fitted
    seconds of these levels add up to their measured ones: the prices sum to the bill.

    Interval: each level's throughput is drawn from its t interval, the fit repeated (fixed seed,
    percentiles). It holds the throughputs' spread, not what the model itself gets wrong.
    """
    groups: dict[int, list[Level]] = defaultdict(list)
    for level in levels:
        if _usable(level):
            groups[level.concurrency or 0].append(level)
    able = {c: found for c, found in groups.items() if _separable(found)}
    if not able:
        return Unfit(_why_not(groups))
    concurrency = max(able, key=lambda c: (len(_shapes(able[c])), c))
    chosen = able[concurrency]
    works = [work(level) for level in chosen]
    tokens = np.array([[w.input_tokens, w.cached_tokens, w.output_tokens] for w in works], float)
    seconds = np.array([w.seconds for w in works])
    columns = [0, 1, 2] if tokens[:, 1].any() else [0, 2]
    if _condition(tokens[:, columns] / seconds[:, None]) > _MOST_CONDITION:
        return Unfit(
            f"{len(chosen)} shapes at {concurrency} in flight do not tell"
            f" {len(columns)} kinds of token apart"
        )
    found = _solve(tokens, seconds[None], columns)[0]
    fitted = tokens @ found
    return TokenSeconds(
        seconds=(float(found[0]), float(found[1]), float(found[2])),
        has_cached=1 in columns,
        draws=_draws(chosen, tokens, seconds, columns),
        levels=tuple(level.name for level in chosen),
        concurrency=concurrency,
        largest_residual=float(np.max(np.abs(fitted - seconds) / seconds)),
        r_squared=_r_squared(chosen, tokens, seconds, fitted),
    )


def _condition(rows: NDArray[np.float64]) -> float:
    """How much an error of the seconds can grow in the prices: columns scaled to one length."""
    if len(rows) < rows.shape[1]:
        return np.inf
    return float(np.linalg.cond(rows / np.linalg.norm(rows, axis=0)))


def _usable(level: Level) -> bool:
    return (
        level.kind == "closed"
        and not level.void
        and level.output_tok_per_s is not None
        and level.input_tokens_asked is not None
        and level.output_tokens_asked is not None
        and cache_told(level)
        and work(level).output_tokens > 0
    )


def _shapes(levels: Sequence[Level]) -> set[tuple[int, int]]:
    return {(level.input_tokens_asked or 0, level.output_tokens_asked or 0) for level in levels}


def _separable(levels: Sequence[Level]) -> bool:
    """Whether two shapes are not multiples of each other."""
    pairs = itertools.combinations(_shapes(levels), 2)
    return any(a_in * b_out != b_in * a_out for (a_in, a_out), (b_in, b_out) in pairs)


def _why_not(groups: dict[int, list[Level]]) -> str:
    shapes = sorted(set().union(*(_shapes(found) for found in groups.values())))
    seen = ", ".join(f"{i} in and {o} out" for i, o in shapes) or "none"
    return (
        "telling input from output takes valid closed levels of two shapes, not multiples of each"
        f" other, at one concurrency; measured: {seen}"
    )


def _solve(
    tokens: NDArray[np.float64], seconds: NDArray[np.float64], columns: list[int]
) -> NDArray[np.float64]:
    """Seconds per token for each row of `seconds`, (rows, 3); zero for a kind that does not occur.

    Non-negative least squares of all rows at once: with at most three unknowns the best of the
    least-squares solutions over each set of unknowns kept is the constrained optimum, if it is
    not negative itself.
    """
    scale = np.linalg.norm(tokens[:, columns], axis=0)
    kinds = tokens[:, columns] / scale
    weights = 1 / seconds  # each level's row is divided by its seconds, and shall give 1
    pairs = (kinds[:, :, None] * kinds[:, None, :]).reshape(len(kinds), -1)
    products = (weights**2 @ pairs).reshape(-1, len(columns), len(columns))
    ones = weights @ kinds
    best = np.zeros((len(seconds), len(columns)))
    least = np.full(len(seconds), np.inf)
    for size in range(1, len(columns) + 1):
        for kept in map(list, itertools.combinations(range(len(columns)), size)):
            part = np.linalg.solve(products[:, kept][:, :, kept], ones[:, kept, None])[..., 0]
            fits = -(part * ones[:, kept]).sum(axis=1)  # squared residual less a constant
            better = (part >= 0).all(axis=1) & (fits < least)
            least[better] = fits[better]
            best[better] = 0.0
            best[np.ix_(better, kept)] = part[better]
    found = np.zeros((len(seconds), 3))
    found[:, columns] = best / scale
    scaled: NDArray[np.float64] = (
        found * (seconds.sum(axis=1) / (found @ tokens.sum(axis=0)))[:, None]
    )
    return scaled


def _draws(
    levels: Sequence[Level],
    tokens: NDArray[np.float64],
    seconds: NDArray[np.float64],
    columns: list[int],
) -> NDArray[np.float64]:
    random = np.random.default_rng(_SEED)
    factors = []
    for level in levels:
        rate = level.output_tok_per_s
        if rate is None or rate.low is None or rate.high is None or rate.n < 2 or rate.value <= 0:
            return np.empty((0, 3))
        error = (rate.high - rate.low) / 2 / t_quantile(rate.n) / rate.value
        factors.append(1 + error * random.standard_t(rate.n - 1, _DRAWS))
    rates = np.array(factors).T
    # The same tokens at another rate take other seconds; a rate of zero or less is no rate.
    possible = rates[(rates > 0).all(axis=1)]
    return _solve(tokens, seconds / possible, columns)


def _r_squared(
    levels: Sequence[Level],
    tokens: NDArray[np.float64],
    seconds: NDArray[np.float64],
    fitted: NDArray[np.float64],
) -> float | None:
    """Share of the differences in seconds per request that the fit explains."""
    requests = tokens[:, 2] / np.array([level.output_tokens_asked for level in levels], float)
    measured = seconds / requests
    spread = float(((measured - measured.mean()) ** 2).sum())
    if spread <= 1e-12 * float((measured**2).sum()):
        return None
    return 1 - float((((seconds - fitted) / requests) ** 2).sum()) / spread


# --- from seconds to USD ---------------------------------------------------------------------


def usd_per_second(usd_per_hour: float, units: int, utilisation: float) -> float:
    """What a working second costs: idle hours are paid by those that work."""
    return usd_per_hour * units / (_SECONDS_PER_HOUR * utilisation)


def inferencex_usd_per_mtok(usd_per_gpu_hour: float, tok_per_s_per_gpu: float) -> float:
    """InferenceX's own formula: USD per GPU-hour / million tokens that a GPU makes in an hour.

    For output tokens of one node it equals our whole bill over output at full utilisation. For
    input tokens it charges the same GPU a second time.
    """
    return usd_per_gpu_hour / (tok_per_s_per_gpu * _SECONDS_PER_HOUR / TOKENS_PER_MTOK)


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """The same estimate in another unit; `factor` is exact and not negative."""
    return Estimate(
        value=estimate.value * factor,
        n=estimate.n,
        low=None if estimate.low is None else estimate.low * factor,
        high=None if estimate.high is None else estimate.high * factor,
    )


def against(rate: Estimate, value: float) -> Estimate:
    """An estimate that falls as `rate` rises, so the rate's ends change places."""
    return Estimate(
        value=value,
        n=rate.n,
        low=value * rate.value / rate.high if rate.high else None,
        high=value * rate.value / rate.low if rate.low and rate.low > 0 else None,
    )


def bill(level: Level, usd_per_s: float, over: float) -> Estimate | None:
    """Machine cost of a level's steady part / `over` (its requests, or million tokens of a kind).

    The interval is the throughput's. None where there is nothing to divide by.
    """
    if level.output_tok_per_s is None or over <= 0:
        return None
    return against(level.output_tok_per_s, work(level).seconds * usd_per_s / over)


def api_usd(
    price: ApiPrice, input_tokens: float, cached_tokens: float, output_tokens: float
) -> float | None:
    """What an API charges for tokens; None for cached tokens without a price."""
    if cached_tokens and price.cached_input_usd_per_mtok is None:
        return None
    usd = (
        input_tokens * price.input_usd_per_mtok
        + cached_tokens * (price.cached_input_usd_per_mtok or 0.0)
        + output_tokens * price.output_usd_per_mtok
    )
    return usd / TOKENS_PER_MTOK


def usd_per_correct(usd_per_answer: Estimate, accuracy: Estimate) -> Estimate | None:
    """Cost of one right answer: cost of an answer / accuracy.

    The interval takes the ends of cost and accuracy together; the spread of answer lengths is not
    in it. None when nothing was answered correctly: the cost has no bound.
    """
    if accuracy.value <= 0:
        return None

    def at(cost: float | None, share: float | None) -> float | None:
        return cost / share if cost is not None and share else None

    return Estimate(
        value=usd_per_answer.value / accuracy.value,
        n=accuracy.n,
        low=at(usd_per_answer.low, accuracy.high),
        high=at(usd_per_answer.high, accuracy.low),
    )


def machine_usd(seconds: float, usd_per_hour: float, units: int) -> float:
    """What `units` GPUs (or one CPU machine) cost for some seconds."""
    return seconds / _SECONDS_PER_HOUR * usd_per_hour * units


# --- energy ----------------------------------------------------------------------------------


def energy_j(level: Level, over: float) -> Estimate | None:
    """Energy of a level's steady part / `over` (its output tokens or its requests).

    Mean power over the counter's window x seconds of the steady part: the two windows may differ
    by a moment. The interval is the throughput's; the counter's own error is not in it.
    """
    energy, rate = level.energy, level.output_tok_per_s
    if energy.energy_j is None or rate is None or over <= 0:
        return None
    power_w = energy.energy_j / (energy.window_s or level.duration_s)
    return against(rate, power_w * work(level).seconds / over)


def energy_usd(joules: float, usd_per_kwh: float) -> float:
    """Energy at a tariff. Rent already holds it: never add the two."""
    return joules / _JOULES_PER_KWH * usd_per_kwh


def co2e_g(joules: float, gco2e_per_kwh: float) -> float:
    """Grams of CO2 equivalent at a grid's intensity."""
    return joules / _JOULES_PER_KWH * gco2e_per_kwh
