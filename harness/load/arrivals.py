"""When requests are due. Pure."""

import itertools
import math
import random
from collections.abc import Callable
from typing import Literal

Arrivals = Literal["poisson", "constant", "gamma", "ramp"]


def schedule(
    rate_rps: float,
    count: int,
    arrivals: Arrivals,
    seed: str,
    *,
    gamma_shape: float = 1.0,
    end_rate_rps: float | None = None,
) -> list[float]:
    """Due times in seconds from the start of the level, ascending, the first at 0.

    constant: equal gaps of 1/rate. poisson: independent exponential gaps of mean 1/rate. gamma:
    independent gaps of shape k and mean 1/rate, so their coefficient of variation is 1/sqrt(k);
    k = 1 is Poisson. ramp: Poisson with a rate that grows (or falls) linearly from `rate_rps` to
    `end_rate_rps`, see `_ramp`.

    Gaps are as they were drawn: they are not rescaled to make the total time exact, since rescaled
    gaps are not independent and Poisson would not be Poisson. So the times of n requests take
    (n - 1) / rate only on average.
    """
    if count == 0:
        return []
    rng = random.Random(seed)
    if arrivals == "ramp":
        assert end_rate_rps is not None
        due = _ramp(rate_rps, end_rate_rps, count)
        units = itertools.accumulate((rng.expovariate(1.0) for _ in range(count - 1)), initial=0.0)
        return [due(unit) for unit in units]
    gap: dict[Arrivals, Callable[[], float]] = {
        "constant": lambda: 1 / rate_rps,
        "poisson": lambda: rng.expovariate(rate_rps),
        "gamma": lambda: rng.gammavariate(gamma_shape, 1 / (gamma_shape * rate_rps)),
    }
    draw = gap[arrivals]
    return list(itertools.accumulate((draw() for _ in range(count - 1)), initial=0.0))


def _ramp(start_rps: float, end_rps: float, count: int) -> Callable[[float], float]:
    """The moment at which so many requests are expected: the inverse of the cumulative intensity.

    Over T = count / ((r0 + r1) / 2) the rate is r(t) = r0 + (r1 - r0) t / T, and stays at r1
    afterwards. Its integral is L(t) = r0 t + (r1 - r0) t^2 / (2 T), with L(T) = count. Arrivals of
    a Poisson process of rate 1, put through the inverse of L, are those of the process with rate
    r(t) (time-rescaling; Cinlar 1975). The root is written so that it also holds for r0 = r1.
    """
    length_s = 2 * count / (start_rps + end_rps)
    slope = (end_rps - start_rps) / length_s

    def due_s(expected: float) -> float:
        if expected > count:
            return length_s + (expected - count) / end_rps
        root = math.sqrt(max(0.0, start_rps**2 + 2 * slope * expected))
        return 2 * expected / (start_rps + root)

    return due_s
