"""harness.load.steady: windows by hand, and series with a known slope."""

from collections.abc import Sequence

import numpy as np
import pytest

from harness.config.workload import NaturalOutput
from harness.load import steady
from harness.load.plan import Plan, Prompt, Session
from harness.load.request import Request
from harness.load.steady import Span
from harness.stats import Values

SESSION = Session((Prompt(),), NaturalOutput(kind="natural", max_tokens=9))


def counting(n: int) -> Values:
    """0, 1, ... n - 1."""
    return np.array(range(n), dtype=float)


def request(
    sent: float,
    end: float,
    session: int = 0,
    turn: int = 0,
    due: float | None = None,
    error: str | None = None,
) -> Request:
    return Request(
        level="x",
        index=0,
        session=session,
        turn=turn,
        scheduled_s=sent if due is None else due,
        sent_s=sent,
        end_s=end,
        error_kind=error,
    )


def requests(*times: tuple[float, float]) -> list[Request]:
    """One session each, sent and ended at these times."""
    return [request(sent, end, session=number) for number, (sent, end) in enumerate(times)]


def closed(concurrency: int) -> Plan:
    return Plan("c", "closed", [SESSION], (), concurrency, None, None, None, None, 0.0)


def opened() -> Plan:
    return Plan("r", "open", [SESSION], (), None, 1.0, None, None, None, 0.0)


# --- the window ------------------------------------------------------------------------------


def test_a_closed_window_goes_from_the_send_that_fills_the_concurrency_to_the_last_send() -> None:
    # Three in flight from 20; what ends at 30, 40, 50 is replaced at once; the last send is at 50.
    sent = requests((0, 30), (10, 40), (20, 50), (30, 60), (40, 70), (50, 80))

    assert steady.window(closed(3), sent) == Span(20, 50)


def test_an_answer_during_the_ramp_delays_the_window() -> None:
    # The first ends at 5, before the third starts at 20; its stream's next request goes out at 6:
    # at 20 there are three in flight. Without the one at 6 there would be two, and three at 25.
    quick = requests((0, 5), (6, 30), (10, 40), (20, 50), (30, 60), (40, 70), (50, 80))
    slow = requests((0, 5), (25, 30), (10, 40), (20, 50), (30, 60), (40, 70), (50, 80))

    assert steady.window(closed(3), quick) == Span(20, 50)
    assert steady.window(closed(3), slow) == Span(25, 50)


def test_a_concurrency_never_reached_gives_the_window_of_the_most_that_was() -> None:
    sent = requests((0, 30), (10, 40), (30, 60), (40, 70))

    assert steady.window(closed(8), sent) == Span(10, 40)


def test_a_failed_request_takes_a_stream_like_any_other() -> None:
    sent = [*requests((0, 30), (10, 40)), request(30, 60, session=2, error="cut")]
    sent += [request(40, 70, session=3), request(60, 90, session=4)]

    assert steady.window(closed(2), sent) == Span(10, 60)


def test_sessions_of_several_turns_are_in_flight_while_they_think() -> None:
    # Two sessions from 5, each with a second turn after a pause; a third follows at 30.
    turns = [
        request(0, 10, session=0), request(20, 30, session=0, turn=1),
        request(5, 15, session=1), request(30, 40, session=1, turn=1),
        request(30, 45, session=2), request(50, 60, session=2, turn=1),
    ]  # fmt: skip

    assert steady.window(closed(2), turns) == Span(5, 30)


def test_one_stream_has_neither_ramp_nor_drain() -> None:
    assert steady.window(closed(1), requests((1, 3), (3, 5), (5, 9))) == Span(1, 9)


def test_an_open_window_goes_from_one_median_answer_after_the_first_send_to_the_last_due() -> None:
    # Answers take 2, 3, 2.5, 2, 4 s from when they were due, so the median is 2.5; the last was
    # due at 7 and sent at 8.
    sent = [
        request(1, 2, session=0, due=0),
        request(3, 5, session=1, due=2),
        request(4, 6.5, session=2),
        request(6, 8, session=3),
        request(8, 11, session=4, due=7),
    ]

    assert steady.window(opened(), sent) == Span(3.5, 7)


def test_later_turns_do_not_keep_an_open_window_open() -> None:
    sent = [*requests((0, 2), (3, 5), (4, 6), (6, 8)), request(30, 32, session=3, turn=1)]

    assert steady.window(opened(), sent) == Span(2, 6)


@pytest.mark.parametrize(
    ("plan", "sent"),
    [
        (closed(2), requests((0, 10), (0, 10))),
        (closed(2), [*requests((0, 10)), request(0, 9, 1, error="cut"), request(9, 20, 2)]),
        (closed(1), requests((0, 10))),
        (opened(), requests((0, 10), (1, 11), (2, 12))),
        (opened(), requests((0, 1), (5, 6))),
        (closed(2), []),
    ],
    ids=["ends as it starts", "one of it failed", "one answer", "too short", "one in it", "none"],
)
def test_a_level_with_too_little_between_ramp_and_drain_has_no_window(
    plan: Plan, sent: list[Request]
) -> None:
    assert steady.window(plan, sent) is None


def test_a_windows_requests_began_in_it_and_the_send_that_ends_it_is_not_of_it() -> None:
    sent = requests((0, 30), (10, 40), (30, 60), (40, 70))

    assert list(steady.measured(closed(2), sent, Span(10, 40))) == [False, True, True, False]


def test_an_open_loops_requests_begin_when_they_are_due() -> None:
    sent = [request(11, 12, due=9), request(21, 22, due=19), request(20, 22)]

    assert list(steady.measured(opened(), sent, Span(10, 20))) == [False, True, False]


def test_without_a_window_every_request_is_measured() -> None:
    assert steady.measured(opened(), requests((0, 1), (1, 2)), None).all()


def test_the_whole_goes_from_the_first_send_to_the_last_answer() -> None:
    assert steady.whole(requests((3, 9), (1, 4), (5, 7))) == Span(1, 9)


# --- in flight -------------------------------------------------------------------------------


def test_the_mean_in_flight_is_time_in_the_window_over_the_window() -> None:
    # In [10, 20]: all of it, its first 5 s, its last 2 s, nothing twice: 17 / 10.
    starts, ends = np.array([0.0, 8, 18, 0, 25]), np.array([30.0, 15, 40, 10, 30])

    assert steady.in_flight_mean(starts, ends, Span(10, 20)) == pytest.approx(1.7)


def test_a_session_lasts_from_its_first_send_to_its_last_answer() -> None:
    turns = [request(5, 6, session=7), request(9, 12, session=7, turn=1), request(1, 2, session=3)]

    starts, ends = steady.sessions(turns)

    assert (list(starts), list(ends)) == ([1.0, 5.0], [2.0, 12.0])


# --- drift -----------------------------------------------------------------------------------


def tokens_at(rates: Sequence[float], slice_s: float) -> tuple[list[float], list[float]]:
    """One event in the middle of each slice with all its tokens."""
    return (
        [(number + 0.5) * slice_s for number in range(len(rates))],
        [rate * slice_s for rate in rates],
    )


def test_a_rate_that_falls_evenly_has_that_slope() -> None:
    # From 119 to 100 tok/s in twenty slices: 1 less each, 19 over the 19 steps, median 109.5.
    times, tokens = tokens_at([119.0 - number for number in range(20)], 2.0)

    found = steady.rate_drift(np.array(times), np.array(tokens), Span(0, 40), 2.0)

    assert found is not None
    assert found.change_share == pytest.approx(-19 / 109.5)
    assert found.p_value < 1e-6


def test_waves_that_repeat_with_each_answer_are_no_drift() -> None:
    # Streams in step: 9 tokens in the first half of each answer of 2 s, one in the second.
    times = counting(60) + 0.5
    tokens = np.where(counting(60) % 2 == 0, 9.0, 1.0)

    found = steady.rate_drift(times, tokens, Span(0, 60), 2.0)

    assert found is not None
    assert found.p_value > 0.05


def test_slices_are_no_shorter_than_an_answer() -> None:
    # Answers of 10 s in steps of 5 s: 8 slices hold whole ones and are all equal; 16 would not be.
    times = counting(16) * 5.0 + 2.5
    tokens = np.where(counting(16) % 2 == 0, 9.0, 1.0)

    found = steady.rate_drift(times, tokens, Span(0, 80), 10.0)

    assert found is not None
    assert (found.p_value, found.change_share) == (1.0, 0.0)


def test_fewer_than_six_answers_one_after_another_tell_nothing_of_a_drift() -> None:
    times = counting(50) + 0.5

    assert steady.rate_drift(times, times, Span(0, 50), 8.4) is None
    assert steady.rate_drift(times, times, Span(0, 50), 8.3) is not None


def test_a_first_token_that_comes_later_and_later_has_that_slope() -> None:
    # 200 requests a second apart, TTFT 1 s + 1% of the time since the first: groups of ten have
    # medians at 4.5, 14.5, ... 194.5; the slope 0.01 over these 190 s is 1.9 s, the median TTFT
    # 1.995 s.
    due = counting(200)

    found = steady.ttft_drift(due, 1 + 0.01 * due)

    assert found is not None
    assert found.change_share == pytest.approx(1.9 / 1.995)
    assert found.p_value < 1e-6


def test_the_order_of_the_rows_does_not_matter() -> None:
    due = counting(100)
    ttft = 1 + np.sin(due)

    assert steady.ttft_drift(due, ttft) == steady.ttft_drift(due[::-1], ttft[::-1])


def test_requests_without_a_first_token_are_left_out_of_its_drift() -> None:
    ttft = np.array([1.0, np.nan, 2.0, 3.0, 4.0, 5.0, 6.0])

    assert steady.ttft_drift(counting(7), ttft) is not None
    assert steady.ttft_drift(counting(6), ttft[:6]) is None
