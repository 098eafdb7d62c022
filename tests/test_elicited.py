"""harness.elicited: distributions go through the points that were stated."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import optimize, stats

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


@pytest.mark.parametrize(("low", "high"), [(0.002, 0.02), (0.05, 0.5), (0.8, 0.999), (1e-6, 0.3)])
def test_a_beta_is_the_one_that_a_general_solver_finds(low: float, high: float) -> None:
    a, b = elicited.beta(low, high)
    found = optimize.root(
        lambda logs: stats.beta.ppf([0.05, 0.95], *np.exp(logs)) - [low, high],
        np.log([a, b]) + 0.01,
        tol=1e-14,
    )

    assert [a, b] == pytest.approx(np.exp(found.x), rel=1e-9)
    assert stats.beta.ppf([0.05, 0.95], a, b) == pytest.approx([low, high], rel=1e-12)


def test_a_report_loads_neither_statistics_nor_optimisation_of_scipy() -> None:
    said = subprocess.run(
        [
            sys.executable, "-c",
            "import sys, harness.report.build, harness.report.page.write;"
            "print(sorted({'scipy.stats', 'scipy.optimize'} & sys.modules.keys()))",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert said.stdout.strip() == "[]"
