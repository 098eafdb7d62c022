"""What fine-tuning brought. Pure."""

import math

from harness.stats import Estimate


def gain(before: Estimate, after: Estimate) -> Estimate:
    """Held-out accuracy, after minus before.

    The interval is Newcombe's for a difference of two proportions (1998, method 10, from Wilson
    intervals). It treats the two as independent, which is wider than pairing them.
    """
    difference = after.value - before.value
    low = high = None
    if None not in (before.low, before.high, after.low, after.high):
        b_low, b_high, a_low, a_high = (
            float(x) for x in (before.low, before.high, after.low, after.high) if x is not None
        )
        low = difference - math.hypot(after.value - a_low, b_high - before.value)
        high = difference + math.hypot(a_high - after.value, before.value - b_low)
    return Estimate(value=difference, n=after.n, low=low, high=high)
