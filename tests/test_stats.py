"""harness.stats: percentiles, means, shares, rates, trends, and how sure they are."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.stats import (
    Estimate,
    Trend,
    difference,
    drift,
    lag1,
    mean,
    percentile,
    percentile_bounded,
    proportion,
    rate_by_slices,
    slice_rates,
    smallest_sample,
)

VALUES = st.floats(-1e6, 1e6)
SAMPLES = st.lists(VALUES, min_size=1, max_size=60)
SHARES = st.floats(0.01, 0.99)
REPORTED = st.sampled_from([0.5, 0.9, 0.99])


@given(sample=SAMPLES, share=SHARES)
def test_a_percentile_is_numpys(sample: list[float], share: float) -> None:
    found = percentile(sample, share)

    assert found is not None
    assert found.n == len(sample)
    assert found.value == pytest.approx(np.quantile(sample, share))


@given(n=st.integers(1, 300), share=REPORTED)
@example(n=2, share=0.99)
def test_a_percentile_lies_inside_its_interval(n: int, share: float) -> None:
    found = percentile(range(n), share)

    assert found is not None
    assert found.low is None or found.low <= found.value + 1e-9
    assert found.high is None or found.high >= found.value - 1e-9


@given(sample=SAMPLES, share=SHARES, data=st.data())
def test_a_percentile_does_not_depend_on_the_order(
    sample: list[float], share: float, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(sample))

    assert percentile(shuffled, share) == percentile(sample, share)


@settings(max_examples=100)
@given(n=st.integers(1, 2000), share=SHARES)
def test_a_percentiles_interval_covers_it_with_95_percent_for_any_distribution(
    n: int, share: float
) -> None:
    # The sample 1..n makes the ends their own ranks: [rank low, rank high] covers the quantile
    # when low <= B < high, B ~ Binomial(n, share) being the number of observations below it.
    found = percentile(range(1, n + 1), share)

    assert found is not None
    low = 0 if found.low is None else found.low
    high = n + 1 if found.high is None else found.high
    covered = scipy_stats.binom.cdf(high - 1, n, share) - scipy_stats.binom.cdf(low - 1, n, share)
    assert covered >= 0.95


def test_the_median_of_a_hundred_has_the_ranks_of_the_tables() -> None:
    # Conover's table for n = 100, p = 0.5: ranks 40 and 61.
    assert percentile(range(1, 101), 0.5) == Estimate(value=50.5, n=100, low=40.0, high=61.0)


def test_the_p99_of_a_hundred_has_no_upper_bound() -> None:
    # 0.99^100 = 0.366: with more than 2.5% probability no observation lies above the p99.
    found = percentile(range(1, 101), 0.99)

    assert found is not None
    assert found.low == 97.0
    assert found.high is None


def test_the_p99_of_a_few_is_not_bounded_above_however_they_lie() -> None:
    found = percentile([1.0, 1.0, 1.0], 0.99)

    assert found is not None
    assert found.high is None


@pytest.mark.parametrize("find", [lambda s: percentile(s, 0.5), mean])
def test_no_observation_gives_no_figure(
    find: Callable[[list[float]], Estimate | None],
) -> None:
    assert find([]) is None


@given(sample=st.lists(VALUES, min_size=2, max_size=50))
def test_a_mean_has_students_interval(sample: list[float]) -> None:
    found = mean(sample)

    assert found is not None
    assert found.value == pytest.approx(np.mean(sample))
    error = scipy_stats.sem(sample)
    if error > 0:
        low, high = scipy_stats.t.interval(0.95, len(sample) - 1, np.mean(sample), error)
        assert found.low == pytest.approx(low)
        assert found.high == pytest.approx(high)


def test_a_mean_of_one_has_no_interval() -> None:
    assert mean([3.0]) == Estimate(value=3.0, n=1)


def test_a_mean_of_three_by_hand() -> None:
    # mean 2, standard deviation 1, t(0.975, 2) = 4.302653; 4.302653 / sqrt(3) = 2.484138.
    found = mean([1.0, 2.0, 3.0])

    assert found is not None
    assert found.low == pytest.approx(2 - 2.484138)
    assert found.high == pytest.approx(2 + 2.484138)


def test_a_share_has_wilsons_interval() -> None:
    # 8 of 10, z = 1.959964, z^2 = 3.841459: centre (0.8 + z^2/20) / (1 + z^2/10) = 0.716740,
    # half width z sqrt(0.16/10 + z^2/400) / (1 + z^2/10) = 0.226578.
    found = proportion(8, 10)

    assert found is not None
    assert found.value == 0.8
    assert found.low == pytest.approx(0.716740 - 0.226578, abs=1e-5)
    assert found.high == pytest.approx(0.716740 + 0.226578, abs=1e-5)


@given(n=st.integers(1, 500), data=st.data())
def test_a_shares_interval_holds_it_and_stays_between_0_and_1(n: int, data: st.DataObject) -> None:
    found = proportion(data.draw(st.integers(0, n)), n)

    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert -1e-12 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1 + 1e-12
    assert found.low < found.high  # also for none and for all


def test_a_share_of_nothing_is_no_figure() -> None:
    assert proportion(0, 0) is None


@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=60),
    data=st.data(),
    length=st.floats(0.1, 1e4),
)
def test_a_rate_is_all_events_over_the_window(
    counts: list[int], data: st.DataObject, length: float
) -> None:
    places = data.draw(st.lists(st.floats(0, 1), min_size=len(counts), max_size=len(counts)))

    found = rate_by_slices([5 + p * length for p in places], counts, 5.0, 5.0 + length)

    assert found is not None
    assert found.n == 10
    assert found.value == pytest.approx(sum(counts) / length, rel=1e-6)


def test_a_steady_rate_has_no_spread() -> None:
    found = rate_by_slices([0.5 + i for i in range(10)], [4] * 10, 0.0, 10.0)

    assert found == Estimate(value=4.0, n=10, low=4.0, high=4.0)


def test_a_rate_in_bursts_is_less_sure() -> None:
    # All 40 events in one of ten slices: slice rates are 40 and nine zeros, mean 4,
    # standard deviation 40/sqrt(10) = 12.649, half width t(0.975, 9) = 2.262157 times 4.
    found = rate_by_slices([0.5] * 10, [4] * 10, 0.0, 10.0)

    assert found is not None
    assert found.value == pytest.approx(4.0)
    assert found.high == pytest.approx(4 + 4 * 2.262157, rel=1e-5)


def test_events_outside_the_window_do_not_count() -> None:
    found = rate_by_slices([-1.0, 1.0, 11.0], [100, 10, 100], 0.0, 10.0)

    assert found is not None
    assert found.value == pytest.approx(1.0)


@pytest.mark.parametrize(("start", "end"), [(1.0, 1.0), (2.0, 1.0)])
def test_an_empty_window_has_no_rate(start: float, end: float) -> None:
    assert rate_by_slices([1.0], [1], start, end) is None


def test_no_event_has_no_rate() -> None:
    assert rate_by_slices([], [], 0.0, 1.0) is None


@pytest.mark.parametrize(("share", "n"), [(0.9, 64), (0.99, 662)])
def test_the_smallest_sample_of_a_percentile_is_mlperfs(share: float, n: int) -> None:
    # The two numbers that mlcommons/endpoints prints a p90 and a p99 from.
    assert smallest_sample(share) == n


def test_the_smallest_sample_of_a_median_by_hand() -> None:
    # P(at most 1 of n heads) = (n + 1) / 2^n: 12/2^11 = 0.0059, 11/2^10 = 0.0107.
    assert smallest_sample(0.5) == 11


@given(sample=SAMPLES, share=SHARES)
def test_a_percentile_of_exact_observations_needs_no_bounds(
    sample: list[float], share: float
) -> None:
    assert percentile_bounded(sample, sample, share) == percentile(sample, share)


def test_a_percentile_of_bounded_observations_by_hand() -> None:
    # 1..100, each known to lie between 0.2 less and 0.6 more: the midpoints are 0.2 more, so the
    # median is 50.5 + 0.2; ranks 40 and 61 (Conover) of the lows and of the highs.
    lows = [rank - 0.2 for rank in range(1, 101)]
    highs = [rank + 0.6 for rank in range(1, 101)]

    found = percentile_bounded(lows, highs, 0.5)

    assert found is not None
    assert found.n == 100
    assert found.value == pytest.approx(50.7)
    assert found.low == pytest.approx(39.8)
    assert found.high == pytest.approx(61.6)


def test_a_percentile_of_bounded_observations_takes_better_guesses_than_midpoints() -> None:
    found = percentile_bounded([0.0, 0.0, 0.0], [9.0, 9.0, 9.0], 0.5, [1.0, 3.0, 8.0])

    assert found is not None
    assert found.value == 3.0


@given(bounds=st.lists(st.tuples(VALUES, st.floats(0, 1e3)), min_size=1, max_size=60), share=SHARES)
def test_bounds_can_only_widen_an_interval(bounds: list[tuple[float, float]], share: float) -> None:
    lows = [middle - half for middle, half in bounds]
    highs = [middle + half for middle, half in bounds]
    exact = percentile([middle for middle, _ in bounds], share)

    found = percentile_bounded(lows, highs, share)

    assert exact is not None
    assert found is not None
    assert (found.low is None) == (exact.low is None)
    assert (found.high is None) == (exact.high is None)
    if found.low is not None and exact.low is not None:
        assert found.low <= exact.low + 1e-6
    if found.high is not None and exact.high is not None:
        assert found.high >= exact.high - 1e-6


def test_the_rates_of_slices_by_hand() -> None:
    # Slices of 2 s: 3 and 1 tokens in the first, none in the second, 6 in the third.
    found = slice_rates([0.5, 1.5, 5.0], [3, 1, 6], 0.0, 6.0, 3)

    assert found is not None
    assert list(found) == [2.0, 0.0, 3.0]


def test_the_autocorrelation_of_a_short_series_by_hand() -> None:
    # Off the mean of 2 by -1, 0, 1, 0: (0 + 0 + 0) / 2. By -1, -1, 1, 1: (1 - 1 + 1) / 4.
    assert lag1([1.0, 2.0, 3.0, 2.0]) == 0.0
    assert lag1([1.0, 1.0, 3.0, 3.0]) == 0.25


def test_a_series_that_alternates_has_a_negative_autocorrelation() -> None:
    # Four of +1 and -1 in turn: three products of -1 over four squares.
    assert lag1([1.0, -1.0, 1.0, -1.0]) == -0.75


@pytest.mark.parametrize("series", [[], [1.0], [1.0, 2.0], [3.0, 3.0, 3.0, 3.0]])
def test_a_series_too_short_or_without_change_has_no_autocorrelation(series: list[float]) -> None:
    assert lag1(series) is None


def test_a_steady_rise_is_a_trend_of_its_slope() -> None:
    # 10, 11, ... 20 over the times 0..10: slope 1, span 10, median 15. All 55 pairs are in order,
    # which 2 of 11! orders are as much: p = 2 / 39916800.
    found = drift(range(11), range(10, 21))

    assert found is not None
    assert found.change_share == pytest.approx(10 / 15)
    assert found.p_value == pytest.approx(2 / 39916800)


def test_a_fall_is_a_negative_trend() -> None:
    found = drift([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [20.0, 18.0, 16.0, 14.0, 12.0, 10.0])

    assert found is not None
    # Slope -1 over a span of 10, median 15; 2 of 6! = 720 orders are as ordered.
    assert found.p_value == pytest.approx(2 / 720)
    assert found.change_share == pytest.approx(-10 / 15)


def test_one_wild_value_makes_no_trend() -> None:
    found = drift(range(9), [5.0, 5.1, 4.9, 5.0, 5.1, 4.9, 5.0, 5.1, 1000.0])

    assert found is not None
    assert abs(found.change_share) < 0.05
    assert found.p_value > 0.05


def test_a_series_without_change_has_no_trend() -> None:
    assert drift(range(10), [4.0] * 10) == Trend(p_value=1.0, change_share=0.0)


@pytest.mark.parametrize(
    ("times", "values"),
    [
        (range(5), [1.0, 2.0, 3.0, 4.0, 5.0]),
        ([1.0] * 8, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
        (range(7), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0]),
    ],
    ids=["too few", "all at once", "relative to nothing"],
)
def test_a_trend_that_cannot_be_told_is_none(times: list[float], values: list[float]) -> None:
    assert drift(times, values) is None


def test_a_difference_adds_the_squares_of_what_each_leaves_open() -> None:
    before = Estimate(value=10.0, n=5, low=7.0, high=14.0)
    after = Estimate(value=20.0, n=9, low=17.0, high=21.0)

    found = difference(before, after)

    # Down: 3 below `after` and 4 above `before`; up: 1 above and 3 below.
    assert found.low == pytest.approx(10 - 5)
    assert found.high == pytest.approx(10 + np.sqrt(10))
    assert (found.value, found.n) == (10.0, 9)


def test_a_difference_with_an_open_end_has_no_interval() -> None:
    bare = Estimate(value=10.0, n=1)

    assert difference(bare, bare.model_copy(update={"low": 1.0, "high": 2.0})).low is None
