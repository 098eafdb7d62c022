"""When requests are sent. Pure."""

import random
from typing import Literal


def schedule(
    rate_rps: float, count: int, arrivals: Literal["poisson", "constant"], seed: str
) -> list[float]:
    """Send times in seconds from the start of the level, ascending, the first at 0.

    Poisson: independent exponential gaps of mean 1/rate; constant: equal gaps.
    """
    rng = random.Random(seed)
    times = [0.0]
    while len(times) < count:
        gap = rng.expovariate(rate_rps) if arrivals == "poisson" else 1 / rate_rps
        times.append(times[-1] + gap)
    return times[:count]
