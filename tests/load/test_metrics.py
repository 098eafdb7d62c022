"""harness.load.metrics: definitions and a level's figures, each worked out by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.workload import FixedOutput, Limits, NaturalOutput, Objectives
from harness.load.metrics import (
    Bounded,
    Events,
    e2e_s,
    itl_s,
    latency,
    meets,
    received,
    summarise,
    tpot_s,
    ttfa_s,
    ttft_s,
)
from harness.load.plan import ClientRun, Plan, Prompt, Session
from harness.load.request import Request
from harness.records.schema import Level
from harness.stats import Estimate
from tests import builders

FIXED = FixedOutput(kind="fixed", tokens=2)
NATURAL = NaturalOutput(kind="natural", max_tokens=50)
CLIENT = ClientRun(
    processes=1, cpu_share=0.1, cpu_us_per_event=9.0, late_connections=0,
    clock_step_s=None, stopped_early=None,
)  # fmt: skip
OBJECTIVES = Objectives(kind="latency", name="o", ttft_s=1.0, tpot_s=1.0, e2e_s=4.0)


def request(highs: list[float], due: float = 10.0, **changes: Any) -> Request:
    """An answer with a token at each time, due and sent at 10, over with its last token."""
    given: dict[str, Any] = {
        "level": "c1",
        "index": 0,
        "session": 0,
        "turn": 0,
        "scheduled_s": due,
        "sent_s": due,
        "end_s": highs[-1] if highs else due + 1,
        "token_low_s": highs,
        "token_high_s": highs,
        "token_counts": [1] * len(highs),
        "answer_from": 0 if highs else None,
        "prompt_tokens": 5,
        "finish_reason": "length",
        "read_lag_s": [0.001],
    }
    given |= changes
    given.setdefault("output_tokens", sum(given["token_counts"]))
    return Request(**given)


def merged(low: float, high: float, events: int, **changes: Any) -> Request:
    """A first token at `low`, then a read at `high` that brought several events at once."""
    inside = events - 1
    return request(
        [low] + [high] * events, token_low_s=[low] + [low] * inside + [high],
        merged=inside, **changes,
    )  # fmt: skip


def plan(requests: Sequence[Request], output: Any = FIXED, **changes: Any) -> Plan:
    sessions = [Session((Prompt(),), output)] * (max(r.session for r in requests) + 1)
    given: dict[str, Any] = {
        "name": "c1",
        "kind": "closed",
        "sessions": sessions,
        "warmup": (),
        "concurrency": 1,
        "rate_rps": None,
        "ramp_s": None,
        "input_tokens": 5,
        "output_tokens": output.tokens if isinstance(output, FixedOutput) else None,
        "declared_cache_share": 0.0,
    }
    return Plan(**given | changes)


def level_of(
    requests: Sequence[Request],
    *,
    objectives: Objectives | None = None,
    client: ClientRun = CLIENT,
    server_output: int | None = None,
    **changes: Any,
) -> Level:
    return summarise(
        plan(requests, **changes),
        requests,
        client,
        builders.server_figures(output_tokens=server_output, prompt_tokens=None),
        builders.energy(),
        Limits(),
        objectives,
    )


def two_streams() -> list[Request]:
    """Sent at 0, 1, 2, 3 by two streams; each gives a token after 0.5 s and 1.5 s, ends after 2."""
    return [
        request([t + 0.5, t + 1.5], float(t), index=t, session=t, end_s=t + 2.0) for t in range(4)
    ]


def ones(observed: Bounded) -> tuple[float, float, float]:
    assert len(observed.point) == 1
    return float(observed.low[0]), float(observed.point[0]), float(observed.high[0])


def ttft_of(one: Request) -> tuple[float, float, float]:
    return ones(ttft_s(Events([one]), np.array([one.scheduled_s])))


def ttfa_of(one: Request) -> tuple[float, float, float]:
    return ones(ttfa_s(Events([one]), [one], np.array([one.scheduled_s])))


def tpot_of(one: Request) -> tuple[float, float, float]:
    return ones(tpot_s(Events([one]), [one]))


def itl_of(*several: Request) -> Bounded:
    return itl_s(Events(several), np.ones(len(several), dtype=bool))


# --- definitions -----------------------------------------------------------------------------


def test_the_first_token_is_timed_from_when_the_request_was_due_and_from_when_it_was_sent() -> None:
    late = request([12.0, 13.0], due=10.0, sent_s=11.5)

    level = level_of([late, late])

    assert level.ttft_s.p50 is not None
    assert level.ttft_from_send_s.p50 is not None
    assert (level.ttft_s.p50.value, level.ttft_from_send_s.p50.value) == (2.0, 0.5)


def test_a_first_token_that_came_with_the_next_lies_between_two_reads() -> None:
    # Read together with the second at 12.0, nothing since 11.0.
    both = request([12.0, 12.0], token_low_s=[11.0, 12.0])

    assert ttft_of(both) == (1.0, 1.5, 2.0)


def test_the_first_answer_token_is_the_first_that_is_not_reasoning() -> None:
    thinking = request([11.0, 12.0, 15.0, 16.0], answer_from=2)

    assert ttft_of(thinking)[1] == 1.0
    assert ttfa_of(thinking)[1] == 5.0


def test_without_reasoning_the_first_answer_token_is_the_first_token() -> None:
    plain = request([11.0, 12.0])

    assert ttfa_of(plain) == ttft_of(plain)


def test_an_answer_that_is_all_reasoning_has_no_first_answer_token() -> None:
    thinking = request([11.0, 12.0], answer_from=None)

    assert np.isnan(ttfa_of(thinking)[1])
    assert level_of([thinking, thinking]).ttfa_s.p50 is None


def test_an_answer_without_tokens_has_no_first_one() -> None:
    assert np.isnan(ttft_of(request([]))[1])


def test_inter_token_latency_is_the_gap_between_events_of_one_request() -> None:
    gaps = itl_of(request([11.0, 12.0, 15.0], token_counts=[1, 4, 4]), request([21.0, 23.0]))

    assert list(gaps.point) == [1.0, 3.0, 2.0]
    assert list(gaps.low) == list(gaps.high) == [1.0, 3.0, 2.0]


def test_the_gaps_inside_one_read_are_bounded_by_it_and_taken_as_equal() -> None:
    # Three events between the reads at 11.0 and 11.9: the last is known to have come at 11.9, the
    # other two lie anywhere between, so each of the three gaps is between 0 and 0.9.
    gaps = itl_of(merged(11.0, 11.9, 3))

    assert list(gaps.point) == pytest.approx([0.3, 0.3, 0.3])
    assert list(gaps.low) == [0.0, 0.0, 0.0]
    assert list(gaps.high) == pytest.approx([0.9, 0.9, 0.9])


def test_the_gap_between_two_merged_reads_is_bounded_by_both() -> None:
    # One event in [11, 12] and one in [14, 15], each read together with what has no tokens.
    gaps = itl_of(request([12.0, 15.0], token_low_s=[11.0, 14.0]))

    assert ones(gaps) == (2.0, 3.0, 4.0)


def test_only_the_requests_asked_for_give_gaps() -> None:
    events = Events([request([11.0, 12.0]), request([11.0, 14.0]), request([11.0, 18.0])])

    assert list(itl_s(events, np.array([True, False, True])).point) == [1.0, 7.0]


def test_time_per_output_token_leaves_out_the_first() -> None:
    # Tokens at 11, 12, 15: (15 - 11) / (3 - 1).
    assert tpot_of(request([11.0, 12.0, 15.0])) == (2.0, 2.0, 2.0)


def test_time_per_output_token_counts_all_tokens_of_an_event() -> None:
    # Nine tokens in three events: (15 - 11) / (9 - 1).
    assert tpot_of(request([11.0, 12.0, 15.0], token_counts=[1, 4, 4]))[1] == 0.5


def test_time_per_output_token_uses_the_servers_count_where_events_tell_none() -> None:
    # Three events with text, nine tokens by the closing count: (15 - 11) / (9 - 1).
    assert tpot_of(request([11.0, 12.0, 15.0], output_tokens=9))[1] == 0.5


def test_time_per_output_token_is_bounded_like_its_ends() -> None:
    # First in [11, 13], last at 15, three tokens: between (15 - 13) / 2 and (15 - 11) / 2.
    assert tpot_of(request([13.0, 14.0, 15.0], token_low_s=[11.0, 14.0, 15.0])) == (1.0, 1.5, 2.0)


@pytest.mark.parametrize(("times", "counts"), [([], []), ([11.0], [1]), ([11.0], [5])])
def test_an_answer_in_one_event_or_none_has_no_time_per_token(
    times: list[float], counts: list[int]
) -> None:
    one = request(times, token_counts=counts)

    assert np.isnan(tpot_of(one)[1])
    assert len(itl_of(one).point) == 0
    assert level_of([one, one]).tpot_s.p50 is None


def test_the_whole_answer_is_timed_from_both_starts_to_its_end() -> None:
    late = request([12.0, 13.0], due=10.0, sent_s=11.5, end_s=13.5)

    assert ones(e2e_s([late], np.array([10.0]))) == (3.5, 3.5, 3.5)
    level = level_of([late, late])
    assert level.e2e_s.p50 is not None
    assert level.e2e_from_send_s.p50 is not None
    assert (level.e2e_s.p50.value, level.e2e_from_send_s.p50.value) == (3.5, 2.0)


@given(
    reads=st.lists(st.tuples(st.floats(0.001, 10), st.integers(1, 5)), min_size=1, max_size=20),
    wait=st.floats(0.001, 10),
)
def test_time_to_first_token_and_all_gaps_add_up_to_the_last_token(
    reads: list[tuple[float, int]], wait: float
) -> None:
    lows, highs = [10.0 + wait], [10.0 + wait]
    for gap, events in reads:
        last, read = highs[-1], highs[-1] + gap
        lows += [last] * (events - 1) + [read]
        highs += [read] * events
    made = request(highs, token_low_s=lows)
    gaps = itl_of(made)

    assert ttft_of(made)[1] + gaps.point.sum() == pytest.approx(highs[-1] - 10.0)
    assert (gaps.low <= gaps.point + 1e-9).all()
    assert (gaps.point <= gaps.high + 1e-9).all()


def test_what_came_of_a_cut_answer_is_counted_by_its_events_where_the_server_told_nothing() -> None:
    cut = request([11.0, 12.0], token_counts=[1, 3], output_tokens=None, error_kind="cut")

    assert received(cut) == 4
    assert received(request([11.0], output_tokens=7)) == 7


# --- percentiles -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "has_p90", "has_p99"),
    [
        (1, False, False),
        (63, False, False),
        (64, True, False),
        (661, True, False),
        (662, True, True),
    ],
)
def test_p90_and_p99_need_samples_that_can_show_them(n: int, has_p90: bool, has_p99: bool) -> None:
    values = np.arange(n, dtype=float)

    found = latency(Bounded(values, values, values))

    assert found.p50 is not None
    assert (found.p90 is not None, found.p99 is not None) == (has_p90, has_p99)


def test_what_was_not_observed_is_no_part_of_a_percentile() -> None:
    values = np.array([1.0, np.nan, 3.0])

    found = latency(Bounded(values, values, values))

    assert found.p50 == Estimate(value=2.0, n=2)


def test_an_interval_covers_what_reads_leave_open() -> None:
    # 100 first tokens, each between 1 and 3 s after the request was due.
    loose = [
        request([13.0, 13.0], token_low_s=[11.0, 13.0], index=i, session=i) for i in range(100)
    ]

    found = level_of(loose).ttft_s.p50

    assert found == Estimate(value=2.0, n=100, low=1.0, high=3.0)


# --- objectives ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "met"),
    [
        (request([11.0, 12.0], end_s=12.0), True),
        (request([11.1, 12.0], end_s=12.0), False),
        (request([11.0, 12.1], end_s=12.1), False),
        (request([11.0, 12.0], end_s=14.1), False),
        (request([11.0], end_s=12.0), True),
        (request([11.1], end_s=12.0), False),
        (request([], end_s=12.0), False),
    ],
    ids=["all", "ttft", "tpot", "e2e", "one token", "one late token", "no token"],
)
def test_a_request_meets_the_objectives_when_it_is_within_each_that_applies(
    answer: Request, met: bool
) -> None:
    # At most 1 s to the first token, 1 s per token after it, 4 s in all.
    events, due = Events([answer]), np.array([answer.scheduled_s])

    found = meets(OBJECTIVES, ttft_s(events, due), tpot_s(events, [answer]), e2e_s([answer], due))

    assert list(found) == [met]


def test_a_failed_request_has_missed_the_objectives() -> None:
    # Four begin in the window [0, 8] at concurrency 1; one fails, one is late: 2 of 4 meet them.
    four = [
        request([0.5, 1.0], 0.0, end_s=2.0),
        request([2.5, 3.0], 2.0, end_s=4.0),
        request([5.5, 6.0], 4.0, end_s=6.0),
        request([6.5], 6.0, end_s=8.0, error_kind="cut"),
    ]

    level = level_of(four, objectives=OBJECTIVES)

    assert level.slo_met is not None
    assert (level.slo_met.value, level.slo_met.n) == (0.5, 4)
    # Wilson for 2 of 4: centre 0.5, half width z sqrt(1/16 + z^2/64) / (1 + z^2/4), z = 1.959964.
    assert level.slo_met.low == pytest.approx(0.150036, abs=1e-5)
    assert level.goodput_rps == pytest.approx(2 / 8)


def test_without_objectives_there_is_no_goodput() -> None:
    level = level_of(two_streams(), concurrency=2)

    assert level.slo_met is None
    assert level.goodput_rps is None


# --- a level ---------------------------------------------------------------------------------


def test_a_levels_rates_are_of_its_window() -> None:
    # Two are in flight from 1, the last is sent at 3. In these two seconds come the tokens at 1.5
    # and 2.5 of two streams each; the first tokens of those sent at 1 and 2 (5 prompt tokens
    # each); and the ends at 2 and 3.
    level = level_of(two_streams(), concurrency=2, name="c2", objectives=OBJECTIVES)

    assert level.window is not None
    assert (level.window.start_s, level.window.end_s) == (1.0, 3.0)
    assert (level.window.input_tokens, level.window.output_tokens) == (10, 4)
    assert level.window.concurrency_mean == 2.0
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value == pytest.approx(2.0)
    assert level.total_tok_per_s == pytest.approx(7.0)
    assert level.requests_per_s == pytest.approx(1.0)
    assert level.goodput_rps == pytest.approx(1.0)


def test_a_levels_latencies_are_of_requests_that_began_in_its_window() -> None:
    # Of those sent at 0, 1, 2, 3 the window [1, 3) has two.
    level = level_of(two_streams(), concurrency=2)

    assert level.window is not None
    assert level.window.requests == 2
    assert level.ttft_s.p50 == Estimate(value=0.5, n=2)
    assert level.itl_s.p50 == Estimate(value=1.0, n=2)
    assert level.tpot_s.p50 == Estimate(value=1.0, n=2)
    assert level.e2e_s.p50 == Estimate(value=2.0, n=2)


def test_a_level_tells_what_was_asked_for_and_all_that_came() -> None:
    level = level_of(
        two_streams(), concurrency=2, name="c2", declared_cache_share=0.25, server_output=8
    )

    assert (level.name, level.kind, level.concurrency, level.rate_rps) == ("c2", "closed", 2, None)
    assert (level.input_tokens_asked, level.output_tokens_asked) == (5, 2)
    assert (level.requests, level.failed, level.errors) == (4, 0, {})
    assert level.duration_s == 5.0
    assert (level.input_tokens, level.output_tokens, level.length_missed) == (20, 8, 0)
    assert level.counted_by_tokenizer == 0
    assert level.declared_cache_share == 0.25
    assert level.server.output_tokens == 8
    assert level.energy == builders.energy()
    assert level.void == ()


def test_an_open_levels_window_is_of_the_requests_that_were_due_in_it() -> None:
    # Due at 0, 1, ... 5, each answered after 2 s: the window is [0 + 2, 5], its requests those due
    # at 2, 3 and 4. The one due at 2 was sent 0.25 s late.
    six = [
        request(
            [t + 0.5, t + 1.5], float(t), session=t, end_s=t + 2.0,
            sent_s=t + 0.25 * (t == 2),
        )
        for t in range(6)
    ]  # fmt: skip

    level = level_of(six, kind="open", concurrency=None, rate_rps=1.0, name="r1")

    assert level.window is not None
    assert (level.window.start_s, level.window.end_s, level.window.requests) == (2.0, 5.0, 3)
    assert (level.kind, level.rate_rps, level.concurrency) == ("open", 1.0, None)
    assert level.ttft_s.p50 == Estimate(value=0.5, n=3)
    # p99 of one 0.25 and five 0 by linear interpolation: 0.25 x (0.99 x 5 - 4).
    assert level.client.schedule_lag_p99_s == pytest.approx(0.2375)


def test_a_level_without_a_steady_part_is_summed_as_a_whole_and_void() -> None:
    # All four are sent at once: the moment that reaches four in flight is the last send.
    four = [request([1.0, 2.0], 0.0, index=i, session=i, end_s=4.0) for i in range(4)]

    level = level_of(four, concurrency=4)

    assert level.window is None
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value == pytest.approx(8 / 4)
    assert level.total_tok_per_s == pytest.approx((20 + 8) / 4)
    assert level.requests_per_s == pytest.approx(1.0)
    assert level.ttft_s.p50 == Estimate(value=1.0, n=4)
    assert [reason.partition(":")[0] for reason in level.void] == ["no steady window"]


def test_throughput_counts_every_token_also_where_events_tell_none() -> None:
    # Three events with text, nine tokens by the closing count, in ten seconds; twice in a row.
    nine = [request([t + 1, t + 2, t + 5], t, output_tokens=9, end_s=t + 10) for t in (0.0, 10.0)]

    level = level_of(nine, output=NATURAL)

    assert level.output_tokens == 18
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value == pytest.approx(0.9)


def test_a_failed_request_counts_as_a_failure_and_nowhere_else() -> None:
    good = [request([t + 1, t + 2], t, end_s=t + 3) for t in (0.0, 3.0)]
    bad = [
        request([1.0], 1.0, end_s=2.0, error_kind="cut"),
        request([], 2.0, end_s=2.5, error_kind="http_429", prompt_tokens=None),
        request([], 2.5, end_s=3.0, error_kind="http_429", prompt_tokens=None),
    ]

    level, clean = level_of([*good, *bad]), level_of(good)

    assert (level.requests, level.failed) == (5, 3)
    assert level.errors == {"cut": 1, "http_429": 2}
    same = {
        "duration_s", "input_tokens", "output_tokens", "length_missed", "ttft_s", "itl_s",
        "tpot_s", "e2e_s", "ttfa_s", "output_tok_per_s", "total_tok_per_s", "requests_per_s",
    }  # fmt: skip
    assert level.model_dump(include=same) == clean.model_dump(include=same)


def test_waiting_for_a_request_that_fails_late_takes_time_from_the_rate() -> None:
    good = [request([t + 1, t + 2], t, end_s=t + 3) for t in (0.0, 3.0)]
    late = request([], 6.0, end_s=40.0, error_kind="timeout")

    level = level_of([*good, late])

    # 4 tokens between the first send at 0 and the last end at 40.
    assert level.duration_s == 40.0
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value == pytest.approx(0.1)


def test_a_level_where_all_failed_has_no_figures_instead_of_zeros() -> None:
    failed = request([], end_s=12.0, error_kind="timeout", prompt_tokens=None)

    level = level_of([failed, failed], objectives=OBJECTIVES)

    assert (level.failed, level.errors) == (2, {"timeout": 2})
    assert level.window is None
    assert level.output_tok_per_s is None
    assert level.total_tok_per_s is None
    assert level.requests_per_s is None
    assert level.goodput_rps is None
    assert level.ttft_s.p50 is None
    assert level.e2e_s.p50 is None
    assert level.client.merged_share is None
    assert level.slo_met is not None
    assert level.slo_met.value == 0.0


def test_an_answer_of_another_length_than_its_session_asked_for_is_counted() -> None:
    # Sessions of a trace ask for lengths of their own: 2 and 3; both answers have 2.
    two = [request([11.0, 12.0], session=0), request([11.0, 12.0], session=1)]
    sessions = [
        Session((Prompt(),), FIXED),
        Session((Prompt(),), FixedOutput(kind="fixed", tokens=3)),
    ]

    assert level_of(two, sessions=sessions).length_missed == 1
    assert level_of(two, output=NATURAL).length_missed == 0


def test_answers_that_the_tokenizer_counted_are_marked() -> None:
    two = [request([11.0, 12.0], counted_by="tokenizer"), request([13.0, 14.0])]

    assert level_of(two).counted_by_tokenizer == 1


@pytest.mark.parametrize(("told", "sum_"), [([3, 4], 7), ([3, None], None), ([None, None], None)])
def test_cached_prompt_tokens_are_summed_where_the_server_tells_all(
    told: list[int | None], sum_: int | None
) -> None:
    two = [
        request([t + 1, t + 2], t, cached_tokens=cached)
        for t, cached in zip((0.0, 2.0), told, strict=True)
    ]

    level = level_of(two)

    assert level.window is not None
    assert level.window.cached_input_tokens == sum_


# --- the client ------------------------------------------------------------------------------


def test_the_clients_own_figures_are_over_all_requests() -> None:
    # Read lags 1, 2, 3 ms; 1 of 2 + 2 events was read with a later one.
    two = [
        request([11.0, 12.0], read_lag_s=[0.001, 0.002], merged=1),
        request([13.0, 14.0], read_lag_s=[0.003], error_kind="cut"),
    ]

    client = level_of(two).client

    assert client.read_lag_p50_s == pytest.approx(0.002)
    assert client.read_lag_p99_s == pytest.approx(0.00298)
    assert client.merged_share == 0.25
    assert (client.cpu_share, client.cpu_us_per_event) == (0.1, 9.0)


def test_a_closed_level_has_no_schedule_to_be_late_on() -> None:
    assert level_of([request([11.0, 12.0], sent_s=10.5)]).client.schedule_lag_p99_s is None


def test_later_turns_of_a_session_are_due_when_they_are_sent() -> None:
    # The first turn was sent 1 s late; the 99 others cannot be late.
    turns = [request([12.0, 13.0], sent_s=11.0)]
    turns += [request([12.0, 13.0], turn=turn) for turn in range(1, 100)]

    level = level_of(turns, kind="open", concurrency=None, rate_rps=1.0)

    assert level.client.schedule_lag_p99_s == 1.0


@pytest.mark.parametrize(
    ("kinds", "stamps"),
    [(["kernel", "kernel"], "kernel"), (["user", "user"], "user"), (["kernel", "user"], "mixed")],
)
def test_a_level_tells_who_took_its_times(kinds: list[str], stamps: str) -> None:
    assert level_of([request([11.0, 12.0], stamps=kind) for kind in kinds]).client.stamps == stamps


def test_a_refused_request_took_no_time_stamps() -> None:
    two = [request([11.0, 12.0]), request([], stamps="user", error_kind="http_429")]

    assert level_of(two).client.stamps == "kernel"


# --- void ------------------------------------------------------------------------------------


def test_tokens_of_failed_requests_are_in_the_comparison_with_the_servers_count() -> None:
    # 2 + 2 of whole answers and 2 of a cut one; the server counted 6.
    three = [request([t + 1, t + 2], t, end_s=t + 2) for t in (0.0, 2.0)]
    three.append(request([5.0, 6.0], 4.0, error_kind="cut"))

    assert not [why for why in level_of(three, server_output=6).void if "counts" in why]
    assert [why for why in level_of(three, server_output=4).void if "counts" in why]


def test_a_stopped_level_says_so() -> None:
    client = ClientRun(
        processes=1, cpu_share=0.1, cpu_us_per_event=None, late_connections=0,
        clock_step_s=None, stopped_early="the first 10 requests all failed",
    )  # fmt: skip

    level = level_of(two_streams(), concurrency=2, client=client)

    assert level.void == ("stopped early: the first 10 requests all failed",)


def test_streams_are_counted_through_the_pauses_between_turns() -> None:
    # Each session: an answer of 1 s, 1 s of thinking, an answer of 1 s. The window is [0, 6.5]; in
    # it the first four sessions have two answers each, the fifth half a one: 8.5 s in flight.
    turns = [
        request([start + 0.5, start + 1.0], start, session=session, turn=turn)
        for session, begin in enumerate((0.0, 0.0, 3.0, 3.0, 6.0, 6.5))
        for turn, start in enumerate((begin, begin + 2.0))
    ]

    level = level_of(turns, concurrency=2)

    assert level.window is not None
    assert level.window.concurrency_mean == pytest.approx(8.5 / 6.5)
    assert level.void == ()  # though fewer requests than the two sessions were in flight
