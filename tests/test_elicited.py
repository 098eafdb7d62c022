"""harness.elicited: distributions go through the points that were stated."""

import numpy as np
import pytest
from scipy import stats

from harness import elicited

DRAWS = 200_000


@pytest.mark.parametrize(("low", "high"), [(0.02, 0.2), (0.9, 0.999), (0.002, 0.02), (0.2, 0.7)])
def test_a_beta_has_the_stated_5_and_95_percent_points(low: float, high: float) -> None:
    a, b = elicited.beta(low, high)

    assert stats.beta.ppf([0.05, 0.95], a, b) == pytest.approx([low, high], rel=1e-4)


def test_a_beta_with_crossed_points_is_refused() -> None:
    with pytest.raises(ValueError, match="no Beta"):
        elicited.beta(0.5, 0.2)


def test_amounts_are_lognormal_through_both_points() -> None:
    drawn = elicited.amounts(20.0, 120.0, np.random.default_rng(1), DRAWS)

    assert np.quantile(drawn, [0.05, 0.95]) == pytest.approx([20, 120], rel=0.02)
    # The median of a lognormal is the geometric mean of symmetric points.
    assert np.median(drawn) == pytest.approx(np.sqrt(20 * 120), rel=0.02)


def test_an_amount_that_may_be_nothing_is_exponential_with_its_95_percent_point() -> None:
    drawn = elicited.amounts(0.0, 5.0, np.random.default_rng(1), DRAWS)

    assert np.quantile(drawn, 0.95) == pytest.approx(5.0, rel=0.02)
    assert drawn.min() >= 0


def test_a_point_is_drawn_as_itself() -> None:
    rng = np.random.default_rng(1)

    assert set(elicited.amounts(3.0, 3.0, rng, 5)) == {3.0}
    assert set(elicited.chances(0.5, 0.5, rng, 5)) == {0.5}
