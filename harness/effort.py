"""What fine-tuning brought. Pure."""

from harness.stats import Estimate, difference


def gain(before: Estimate, after: Estimate) -> Estimate:
    """Held-out accuracy, after minus before.

    The interval is Newcombe's for a difference of two proportions (1998, method 10, from Wilson
    intervals). It treats the two as independent, which is wider than pairing them.
    """
    return difference(before, after)
