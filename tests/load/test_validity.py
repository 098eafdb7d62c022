"""harness.load.validity: each reason for which a level is void, at its limit and beyond."""

from typing import Any

import pytest

from harness.config.workload import Limits
from harness.load.validity import Seen, kinds, reasons
from harness.records.schema import Drift
from tests import builders

LIMITS = Limits()
# builders.level: one stream, 4 requests, 300 tokens in and 100 out, also by the server's count.
SEEN = Seen(output_tokens=100, prompt_tokens=300, streams=1.0)


def texts(
    client: dict[str, Any] | None = None,
    server: dict[str, Any] | None = None,
    window: dict[str, Any] | None = None,
    seen: Seen = SEEN,
    limits: Limits = LIMITS,
    **changes: Any,
) -> list[str]:
    changes |= {
        "client": builders.client_figures(**client or {}),
        "server": builders.server_figures(**server or {}),
    }
    changes.setdefault("window", builders.window(**window or {}))
    return [str(reason) for reason in reasons(builders.level(**changes), limits, seen)]


def test_a_clean_level_is_not_void() -> None:
    assert texts() == []


def test_a_client_that_sent_late_voids_the_level() -> None:
    assert texts(client={"schedule_lag_p99_s": 0.05}) == []
    assert texts(client={"schedule_lag_p99_s": 0.08}) == [
        "client lagged: it sent 80 ms after the schedule (p99), limit 50 ms"
    ]


def test_a_client_that_read_late_voids_the_level() -> None:
    assert texts(client={"read_lag_p99_s": 0.5}) == []
    assert texts(client={"read_lag_p99_s": 0.6}) == [
        "client lagged: what came waited 600 ms to be read (p99), limit 500 ms with kernel"
        " time stamps"
    ]


@pytest.mark.parametrize("stamps", ["user", "mixed"])
def test_reading_late_is_judged_strictly_where_our_own_clock_takes_the_times(stamps: str) -> None:
    assert texts(client={"read_lag_p99_s": 0.005, "stamps": stamps}) == []
    assert texts(client={"read_lag_p99_s": 0.006, "stamps": stamps}) == [
        f"client lagged: what came waited 6 ms to be read (p99), limit 5 ms with {stamps}"
        " time stamps"
    ]


def test_a_client_that_was_busy_all_the_time_voids_the_level() -> None:
    assert texts(client={"cpu_share": 0.95}) == []
    assert texts(client={"cpu_share": 0.97}) == [
        "client lagged: its busiest process took 97% of a core, limit 95%"
    ]


def test_a_step_of_the_wall_clock_voids_the_level() -> None:
    assert texts(client={"clock_step_s": -0.002}) == [
        "clock step: the wall clock was set by -0.002 s"
    ]


def test_fewer_streams_than_asked_for_void_the_level() -> None:
    def eight(streams: float) -> list[str]:
        return texts(concurrency=8, seen=Seen(100, 300, streams))

    assert eight(7.6) == []
    assert eight(7.2) == [
        "too few streams: 7.2 were in flight on average, 8 were asked for, limit 95% of them"
    ]


def test_output_tokens_that_the_server_counts_otherwise_void_the_level() -> None:
    assert texts(seen=Seen(10000, 300, 1.0), server={"output_tokens": 10100}) == []
    assert texts(seen=Seen(9800, 300, 1.0), server={"output_tokens": 10000}) == [
        "counts disagree: 9800 output tokens by the client, 10000 by the server's counters:"
        " 2% apart, limit 1%"
    ]


def test_prompt_tokens_that_the_server_counts_otherwise_void_the_level() -> None:
    assert texts(seen=Seen(100, 400, 1.0)) == [
        "counts disagree: 400 prompt tokens by the client, 300 by the server's counters:"
        " 25% apart, limit 1%"
    ]


@pytest.mark.parametrize(
    ("seen", "server"),
    [
        (SEEN, {"output_tokens": None, "prompt_tokens": None}),
        (Seen(100, None, 1.0), {}),
        (Seen(0, 0, 1.0), {"output_tokens": 0, "prompt_tokens": 0}),
    ],
    ids=["not by the server", "not by the client", "nothing came"],
)
def test_counts_that_are_unknown_or_nothing_do_not_disagree(
    seen: Seen, server: dict[str, Any]
) -> None:
    assert texts(seen=seen, server=server) == []


def test_answers_of_another_length_void_the_level() -> None:
    assert texts(length_missed=1) == [
        "lengths missed: 1 of 4 answers have not the length asked for, limit 0%"
    ]
    assert texts(length_missed=1, limits=Limits(length_missed_share=0.25)) == []


def test_cache_hits_beyond_the_declared_share_void_the_level() -> None:
    hits = {"prefix_cache_hit_share": 0.41}

    assert texts(server=hits, declared_cache_share=0.4) == []
    assert texts(server=hits, declared_cache_share=0.1) == [
        "undeclared cache hits: 41% of the prompt tokens came from the prefix cache,"
        " 10% are declared, limit 2% more"
    ]
    assert texts(server={"prefix_cache_hit_share": None}) == []


def test_errors_beyond_their_limit_void_the_level() -> None:
    def failed(count: int) -> list[str]:
        errors = {"timeout": 1, "cut": count - 1}
        return texts(requests=200, failed=count, errors=errors)

    assert failed(2) == []
    assert failed(3) == ["errors: 3 of 200 requests failed (cut 2, timeout 1), limit 1%"]


def test_a_level_where_all_failed_is_void_for_the_errors_and_not_for_lengths() -> None:
    found = texts(requests=4, failed=4, errors={"http_500": 4})

    assert found == ["errors: 4 of 4 requests failed (http_500 4), limit 1%"]


@pytest.mark.parametrize(
    ("series", "words"), [("rate_drift", "the output rate"), ("ttft_drift", "TTFT")]
)
def test_a_window_that_was_not_steady_voids_the_level(series: str, words: str) -> None:
    moved = Drift(p_value=0.0004, change_share=-0.31)

    assert texts(window={series: moved}) == [
        f"not steady: {words} changed by -31% over the window (p = 0.0004), limit 20%"
    ]


@pytest.mark.parametrize(
    "drift",
    [
        Drift(p_value=0.01, change_share=3.0),
        Drift(p_value=0.0001, change_share=0.2),
        Drift(p_value=0.0001, change_share=-0.2),
    ],
    ids=["may be chance", "small rise", "small fall"],
)
def test_a_drift_must_be_both_certain_and_large(drift: Drift) -> None:
    assert texts(window={"rate_drift": drift, "ttft_drift": drift}) == []


def test_sending_that_stopped_early_voids_the_level() -> None:
    why = "more than 80 requests in flight"

    assert texts(client={"stopped_early": why}) == [f"stopped early: {why}"]


@pytest.mark.parametrize("asked", [{"concurrency": 8}, {"kind": "open", "concurrency": None}])
def test_a_level_without_a_steady_window_is_void(asked: dict[str, Any]) -> None:
    found = reasons(builders.level(window=None, **asked), LIMITS, Seen(100, 300, None))

    assert [reason.kind for reason in found] == ["no steady window"]


def test_one_stream_needs_no_window() -> None:
    assert reasons(builders.level(window=None), LIMITS, Seen(100, 300, None)) == ()


def test_every_reason_is_given_and_told_apart_by_its_kind() -> None:
    found = texts(client={"cpu_share": 1.0, "clock_step_s": 0.3}, failed=2, errors={"cut": 2})

    assert kinds(tuple(found)) == {"client lagged", "clock step", "errors"}
    assert kinds(()) == set()
