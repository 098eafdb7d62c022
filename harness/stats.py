"""Percentiles, means and their intervals. Pure."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats as scipy_stats

from harness.fields import Frozen

CONFIDENCE = 0.95


class Estimate(Frozen):
    """A figure with its sample size and 95% interval; an end that cannot be given is None."""

    value: float
    n: int
    low: float | None = None
    high: float | None = None


def percentile(sample: Sequence[float], share: float) -> Estimate | None:
    """The `share` quantile (linear interpolation) with its order-statistic interval.

    The interval's ends are the observations whose ranks bracket the quantile with 95% confidence
    (binomial; no assumption about the distribution). An end is None where the sample is too small
    to bound that side. None for an empty sample.
    """
    n = len(sample)
    if n == 0:
        return None
    ordered = np.sort(np.asarray(sample, dtype=float))
    tail = (1 - CONFIDENCE) / 2
    centre = float(np.quantile(ordered, share))
    lower = int(scipy_stats.binom.ppf(tail, n, share)) - 1
    upper = int(scipy_stats.binom.ppf(1 - tail, n, share))
    return Estimate(
        value=centre,
        n=n,
        # Interpolation can put the quantile just outside the bracketing observations.
        low=min(centre, float(ordered[lower])) if lower >= 0 else None,
        high=max(centre, float(ordered[upper])) if upper < n else None,
    )


def mean(sample: Sequence[float]) -> Estimate | None:
    """Mean with Student's t interval; no interval for a single observation, None for none."""
    n = len(sample)
    if n == 0:
        return None
    values = np.asarray(sample, dtype=float)
    centre = float(values.mean())
    if n == 1:
        return Estimate(value=centre, n=1)
    half = float(scipy_stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Estimate(value=centre, n=n, low=centre - half, high=centre + half)


def proportion(successes: int, n: int) -> Estimate | None:
    """Share of successes with Wilson's score interval (Wilson 1927); None for n = 0."""
    if n == 0:
        return None
    interval = scipy_stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(value=successes / n, n=n, low=float(interval.low), high=float(interval.high))


def rate_by_slices(
    times_s: Sequence[float],
    counts: Sequence[float],
    start_s: float,
    end_s: float,
    slices: int = 10,
) -> Estimate | None:
    """Events per second in [start, end): the mean over equal time slices with a t interval.

    The method of batch means: slices are long against the gaps between events, so that their
    rates are nearly independent. `n` is the number of slices. None for an empty window.
    """
    if end_s <= start_s or not len(times_s):
        return None
    binned, _ = np.histogram(times_s, bins=slices, range=(start_s, end_s), weights=counts)
    return mean(list(binned * slices / (end_s - start_s)))
