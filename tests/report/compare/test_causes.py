"""harness.report.compare: parts of a change sum to the whole, whatever the causes do together."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.compare.causes import parts

THREE = ("a", "b", "c")


def test_causes_that_multiply_share_what_they_do_together() -> None:
    price = {False: 2.0, True: 3.0}
    speed = {False: 5.0, True: 10.0}

    found = parts(("price", "speed"), lambda s: price["price" in s] * speed["speed" in s])

    # 10 -> 30. Price first adds 5, after speed 10; speed first adds 10, after price 15.
    assert found is not None
    assert [(p.cause, p.value, p.least, p.most) for p in found] == [
        ("price", 7.5, 5.0, 10.0),
        ("speed", 12.5, 10.0, 15.0),
    ]


def test_a_cause_that_does_nothing_gets_nothing() -> None:
    found = parts(THREE, lambda s: 1.0 + 4.0 * ("b" in s))

    assert found is not None
    assert [p.value for p in found] == pytest.approx([0.0, 4.0, 0.0])


def test_rounding_is_no_cause() -> None:
    found = parts(("a", "b"), lambda s: 10.0 * ("a" in s) + 25.0 + 1e-12 * ("b" in s))

    assert found is not None
    assert [(p.least, p.most) for p in found] == [(pytest.approx(10.0),) * 2, (0.0, 0.0)]


def test_there_are_no_parts_where_a_way_has_no_figure() -> None:
    assert parts(THREE, lambda s: None if s == {"a", "c"} else 1.0) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=8))
def test_parts_sum_to_the_whole_and_lie_between_their_orders(values: list[float]) -> None:
    def value(chosen: frozenset[str]) -> float:
        return values[sum(2**place for place, cause in enumerate(THREE) if cause in chosen)]

    found = parts(THREE, value)

    assert found is not None
    whole = value(frozenset(THREE)) - value(frozenset())
    assert math.isclose(sum(p.value for p in found), whole, rel_tol=1e-9, abs_tol=1e-6)
    assert all(p.least - 1e-6 <= p.value <= p.most + 1e-6 for p in found)
