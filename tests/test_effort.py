"""harness.effort: what fine-tuning brought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.effort import gain
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
    found = gain(share(*before), share(*after))

    assert found.value == pytest.approx(after[0] / after[1] - before[0] / before[1])
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@given(n=st.integers(1, 300), m=st.integers(1, 300), data=st.data())
def test_a_gain_lies_in_its_interval_and_that_between_minus_and_plus_one(
    n: int, m: int, data: st.DataObject
) -> None:
    before = share(data.draw(st.integers(0, n)), n)
    after = share(data.draw(st.integers(0, m)), m)

    found = gain(before, after)

    assert found.low is not None
    assert found.high is not None
    assert -1 - 1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1 + 1e-9


@given(n=st.integers(1, 300), data=st.data())
def test_before_and_after_swapped_turn_the_interval_around(n: int, data: st.DataObject) -> None:
    one, other = (share(data.draw(st.integers(0, n)), n) for _ in range(2))

    forth, back = gain(one, other), gain(other, one)

    assert forth.low is not None
    assert forth.high is not None
    assert (back.value, back.low, back.high) == (
        pytest.approx(-forth.value),
        pytest.approx(-forth.high),
        pytest.approx(-forth.low),
    )


def test_without_intervals_a_gain_has_none() -> None:
    found = gain(Estimate(value=0.5, n=1), Estimate(value=0.7, n=1))

    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (None, None)
