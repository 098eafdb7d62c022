"""From factor intervals and uncertain weights to a score, a rank and what they rest on.

Weights w ~ Dirichlet(concentration x stated weights), facts x ~ Uniform[low, high], drawn for each
model and factor by itself: two models that share an unknown fact are compared as if it could
differ, which makes ties of some pairs that are not. All models meet the same draws of the weights.
Method: OECD/JRC Handbook on Constructing Composite Indicators (2008), uncertainty and sensitivity.

Names, order and the other models change nothing about a model's own figures, nor about a pair:

- a model alone is drawn on one stream that all models use; raising a factor never lowers its score;
- a pair is drawn on two, A on the first and B on the second and the other way round: P(A safer) and
  P(B safer) sum to 1, equal vectors get 0.5, raising a factor of A never raises P(A safer);
- ranks need all models apart, each on a stream seeded by its vector; equal vectors pool theirs.
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from harness.config.judge import FACTORS, FactorName, RiskConfig
from harness.fields import Frozen

Array = npt.NDArray[np.float64]
LEAST_HEADROOM = 0.02  # 1 - x of the non-compensatory score: a factor at 1 would decide alone
_FIRST, _SECOND, _RANKS = 1, 2, 3  # names of the streams of facts


class Vector(Frozen):
    """The factor intervals of one model, in [0, 1]."""

    key: str
    low: dict[FactorName, float]
    high: dict[FactorName, float]


class Spread(Frozen):
    """Median with 5% and 95% points of the draws."""

    median: float
    low: float
    high: float


class Score(Frozen):
    """One model among those it was scored with."""

    key: str
    additive: Spread
    non_compensatory: Spread
    rank: Spread | None  # 1 is the safest; equal models share the better rank; None: not ranked
    bound_low: float  # without any distribution, each weight within the slack
    bound_high: float
    weights_share: float | None  # of the additive score's variance; None: nothing varies
    deciding_unknown: FactorName | None  # the interval that moves the rank most
    deciding_moves: int  # ranks between its two ends
    ties: tuple[str, ...]  # models that it cannot be told from


class Scores(Frozen):
    """All models scored together, in the order given."""

    models: tuple[Score, ...]
    safer: tuple[tuple[float, ...], ...]  # [a][b]: P(a safer than b), additive; ties count half
    safer_non_compensatory: tuple[tuple[float, ...], ...]
    correlations: dict[str, float | None]  # "a, b": Pearson over mid values; None: one is constant
    draws: int
    seed: int


def score(
    vectors: Sequence[Vector],
    weights: Mapping[FactorName, float],
    risk: RiskConfig,
    ranked: Sequence[bool] | None = None,
) -> Scores:
    """Score the models together. `weights` sum to 1 and are all above 0.

    `ranked`: which of them stand in the ranking; without it all.
    """
    w0 = np.array([weights[name] for name in FACTORS])
    low = np.array([[v.low[name] for name in FACTORS] for v in vectors]).reshape(-1, len(w0))
    high = np.array([[v.high[name] for name in FACTORS] for v in vectors]).reshape(low.shape)
    drawn = _stream(risk.seed).dirichlet(risk.dirichlet_concentration * w0, risk.draws)
    first, second = (_stream(risk.seed, name).random(drawn.shape) for name in (_FIRST, _SECOND))
    (additive, other), (rival, other_rival) = (
        _draw(low, high, drawn, stream) for stream in (first, second)
    )
    standing = np.flatnonzero(np.ones(len(vectors), bool) if ranked is None else ranked)
    found = _ranks(low[standing], high[standing], drawn, risk.seed)
    ranks = dict(zip(standing.tolist(), found, strict=True))
    safer, safer_other = _safer(additive, rival), _safer(other, other_rival)
    different = np.maximum(np.minimum(safer, safer_other), np.minimum(1 - safer, 1 - safer_other))
    bounds = [_bounds(low[i], high[i], w0, risk.weight_slack) for i in range(len(vectors))]
    shares = _weights_share(low, high, w0, risk.dirichlet_concentration)
    models = []
    for i, vector in enumerate(vectors):
        factor, moves = _deciding(low, high, w0, i)
        tied = (different[i] < risk.different_from) & (np.arange(len(vectors)) != i)
        models.append(
            Score(
                key=vector.key,
                additive=_spread(additive[i]),
                non_compensatory=_spread(other[i]),
                rank=_spread(ranks[i]) if i in ranks else None,
                bound_low=bounds[i][0],
                bound_high=bounds[i][1],
                weights_share=shares[i],
                deciding_unknown=factor,
                deciding_moves=moves,
                ties=tuple(vectors[j].key for j in np.flatnonzero(tied)),
            )
        )
    return Scores(
        models=tuple(models),
        safer=tuple(tuple(map(float, row)) for row in safer),
        safer_non_compensatory=tuple(tuple(map(float, row)) for row in safer_other),
        correlations=_correlations((low + high) / 2),
        draws=risk.draws,
        seed=risk.seed,
    )


def _stream(*names: int) -> np.random.Generator:
    return np.random.default_rng(names)


def _draw(low: Array, high: Array, weights: Array, uniform: Array) -> tuple[Array, Array]:
    """Additive and non-compensatory score of each model in each draw, (models, draws).

    Weights and uniform, (draws, factors), are common to all models.
    """
    additive = np.empty((len(low), len(weights)))
    other = np.empty_like(additive)
    for i in range(len(low)):
        x = low[i] + uniform * (high[i] - low[i])
        additive[i] = np.einsum("df,df->d", weights, x)
        headroom = np.log(np.maximum(1 - x, LEAST_HEADROOM))
        other[i] = 1 - np.exp(np.einsum("df,df->d", weights, headroom))
    return additive, other


def _spread(draws: Array) -> Spread:
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
    return Spread(median=float(median), low=float(low), high=float(high))


def _ranks(low: Array, high: Array, weights: Array, seed: int) -> list[Array]:
    """Draws of the rank of each model, 1 = lowest score; equal scores share the better rank."""
    twins: defaultdict[int, list[int]] = defaultdict(list)
    scores = np.empty((len(low), len(weights)))
    for i in range(len(low)):
        vector = zlib.crc32(np.concatenate([low[i], high[i]]).tobytes())
        # Models with equal vectors are different models: each draws its own unknown facts.
        uniform = _stream(seed, _RANKS, vector, len(twins[vector])).random(weights.shape)
        scores[i] = np.einsum("df,df->d", weights, low[i] + uniform * (high[i] - low[i]))
        twins[vector].append(i)
    if not len(low):
        return []
    ranks = rankdata(scores, method="min", axis=0)
    pooled = {i: ranks[rows] for rows in twins.values() for i in rows}
    return [pooled[i] for i in range(len(low))]


def _safer(first: Array, second: Array) -> Array:
    """P(a has a lower score than b), ties by half; the diagonal is 0.5. From two streams of facts:
    a on the first and b on the second, and the other way round."""
    n, draws = first.shape
    on_first, on_second = first.astype(np.float32), second.astype(np.float32)  # half the time
    lead = np.zeros((n, n))
    hit = np.empty(draws, dtype=bool)
    for a in range(n):
        for b in range(n):
            lower = np.count_nonzero(np.less(on_first[a], on_second[b], out=hit))
            lead[a, b] = lower - np.count_nonzero(np.greater(on_first[a], on_second[b], out=hit))
    return np.asarray(0.5 + (lead - lead.T) / (4 * draws))


def _bounds(low: Array, high: Array, w0: Array, slack: float) -> tuple[float, float]:
    """Least and most additive score over facts in their intervals and weights within the slack.

    The linear programme min w.low, max w.high over sum w = 1, |w - w0| <= slack, 0 <= w, solved
    exactly: begin at the least weights and hand out the rest to the cheapest (dearest) factors.
    """
    floor, ceiling = np.maximum(w0 - slack, 0), np.minimum(w0 + slack, 1)

    def best(x: Array, order: npt.NDArray[np.intp]) -> float:
        w, left = floor.copy(), 1 - floor.sum()
        for i in order:
            more = min(left, ceiling[i] - floor[i])
            w[i] += more
            left -= more
        return float(w @ x)

    return best(low, np.argsort(low)), best(high, np.argsort(-high))


def _weights_share(low: Array, high: Array, w0: Array, concentration: float) -> list[float | None]:
    """Share of the additive score's first-order variance that comes from the weights.

    Weights, facts at their middle: x' Cov(w) x with Cov of the Dirichlet (diag(w0) - w0 w0') /
    (concentration + 1). Facts, weights as stated: sum w0^2 (high - low)^2 / 12.
    """
    mid = (low + high) / 2
    covariance = (np.diag(w0) - np.outer(w0, w0)) / (concentration + 1)
    of_weights = np.einsum("mf,fg,mg->m", mid, covariance, mid)
    of_facts = ((w0 * (high - low)) ** 2).sum(axis=1) / 12
    total = of_weights + of_facts
    return [float(a / b) if b > 1e-12 else None for a, b in zip(of_weights, total, strict=True)]


def _deciding(low: Array, high: Array, w0: Array, at: int) -> tuple[FactorName | None, int]:
    """The interval of one model whose ends are the most ranks apart, all else in the middle."""
    mids = ((low + high) / 2) @ w0
    others = np.delete(mids, at)
    widths = high[at] - low[at]
    ends = mids[at] + np.outer([-0.5, 0.5], w0 * widths)  # (2, factors)
    ranks = (others[None, None, :] < ends[:, :, None]).sum(axis=2)
    moves = ranks[1] - ranks[0]
    if not widths.any():
        return None, 0
    # Where no end changes the rank, the interval that moves the score most.
    best = int(np.lexsort((w0 * widths, moves))[-1])
    return FACTORS[best], int(moves[best])


def _correlations(mid: Array) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    constant = np.ptp(mid, axis=0) == 0 if len(mid) else np.ones(len(FACTORS), bool)
    varying = np.flatnonzero(~constant)
    matrix = np.corrcoef(mid[:, varying], rowvar=False) if len(varying) > 1 else np.ones((1, 1))
    place = {int(f): i for i, f in enumerate(varying)}
    for a, name in enumerate(FACTORS):
        for b in range(a + 1, len(FACTORS)):
            known = a in place and b in place
            value = float(matrix[place[a], place[b]]) if known else None
            found[f"{name}, {FACTORS[b]}"] = value
    return found
