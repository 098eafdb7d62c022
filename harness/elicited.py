"""Distributions through the 5% and 95% points that somebody stated. Pure."""

import functools
import math

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

Array = npt.NDArray[np.float64]
_Z95 = 1.6448536269514722


@functools.lru_cache
def beta(low: float, high: float) -> tuple[float, float]:
    """Shapes (a, b) of the Beta with these 5% and 95% points, 0 < low < high < 1.

    Solved numerically from a start by moments. Raises ValueError where there is no solution.
    """
    if not 0 < low < high < 1:
        raise ValueError(f"no Beta has 5% and 95% points at {low:g} and {high:g}")
    mean, spread = (low + high) / 2, (high - low) / (2 * _Z95)
    size = max(mean * (1 - mean) / spread**2 - 1, 0.5)

    def off(logs: Array) -> Array:
        a, b = np.exp(logs)
        return np.asarray(special.betaincinv(a, b, [0.05, 0.95]) - [low, high])

    start = np.log([mean * size, (1 - mean) * size])
    found = optimize.root(off, start, tol=1e-10)
    if not found.success and np.abs(off(found.x)).max() > 1e-6:
        raise ValueError(f"no Beta found with 5% and 95% points at {low:g} and {high:g}")
    a, b = np.exp(found.x)
    return float(a), float(b)


def chances(low: float, high: float, rng: np.random.Generator, n: int) -> Array:
    """Draws of a probability; a point where both ends are equal, (n,)."""
    if low == high:
        return np.full(n, low)
    # A Beta reaches 0 and 1 only in the limit.
    a, b = beta(max(low, 1e-6), min(high, 1 - 1e-6))
    return rng.beta(a, b, n)


def amounts(low: float, high: float, rng: np.random.Generator, n: int) -> Array:
    """Draws of an amount: lognormal through both points, or exponential where it may be 0, (n,)."""
    if low == high:
        return np.full(n, low)
    if low == 0:
        return rng.exponential(high / -math.log(0.05), n)
    sigma = (math.log(high) - math.log(low)) / (2 * _Z95)
    return rng.lognormal((math.log(high) + math.log(low)) / 2, sigma, n)
