"""harness.load.arrivals: when requests are due."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.load.arrivals import schedule


@given(
    rate=st.floats(0.01, 1000),
    count=st.integers(1, 100),
    arrivals=st.sampled_from(["poisson", "constant"]),
    seed=st.text(),
)
def test_a_schedule_starts_at_zero_and_ascends(
    rate: float, count: int, arrivals: str, seed: str
) -> None:
    times = schedule(rate, count, arrivals, seed)

    assert len(times) == count
    assert times[0] == 0.0
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))


def test_the_same_seed_gives_the_same_times_and_another_seed_others() -> None:
    assert schedule(2.0, 50, "poisson", "a") == schedule(2.0, 50, "poisson", "a")
    assert schedule(2.0, 50, "poisson", "a") != schedule(2.0, 50, "poisson", "b")


def test_constant_arrivals_have_equal_gaps() -> None:
    assert schedule(4.0, 5, "constant", "") == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_poisson_gaps_are_exponential_with_the_mean_of_the_rate() -> None:
    gaps = np.diff(schedule(5.0, 5001, "poisson", "seed"))

    # The mean of 5000 gaps has a standard error of 0.2 / sqrt(5000) = 0.0028.
    assert np.mean(gaps) == pytest.approx(0.2, abs=4 * 0.0028)
    assert scipy_stats.kstest(gaps, "expon", args=(0, 0.2)).pvalue > 0.01


def test_no_request_has_no_schedule() -> None:
    assert schedule(1.0, 0, "poisson", "") == []
