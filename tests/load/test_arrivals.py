"""harness.load.arrivals: when requests are due."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.load.arrivals import Arrivals, schedule

KINDS: tuple[Arrivals, ...] = ("poisson", "constant", "gamma", "ramp")


@given(
    rate=st.floats(0.01, 1000),
    end=st.floats(0.01, 1000),
    shape=st.floats(0.05, 20),
    count=st.integers(1, 100),
    arrivals=st.sampled_from(KINDS),
    seed=st.text(),
)
def test_a_schedule_starts_at_zero_and_ascends(
    rate: float, end: float, shape: float, count: int, arrivals: Arrivals, seed: str
) -> None:
    times = schedule(rate, count, arrivals, seed, gamma_shape=shape, end_rate_rps=end)

    assert len(times) == count
    assert times[0] == 0.0
    assert all(math.isfinite(time) for time in times)
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize("arrivals", KINDS)
def test_the_same_seed_gives_the_same_times(arrivals: Arrivals) -> None:
    first, again = (schedule(2.0, 50, arrivals, "a", end_rate_rps=4.0) for _ in range(2))

    assert first == again


@pytest.mark.parametrize("arrivals", [kind for kind in KINDS if kind != "constant"])
def test_another_seed_gives_other_times(arrivals: Arrivals) -> None:
    one, other = (schedule(2.0, 50, arrivals, seed, end_rate_rps=4.0) for seed in "ab")

    assert one != other


def test_constant_arrivals_have_equal_gaps() -> None:
    assert schedule(4.0, 5, "constant", "") == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_poisson_gaps_are_exponential_with_the_mean_of_the_rate() -> None:
    gaps = np.diff(schedule(5.0, 5001, "poisson", "seed"))

    # The mean of 5000 gaps has a standard error of 0.2 / sqrt(5000) = 0.0028.
    assert np.mean(gaps) == pytest.approx(0.2, abs=4 * 0.0028)
    assert scipy_stats.kstest(gaps, "expon", args=(0, 0.2)).pvalue > 0.01


def test_the_total_time_of_poisson_arrivals_varies_as_that_of_a_poisson_process() -> None:
    # 100 gaps of mean 0.1 s sum to 10 s with a standard deviation of sqrt(100) x 0.1 = 1 s; gaps
    # that were rescaled to make the total exact would have none. The standard deviation of 400
    # sums is known to 1 / sqrt(2 x 400) = 3.5%.
    totals = [schedule(10.0, 101, "poisson", f"{seed}")[-1] for seed in range(400)]

    assert np.std(totals) == pytest.approx(1.0, abs=4 * 0.035)


@pytest.mark.parametrize("shape", [0.25, 1.0, 4.0])
def test_gamma_gaps_have_the_mean_of_the_rate_and_the_variance_of_their_shape(
    shape: float,
) -> None:
    n, mean = 20_000, 0.5
    gaps = np.diff(schedule(2.0, n + 1, "gamma", "seed", gamma_shape=shape))

    # Gamma of shape k and mean m: variance m^2 / k, so that the mean of n gaps is known to
    # m / sqrt(k n); excess kurtosis 6 / k, so that their variance is known to the share
    # sqrt((2 + 6 / k) / n).
    assert np.mean(gaps) == pytest.approx(mean, abs=4 * mean / math.sqrt(shape * n))
    share = 4 * math.sqrt((2 + 6 / shape) / n)
    assert np.var(gaps) == pytest.approx(mean**2 / shape, rel=share)
    assert scipy_stats.kstest(gaps, "gamma", args=(shape, 0, mean / shape)).pvalue > 0.01


@pytest.mark.parametrize(("start", "end"), [(2.0, 6.0), (6.0, 2.0)], ids=["rising", "falling"])
def test_a_ramp_has_the_rate_of_its_line_at_each_moment(start: float, end: float) -> None:
    # 40,000 requests at a mean of 4 per second last about 10,000 s. In the first, fifth and ninth
    # tenth of that the line from 2 to 6 is at 2.2, 3.8 and 5.4: as many thousand arrivals, each
    # with a standard deviation of its square root. (Where the last request falls is chance.)
    times = schedule(start, 40_000, "ramp", "seed", end_rate_rps=end)

    counts, _ = np.histogram(times, bins=10, range=(0, 10_000))
    expected = [2200, 3800, 5400] if end > start else [5800, 4200, 2600]
    for found, wanted in zip(counts[[0, 4, 8]], expected, strict=True):
        assert found == pytest.approx(wanted, abs=4 * math.sqrt(wanted))
    # The expected count at 10,000 s is known to sqrt(40,000) = 200 requests: 100 s at the slower
    # end's 2 a second.
    assert times[-1] == pytest.approx(10_000, abs=4 * 100)


def test_a_ramp_is_poisson_once_its_rate_is_taken_out() -> None:
    # The integral of the rate 1 + t x 2 / T over T = 4000 / 2 s is t + t^2 / T: between
    # neighbours it grows by independent exponential steps of mean 1.
    times = np.array(schedule(1.0, 4000, "ramp", "seed", end_rate_rps=3.0))
    inside = times[times < 2000]

    steps = np.diff(inside + inside**2 / 2000)

    assert scipy_stats.kstest(steps, "expon").pvalue > 0.01


def test_a_ramp_between_equal_rates_is_poisson_of_that_rate() -> None:
    level = schedule(4.0, 200, "ramp", "seed", end_rate_rps=4.0)

    # The same draws, of mean 1, divided by the rate.
    assert level == pytest.approx(schedule(4.0, 200, "poisson", "seed"))


@pytest.mark.parametrize("arrivals", KINDS)
def test_no_request_has_no_schedule(arrivals: Arrivals) -> None:
    assert schedule(1.0, 0, arrivals, "", end_rate_rps=2.0) == []
