"""harness.load.metrics: definitions, each worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.run import ClosedLevel, FixedOutput, NaturalOutput, OpenLevel
from harness.load.client import Request
from harness.load.metrics import e2e_s, itl_s, summarise, tpot_s, ttft_s
from harness.stats import Estimate

CLOSED = ClosedLevel(kind="closed", concurrency=8, requests=2)
OPEN = OpenLevel(kind="open", rate_rps=2.5, arrivals="poisson", requests=2)
FIXED = FixedOutput(kind="fixed", tokens=3)
NATURAL = NaturalOutput(kind="natural", max_tokens=50)


def request(
    times: list[float],
    counts: list[int] | None = None,
    due: float = 10.0,
    sent: float | None = None,
    end: float | None = None,
    error: str | None = None,
    output_tokens: int | None = None,
) -> Request:
    given = counts if counts is not None else [1] * len(times)
    return Request(
        level="c8",
        index=0,
        scheduled_s=due,
        sent_s=due if sent is None else sent,
        end_s=end if end is not None else times[-1],
        token_times_s=times,
        token_counts=given,
        prompt_tokens=5,
        output_tokens=sum(given) if output_tokens is None else output_tokens,
        finish_reason="length",
        error_kind=error,
    )


def test_the_first_token_is_timed_from_when_the_request_was_due_not_from_when_it_was_sent() -> None:
    assert ttft_s(request([12.0, 13.0], due=10.0, sent=11.5)) == 2.0


def test_the_whole_answer_is_timed_from_the_same_start_to_its_end() -> None:
    assert e2e_s(request([12.0, 13.0], due=10.0, sent=11.5, end=13.5)) == 3.5


def test_time_per_output_token_leaves_out_the_first() -> None:
    # Tokens at 11, 12, 15: (15 - 11) / (3 - 1).
    assert tpot_s(request([11.0, 12.0, 15.0])) == 2.0


def test_time_per_output_token_counts_all_tokens_of_an_event() -> None:
    # Nine tokens in three events: (15 - 11) / (9 - 1).
    assert tpot_s(request([11.0, 12.0, 15.0], [1, 4, 4])) == 0.5


def test_time_per_output_token_uses_the_servers_count_where_events_tell_none() -> None:
    # Three events with text, nine tokens by the closing count: (15 - 11) / (9 - 1).
    assert tpot_s(request([11.0, 12.0, 15.0], output_tokens=9)) == 0.5


def test_throughput_counts_every_token_also_where_events_tell_none() -> None:
    # Three events with text, nine tokens by the closing count, in the ten seconds to 20.
    nine = request([11.0, 12.0, 15.0], output_tokens=9, end=20.0)

    level = summarise(CLOSED, NATURAL, [nine], None)

    assert level.output_tokens == 9
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value == pytest.approx(0.9)


def test_inter_token_latency_is_the_gap_between_events() -> None:
    assert itl_s(request([11.0, 12.0, 15.0], [1, 4, 4])) == [1.0, 3.0]


@pytest.mark.parametrize(("times", "counts"), [([], []), ([11.0], [1]), ([11.0], [5])])
def test_an_answer_in_one_event_or_none_has_no_time_per_token(
    times: list[float], counts: list[int]
) -> None:
    assert tpot_s(request(times, counts, end=12.0)) is None
    assert itl_s(request(times, counts, end=12.0)) == []


def test_an_answer_without_tokens_has_no_first_one() -> None:
    assert ttft_s(request([], end=12.0)) is None


@given(
    gaps=st.lists(st.floats(0.001, 10), min_size=1, max_size=30),
    wait=st.floats(0.001, 10),
)
def test_one_token_per_event_makes_end_to_end_the_sum_of_its_parts(
    gaps: list[float], wait: float
) -> None:
    times = [10.0 + wait]
    for gap in gaps:
        times.append(times[-1] + gap)
    made = request(times)
    first, each = ttft_s(made), tpot_s(made)

    assert first is not None
    assert each is not None
    assert first + sum(itl_s(made)) == pytest.approx(e2e_s(made))
    assert each == pytest.approx(sum(gaps) / len(gaps))


def test_a_level_is_summed_from_its_requests() -> None:
    # First send 10, last end 20; 5 + 5 tokens in, 3 + 3 out.
    two = [request([11.0, 12.0, 14.0]), request([12.0, 16.0, 20.0])]

    level = summarise(CLOSED, FIXED, two, 6)

    assert (level.name, level.kind, level.concurrency, level.rate_rps) == ("c8", "closed", 8, None)
    assert (level.requests, level.failed, level.errors) == (2, 0, {})
    assert level.duration_s == 10.0
    assert (level.input_tokens, level.output_tokens, level.server_output_tokens) == (10, 6, 6)
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value == pytest.approx(0.6)
    assert level.total_tok_per_s == pytest.approx(1.6)
    assert level.requests_per_s == pytest.approx(0.2)
    assert level.length_missed == 0
    # TTFT 1 and 2, TPOT 1.5 and 4, E2E 4 and 10, gaps 1, 2, 4, 4: medians by hand.
    medians = [m.p50 and m.p50.value for m in (level.ttft_s, level.tpot_s, level.e2e_s)]
    assert medians == [1.5, 2.75, 7.0]
    assert level.itl_s.p50 == Estimate(value=3.0, n=4)


def test_a_failed_request_counts_as_a_failure_and_nowhere_else() -> None:
    good = request([11.0, 12.0, 13.0])
    bad = [
        request([11.0], end=12.0, error="cut", output_tokens=1),
        request([], end=12.0, error="http_429", output_tokens=0),
        request([], end=12.0, error="http_429", output_tokens=0),
    ]

    level, clean = summarise(CLOSED, FIXED, [good, *bad], 3), summarise(CLOSED, FIXED, [good], 3)

    assert (level.requests, level.failed) == (4, 3)
    assert level.errors == {"cut": 1, "http_429": 2}
    without = {"requests", "failed", "errors"}
    assert level.model_dump(exclude=without) == clean.model_dump(exclude=without)


def test_waiting_for_a_request_that_fails_late_takes_time_from_the_rate() -> None:
    good, late = request([11.0, 12.0, 13.0]), request([], end=40.0, error="timeout")

    level = summarise(CLOSED, FIXED, [good, late], None)

    # 3 tokens between the first send at 10 and the last end at 40.
    assert level.duration_s == 30.0
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value == pytest.approx(0.1)


def test_an_answer_of_another_length_than_asked_for_is_counted() -> None:
    mixed = [request([11.0, 12.0, 13.0]), request([11.0, 12.0])]

    assert summarise(CLOSED, FIXED, mixed, None).length_missed == 1
    assert summarise(CLOSED, NATURAL, mixed, None).length_missed == 0


def test_an_open_level_tells_how_late_the_client_sent() -> None:
    late = [request([12.0, 13.0, 14.0], due=10.0, sent=10.25), request([12.0, 13.0, 14.0])]

    level = summarise(OPEN, FIXED, late, None)

    assert (level.kind, level.concurrency, level.rate_rps) == ("open", None, 2.5)
    # p99 of {0, 0.25} by linear interpolation.
    assert level.schedule_lag_p99_s == pytest.approx(0.2475)


def test_a_closed_level_has_no_schedule_to_be_late_on() -> None:
    level = summarise(CLOSED, FIXED, [request([11.0, 12.0, 13.0])], None)

    assert level.schedule_lag_p99_s is None


def test_a_level_where_all_failed_has_no_figures_instead_of_zeros() -> None:
    level = summarise(CLOSED, FIXED, [request([], end=12.0, error="timeout")], None)

    assert level.failed == 1
    assert level.output_tok_per_s is None
    assert level.total_tok_per_s is None
    assert level.requests_per_s is None
    assert level.ttft_s.p50 is None
    assert level.e2e_s.p99 is None


def test_energy_is_not_measured_here_and_says_so() -> None:
    level = summarise(CLOSED, FIXED, [request([11.0, 12.0, 13.0])], None)

    assert level.energy_j is None
    assert level.energy_source.startswith("not measured: ")
