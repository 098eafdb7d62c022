"""What each of several causes adds to a change, so that the parts sum to the whole. Pure."""

import itertools
from collections.abc import Callable, Sequence

from harness.fields import Frozen

_ROUNDING = 1e-11  # of the largest figure: sums of floats, no cause


class Part(Frozen):
    """One cause's share of a change, in the unit of the figure."""

    cause: str
    value: float  # mean over all orders in which the causes can be changed one by one
    least: float  # over those orders; equal to `most` where the causes do not interact
    most: float


def parts(
    causes: Sequence[str], value: Callable[[frozenset[str]], float | None]
) -> tuple[Part, ...] | None:
    """Shapley values: what changing a cause does, averaged over all orders of changing them.

    `value` gives the figure with some causes changed and the others not; None where there is no
    figure, and then there are no parts. The values add up to `value(all) - value(none)` (Shapley
    1953), but for rounding errors, which are no cause's. Takes every subset once, so keep the
    causes few.
    """
    known: dict[frozenset[str], float] = {}
    for size in range(len(causes) + 1):
        for chosen in itertools.combinations(causes, size):
            found = value(frozenset(chosen))
            if found is None:
                return None
            known[frozenset(chosen)] = found
    least = _ROUNDING * max(map(abs, known.values()))
    steps: dict[str, list[float]] = {cause: [] for cause in causes}
    for order in itertools.permutations(causes):
        for place, cause in enumerate(order):
            before = frozenset(order[:place])
            step = known[before | {cause}] - known[before]
            steps[cause].append(step if abs(step) > least else 0.0)
    return tuple(
        Part(cause=cause, value=sum(each) / len(each), least=min(each), most=max(each))
        for cause, each in steps.items()
    )
