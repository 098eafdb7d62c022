"""harness.telemetry.series: growth and integral of what is read now and then."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.telemetry.series import NotMeasured, Reading, growth, integral, within

READINGS = [Reading(float(t), float(v)) for t, v in ((0, 0), (1, 10), (2, 40), (3, 50))]


def test_edges_on_readings_take_their_values() -> None:
    assert within(READINGS, 1.0, 3.0) == [(1.0, 10.0), (2.0, 40.0), (3.0, 50.0)]


def test_an_edge_between_two_readings_lies_on_the_line_between_them() -> None:
    readings = [Reading(float(t), float(t * t)) for t in range(21)]

    points = within(readings, 2.5, 17.5)

    # Halfway between 4 and 9, and between 289 and 324.
    assert (points[0], points[-1]) == ((2.5, 6.5), (17.5, 306.5))
    assert points[1:-1] == [(float(t), float(t * t)) for t in range(3, 18)]


def test_growth_is_last_minus_first_and_the_integral_a_sum_of_trapezoids() -> None:
    points = within([Reading(float(t), float(3 * t)) for t in range(21)], 0.0, 20.0)

    assert growth(points) == 60.0
    assert integral(points) == 600.0  # a triangle: 20 x 60 / 2


@pytest.mark.parametrize(
    ("start_s", "end_s", "reason"),
    [
        (2.0, 2.0, "the window is empty"),
        (3.0, 1.0, "the window is empty"),
        (-0.5, 2.0, "no reading before the window"),
        (1.0, 3.5, "no reading after the window"),
        (0.5, 2.5, "no reading for 1 s, this window allows 0.2 s"),
    ],
)
def test_a_window_that_the_readings_do_not_cover_is_refused(
    start_s: float, end_s: float, reason: str
) -> None:
    with pytest.raises(NotMeasured, match=reason):
        within(READINGS, start_s, end_s)


def test_a_reading_without_a_value_gives_its_reason_also_just_outside_an_edge() -> None:
    readings = [Reading(float(t), float(t)) for t in range(20)] + [Reading(20.0, None, "lost")]

    assert growth(within(readings, 0.0, 19.0)) == 19.0
    with pytest.raises(NotMeasured, match="lost"):
        within(readings, 0.0, 19.5)


def test_a_counter_that_falls_is_refused_even_when_it_ends_higher() -> None:
    readings = [Reading(float(t), float(v)) for t, v in ((0, 5), (1, 0), (2, 100))]

    with pytest.raises(NotMeasured, match="the counter went backwards"):
        growth(within(readings, 0.0, 2.0))


def test_a_counter_that_falls_between_the_edge_and_its_neighbour_is_refused() -> None:
    readings = [Reading(float(t), 100.0 if t == 0 else float(t)) for t in range(21)]

    with pytest.raises(NotMeasured, match="the counter went backwards"):
        growth(within(readings, 0.5, 20.0))


def test_a_long_silence_spoils_an_integral_but_not_a_growth() -> None:
    points = within([Reading(t, t) for t in (0.0, 1.0, 9.0, 10.0)], 0.0, 10.0)

    assert growth(points) == 10.0
    with pytest.raises(NotMeasured, match="no reading for 8 s, this window allows 1 s"):
        integral(points)


@settings(deadline=None)
@given(
    steps=st.lists(st.floats(0, 1000), min_size=40, max_size=60),
    a=st.floats(0, 9),
    b=st.floats(19, 22),
    c=st.floats(32, 39),
)
def test_the_growth_of_two_windows_is_that_of_both_together(
    steps: list[float], a: float, b: float, c: float
) -> None:
    total = 0.0
    readings = []
    for second, step in enumerate(steps):
        readings.append(Reading(float(second), total))
        total += step

    parts = growth(within(readings, a, b)) + growth(within(readings, b, c))

    assert parts == pytest.approx(growth(within(readings, a, c)), abs=1e-6)
