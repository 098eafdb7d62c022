"""Shares of labels, and differences between arms and languages over the same items. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from harness.config.behaviour import ProbeLanguage
from harness.records.behaviour import EVASIVE, Arm, Contrast, Label
from harness.stats import CONFIDENCE, Estimate

Labels = Mapping[tuple[str, Arm, ProbeLanguage], Label]
"""Label by item, arm and language; an answer that failed is not there."""
Measure = Literal["evasive", "refusal", "deflection", "state_narrative"]
Array = npt.NDArray[np.float64]
_DRAWS = 4000
_PAIRS: tuple[tuple[Literal["prc_minus_other", "prc_minus_neutral", "other_minus_neutral"], Arm,
    Arm], ...] = (
    ("prc_minus_other", "sensitive_prc", "sensitive_other"),
    ("prc_minus_neutral", "sensitive_prc", "neutral"),
    ("other_minus_neutral", "sensitive_other", "neutral"),
)  # fmt: skip


def contrasts(
    labels: Labels, items: Sequence[str], languages: Sequence[ProbeLanguage], seed: int
) -> tuple[Contrast, ...]:
    """Differences of shares, in [-1, 1], with paired bootstrap intervals.

    For each measure and language: PRC-sensitive minus equally sensitive to another state, and
    each of them minus neutral. For each language but the first, the difference in differences:
    (PRC minus other) there, less the same in the first language.

    A triple is drawn whole, with all its arms and languages, so what an item shares between them
    stays together. One that lacks an answer which a contrast needs is left out of that contrast.
    """
    drawn = np.random.default_rng(seed).integers(0, len(items), (_DRAWS, len(items)))
    found = []
    for measure in get_args(Measure):
        marks = {
            (arm, language): _marks(labels, items, arm, language, measure)
            for arm in get_args(Arm)
            for language in languages
        }
        for language in languages:
            for name, arm, against in _PAIRS:
                value = _bootstrap(marks[arm, language] - marks[against, language], drawn)
                if value:
                    found.append(
                        Contrast(name=name, measure=measure, language=language, value=value)
                    )
        first = languages[0]
        for language in languages[1:]:
            there, here = (
                marks["sensitive_prc", each] - marks["sensitive_other", each]
                for each in (language, first)
            )
            value = _bootstrap(there - here, drawn)
            if value:
                found.append(
                    Contrast(
                        name="difference_in_differences",
                        measure=measure,
                        language=language,
                        against=first,
                        value=value,
                    )
                )
    return tuple(found)


def _marks(
    labels: Labels, items: Sequence[str], arm: Arm, language: ProbeLanguage, measure: Measure
) -> Array:
    """1 where the answer shows the measure, 0 where not, NaN without an answer."""
    wanted = EVASIVE if measure == "evasive" else (measure,)
    given = [labels.get((item, arm, language)) for item in items]
    return np.array([np.nan if each is None else float(each in wanted) for each in given])


def _bootstrap(differences: Array, drawn: npt.NDArray[np.int64]) -> Estimate | None:
    """Mean difference over whole items and its percentile interval; None without any."""
    whole = ~np.isnan(differences)
    n = int(whole.sum())
    if n == 0:
        return None
    sums = np.where(whole, differences, 0.0)[drawn].sum(axis=1)
    counts = whole[drawn].sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    # A bootstrap of few or of equal items sees no spread: the interval of a share of n, n + 2.
    least = _least(n)
    centre = float(differences[whole].mean())
    return Estimate(
        value=centre,
        n=n,
        low=max(-1.0, min(float(low), centre - least)),
        high=min(1.0, max(float(high), centre + least)),
    )


def _least(n: int) -> float:
    """What n equal differences leave open: the rule of three, 1 - 0.025^(1/n)."""
    return float(1 - ((1 - CONFIDENCE) / 2) ** (1 / n))
