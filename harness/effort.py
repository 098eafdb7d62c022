"""What fine-tuning took and brought. Pure."""

import math

from harness.fields import Frozen
from harness.stats import Estimate


class Effort(Frozen):
    """One LoRA run on a fixed data budget."""

    usd: float | None
    gpu_hours: float
    gain: Estimate  # held-out accuracy, after minus before


def effort(
    seconds: float, units: int, usd: float | None, before: Estimate, after: Estimate
) -> Effort:
    """Effort and gain of a run that took `seconds` on `units` GPUs (0: a CPU).

    The gain's interval is Newcombe's for a difference of two proportions (1998, method 10, from
    Wilson intervals). It treats the two as independent, which is wider than pairing them.
    """
    difference = after.value - before.value
    low = high = None
    if None not in (before.low, before.high, after.low, after.high):
        b_low, b_high, a_low, a_high = (
            float(x) for x in (before.low, before.high, after.low, after.high) if x is not None
        )
        low = difference - math.hypot(after.value - a_low, b_high - before.value)
        high = difference + math.hypot(a_high - after.value, before.value - b_low)
    gain = Estimate(value=difference, n=after.n, low=low, high=high)
    return Effort(usd=usd, gpu_hours=seconds / 3600 * units, gain=gain)
