"""What each of several causes adds to a change, so that the parts sum to the whole. Pure."""

import itertools
from collections.abc import Callable, Sequence

from harness.fields import Frozen


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
    1953). Takes every subset once, so keep the causes few.
    """
    known: dict[frozenset[str], float] = {}
    for size in range(len(causes) + 1):
        for chosen in itertools.combinations(causes, size):
            found = value(frozenset(chosen))
            if found is None:
                return None
            known[frozenset(chosen)] = found
    steps: dict[str, list[float]] = {cause: [] for cause in causes}
    for order in itertools.permutations(causes):
        for place, cause in enumerate(order):
            before = frozenset(order[:place])
            steps[cause].append(known[before | {cause}] - known[before])
    return tuple(
        Part(cause=cause, value=sum(each) / len(each), least=min(each), most=max(each))
        for cause, each in steps.items()
    )
