"""harness.effort: what fine-tuning took and brought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.effort import effort
from harness.stats import Estimate, proportion


def share(successes: int, n: int) -> Estimate:
    found = proportion(successes, n)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10, examples a, b, d, h.
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 29), (5, 56), -0.0381, 0.1926),
        ((0, 10), (10, 10), 0.6075, 1.0000),
    ],
)
def test_the_gains_interval_is_newcombes(
    before: tuple[int, int], after: tuple[int, int], low: float, high: float
) -> None:
    gain = effort(1.0, 0, None, share(*before), share(*after)).gain

    assert gain.value == pytest.approx(after[0] / after[1] - before[0] / before[1])
    assert gain.low == pytest.approx(low, abs=5e-5)
    assert gain.high == pytest.approx(high, abs=5e-5)


@given(n=st.integers(1, 300), m=st.integers(1, 300), data=st.data())
def test_a_gain_lies_in_its_interval_and_that_between_minus_and_plus_one(
    n: int, m: int, data: st.DataObject
) -> None:
    before = share(data.draw(st.integers(0, n)), n)
    after = share(data.draw(st.integers(0, m)), m)

    gain = effort(1.0, 1, None, before, after).gain

    assert gain.low is not None
    assert gain.high is not None
    assert -1 - 1e-9 <= gain.low <= gain.value + 1e-9
    assert gain.value - 1e-9 <= gain.high <= 1 + 1e-9


@given(n=st.integers(1, 300), data=st.data())
def test_before_and_after_swapped_turn_the_interval_around(n: int, data: st.DataObject) -> None:
    one, other = (share(data.draw(st.integers(0, n)), n) for _ in range(2))

    forth, back = effort(1, 0, None, one, other).gain, effort(1, 0, None, other, one).gain

    assert forth.low is not None
    assert forth.high is not None
    assert (back.value, back.low, back.high) == (
        pytest.approx(-forth.value),
        pytest.approx(-forth.high),
        pytest.approx(-forth.low),
    )


def test_without_intervals_a_gain_has_none() -> None:
    gain = effort(1.0, 0, None, Estimate(value=0.5, n=1), Estimate(value=0.7, n=1)).gain

    assert gain.value == pytest.approx(0.2)
    assert (gain.low, gain.high) == (None, None)


@pytest.mark.parametrize(("units", "hours"), [(0, 0.0), (1, 0.5), (8, 4.0)])
def test_gpu_hours_count_every_gpu_and_no_cpu(units: int, hours: float) -> None:
    assert effort(1800.0, units, 1.0, share(5, 10), share(6, 10)).gpu_hours == hours


def test_an_unknown_price_stays_unknown() -> None:
    assert effort(1800.0, 1, None, share(5, 10), share(6, 10)).usd is None
