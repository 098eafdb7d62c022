"""Percentiles, means, shares, trends, and how sure they are. Pure."""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy  # scipy.stats takes a second to load: only where it is first used
from numpy.typing import NDArray

from harness.fields import Frozen

CONFIDENCE = 0.95
PERCENTILE_CONFIDENCE = 0.99
"""How sure it must be that a sample reaches beyond the percentile that is read off it."""
TREND_MIN_POINTS = 6
"""With fewer, no order of the points is unlikely enough to be called a trend."""

Values = NDArray[np.float64]
Sample = Sequence[float] | Values


class Estimate(Frozen):
    """A figure with its sample size and 95% interval; an end that cannot be given is None."""

    value: float
    n: int
    low: float | None = None
    high: float | None = None


def percentile(sample: Sample, share: float) -> Estimate | None:
    """The `share` quantile (linear interpolation) with its order-statistic interval.

    The interval's ends are the observations whose ranks bracket the quantile with 95% confidence
    (binomial; no assumption about the distribution). An end is None where the sample is too small
    to bound that side. None for an empty sample.
    """
    values = np.asarray(sample, dtype=float)
    return percentile_bounded(values, values, share)


def percentile_bounded(
    lows: Sample, highs: Sample, share: float, points: Sample | None = None
) -> Estimate | None:
    """The `share` quantile of observations of which each is only known to lie in [low, high].

    The value is the quantile of `points`, the best guess of each (None: the midpoints). The
    interval's lower end is an order statistic of the lows, the upper end one of the highs, of the
    ranks that `percentile` takes: it covers the sampling and whatever lies within the bounds.
    """
    low, high = np.asarray(lows, dtype=float), np.asarray(highs, dtype=float)
    n = len(low)
    if n == 0:
        return None
    middle = low + (high - low) / 2 if points is None else np.asarray(points, dtype=float)
    tail = (1 - CONFIDENCE) / 2
    centre = float(np.quantile(middle, share))
    lower = int(scipy.stats.binom.ppf(tail, n, share)) - 1
    upper = int(scipy.stats.binom.ppf(1 - tail, n, share))
    return Estimate(
        value=centre,
        n=n,
        # Interpolation can put the quantile just outside the bracketing observations.
        low=min(centre, _ranked(low, lower)) if lower >= 0 else None,
        high=max(centre, _ranked(high, upper)) if upper < n else None,
    )


def _ranked(values: Values, rank: int) -> float:
    """The value with `rank` smaller ones; a partition, which millions take no time to make."""
    return float(np.partition(values, rank)[rank])


@cache
def t_quantile(n: int) -> float:
    """Student's t at which a two-sided 95% interval of n observations ends."""
    return float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))


@cache
def smallest_sample(share: float) -> int:
    """The smallest sample of which the `share` quantile may be reported.

    The smallest n with P(Binomial(n, 1 - share) <= 1) <= 1%: with 99% confidence at least two
    observations lie beyond the true quantile. The rule of MLPerf's early stopping; 662 for a
    p99, 64 for a p90.
    """

    def enough(n: int) -> bool:
        return bool(scipy.stats.binom.cdf(1, n, 1 - share) <= 1 - PERCENTILE_CONFIDENCE)

    high = 2
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def quantiles(values: Values, shares: Sequence[float]) -> list[float]:
    """Quantiles of a sample (linear interpolation), by one sort.

    For samples by the thousand: numpy sorts ten thousand numbers faster than its general function
    partitions them.
    """
    ordered = np.sort(values)
    last = len(ordered) - 1
    found = []
    for share in shares:
        below = math.floor(share * last)
        above = min(below + 1, last)
        part = share * last - below
        found.append(float(ordered[below] + part * (ordered[above] - ordered[below])))
    return found


def mean(sample: Sample) -> Estimate | None:
    """Mean with Student's t interval; no interval for a single observation, None for none.

    Of repeats of a whole measurement it is the interval over repeats.
    """
    n = len(sample)
    if n == 0:
        return None
    values = np.asarray(sample, dtype=float)
    centre = float(values.mean())
    if n == 1:
        return Estimate(value=centre, n=1)
    half = t_quantile(n) * float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(value=centre, n=n, low=centre - half, high=centre + half)


def proportion(successes: int, n: int) -> Estimate | None:
    """Share of successes with Wilson's score interval (Wilson 1927); None for n = 0."""
    if n == 0:
        return None
    interval = scipy.stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(value=successes / n, n=n, low=float(interval.low), high=float(interval.high))


def difference(before: Estimate, after: Estimate) -> Estimate:
    """After minus before of two independent estimates; `n` is the latter's.

    The interval is put together from the two, whatever their shape (Newcombe 1998, method 10, for
    proportions; Zou and Donner 2008 for any): the lower end takes what `after` may lie below its
    value and `before` above its own, squares added. No interval where an end is missing.
    """
    value = after.value - before.value
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return Estimate(value=value, n=after.n)
    return Estimate(
        value=value,
        n=after.n,
        low=value - math.hypot(after.value - after.low, before.high - before.value),
        high=value + math.hypot(after.high - after.value, before.value - before.low),
    )


def slice_rates(
    times_s: Sample, counts: Sample, start_s: float, end_s: float, slices: int = 10
) -> Values | None:
    """Events per second in each of `slices` equal parts of [start, end]; None for an empty window.

    `times_s` and `counts` have one entry per event; those outside do not count.
    """
    if end_s <= start_s or not len(times_s):
        return None
    binned, _ = np.histogram(
        np.asarray(times_s, dtype=float),
        bins=slices,
        range=(start_s, end_s),
        weights=np.asarray(counts, dtype=float),
    )
    return np.asarray(binned * slices / (end_s - start_s), dtype=float)


def rate_by_slices(
    times_s: Sample, counts: Sample, start_s: float, end_s: float, slices: int = 10
) -> Estimate | None:
    """Events per second in [start, end]: the mean over equal time slices with a t interval.

    The method of batch means: slices are long against the gaps between events, so that their
    rates are nearly independent; `lag1` of `slice_rates` says how nearly. `n` is the number of
    slices. None for an empty window.
    """
    rates = slice_rates(times_s, counts, start_s, end_s, slices)
    return None if rates is None else mean(rates)


def lag1(series: Sample) -> float | None:
    """Autocorrelation of a series with itself one step later.

    sum (x[i] - m) (x[i+1] - m) / sum (x[i] - m)^2, m the mean of all. None below three values
    and for a series that never changes.
    """
    values = np.asarray(series, dtype=float)
    if len(values) < 3 or np.ptp(values) == 0:
        return None
    off = values - values.mean()
    return float((off[:-1] * off[1:]).sum() / (off * off).sum())


class Trend(NamedTuple):
    """Whether and how far a series moved over its span."""

    p_value: float  # that an unchanging series would look as ordered as this one, or more
    change_share: float  # change over the span / |median|; signed


def drift(times: Sample, values: Sample) -> Trend | None:
    """Test whether a series stays level: Kendall's tau against time, and Theil-Sen's slope.

    No assumption about the distribution; neighbours should be independent (take medians of
    groups where they are not). None below six points, at a single time, or where the median is
    zero but the values are not. Takes time and memory with the square of the number of points.
    """
    t, x = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    if len(t) < TREND_MIN_POINTS or np.ptp(t) == 0:
        return None
    if np.ptp(x) == 0:
        return Trend(p_value=1.0, change_share=0.0)
    middle = abs(float(np.median(x)))
    if middle == 0:
        return None
    slope = float(scipy.stats.theilslopes(x, t).slope)
    return Trend(
        p_value=float(scipy.stats.kendalltau(t, x).pvalue),
        change_share=slope * float(np.ptp(t)) / middle,
    )
