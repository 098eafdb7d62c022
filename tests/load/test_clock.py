"""harness.load.clock: the narrowest reading counts, and a step of the wall clock shows."""

import time

import pytest

from harness.load.clock import WallClock


def test_the_difference_of_the_clocks_is_that_of_the_narrowest_reading() -> None:
    clock = WallClock([(900, 5_000), (100, 4_970), (400, 5_020)])

    assert clock.offset_ns() == 4_970


def test_noise_within_the_width_of_the_readings_is_no_step() -> None:
    # 40 us apart: less than the two widths and 50 us.
    assert WallClock([(100, 0), (100, 40_000), (300, -30_000)]).step_s() is None


def test_a_wall_clock_that_is_set_back_shows_with_its_size_and_sign() -> None:
    clock = WallClock([(100, 0), (100, 3_000_000), (100, -20_000_000)])

    assert clock.step_s() == pytest.approx(-0.02)


def test_real_readings_map_the_wall_clock_to_the_monotonic_one() -> None:
    clock = WallClock()
    for _ in range(20):
        clock.read()

    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()

    width = min(clock.readings)[0]
    assert before - width <= wall - clock.offset_ns() <= after + width
    assert clock.step_s() is None
