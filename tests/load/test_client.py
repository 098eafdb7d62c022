"""harness.load.client: one process of the load generator against a server that really answers."""

import dataclasses
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.load.client import Client, Job, Outcome, Stop, Turns
from harness.load.connection import Address
from harness.load.request import Request
from tests import scripted_server as script
from tests.scripted_server import Answer, ScriptedServer, one_token_per_event

Script = Callable[[int], Answer]


def http(body: dict[str, Any]) -> bytes:
    text = json.dumps(body).encode()
    return b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (
        len(text), text,
    )  # fmt: skip


def job(url: str, sessions: int = 1, turns: int = 1, **changes: Any) -> Job:
    """`sessions` of `turns` requests each; closed loop with one in flight unless told otherwise."""
    due = changes.pop("due_s", None)
    think_s = changes.pop("think_s", 0.0)
    address = urlsplit(url)
    given: dict[str, Any] = {
        "level": "c1",
        "address": Address(address.hostname or "", address.port or 0, False),
        "sessions": [
            Turns(
                n,
                n * turns,
                tuple(http({"session": n, "turn": turn}) for turn in range(turns)),
                None if due is None else int(due[n] * 1e9),
                int(think_s * 1e9),
            )
            for n in range(sessions)
        ],
        "concurrency": 1 if due is None else None,
        "ramp_ns": 0,
        "connections": 1,
        "kernel_stamps": True,
        "timeout_s": 20.0,
        "max_in_flight": None,
    }
    return Job(**given | changes)


def run(given: Job, control: Callable[[int], None] = lambda _: None, start_ns: int = 0) -> Outcome:
    client = Client(given, control)
    client.prepare()
    return client.run(start_ns or time.monotonic_ns())


def ask(answer: Answer, **changes: Any) -> Request:
    """One request to a server that gives this answer."""
    with ScriptedServer(lambda _: answer) as server:
        [request] = run(job(server.url, **changes)).requests
    return request


# --- times ---------------------------------------------------------------------------------------


def test_token_times_are_those_at_which_the_server_sent_and_not_those_at_which_we_read() -> None:
    pieces = one_token_per_event(4).pieces[:4]
    answer = script.timed([*pieces, script.DONE], [0.05, 0.08, 0.11, 0.14, 0.17])
    with ScriptedServer(lambda _: answer) as server:
        [request] = run(job(server.url)).requests
        left = [sent.monotonic_s for sent in server.sent[:4]]

    # Stamped by the kernel after the server's send began; the machine may be slow between the two.
    assert request.stamps == "kernel"
    assert all(t <= high for t, high in zip(left, request.token_high_s, strict=True))
    assert request.token_seen_s >= request.token_high_s
    assert [b > a for a, b in itertools.pairwise(request.token_high_s)] == [True] * 3
    assert request.sent_s < left[0] + 1


def test_a_client_that_reads_late_still_knows_between_which_times_the_tokens_came() -> None:
    # The client sleeps while two or three of the tokens come, and reads them together.
    pieces = one_token_per_event(3).pieces
    answer = script.timed(pieces, [0.0, 0.2, 0.24, 0.7, 0.7])
    slept = False

    def sleep_once(_: int) -> None:
        nonlocal slept
        if not slept and server.sent:
            slept = True
            time.sleep(0.5)

    with ScriptedServer(lambda _: answer) as server:
        [request] = run(job(server.url), sleep_once).requests
        left = [sent.monotonic_s for sent in server.sent[:3]]

    assert request.merged >= 1
    low, high = request.token_low_s, request.token_high_s
    assert all(a <= t <= b for a, t, b in list(zip(low, left, high, strict=True))[:-1] if a < b)
    # The last one is timed: sent at 0.24 s, read when the client woke.
    assert low[2] == high[2]
    assert left[2] <= high[2] < request.token_seen_s[2]


def test_without_kernel_stamps_the_row_says_so() -> None:
    assert ask(one_token_per_event(2), kernel_stamps=False).stamps == "user"


# --- every way in which a server can fail ------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "words", "kept"),
    [
        (script.drops(), "connection", "closed inside the answer", 0),
        (script.breaks_off(2), "connection", "closed inside the answer", 2),
        (script.resets(2), "connection", "ConnectionResetError", 2),
        (script.stalls(2), "timeout", "no whole answer within 0.5 s", 2),
        (script.too_many_requests(), "http_429", "Rate limit reached", 0),
        (script.internal_error(), "http_500", "Internal Server Error", 0),
        (script.wrong_model(), "http_404", "The model `other` does not exist.", 0),
        (script.prompt_too_long(), "http_400", "maximum context length is 4096", 0),
        (script.malformed_json(), "malformed", "", 1),
        (script.error_event(), "error_event", "out of memory", 1),
        (script.error_event(named=True), "error_event", "out of memory", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_failure_is_counted_with_its_kind_and_keeps_what_had_come(
    answer: Answer, kind: str, words: str, kept: int
) -> None:
    request = ask(answer, timeout_s=0.5)

    assert request.error_kind == kind
    assert words in str(request.error)
    assert request.token_counts == [1] * kept
    assert len(request.token_high_s) in (kept, 0)
    assert request.end_s >= request.sent_s > 0


def test_what_is_no_http_fails_at_once_instead_of_at_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            talking, _ = listener.accept()
            talking.recv(1000)
            talking.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            talking.recv(1000)  # until the client leaves

        thread = threading.Thread(target=babble)
        thread.start()
        [request] = run(job(f"http://127.0.0.1:{listener.getsockname()[1]}")).requests
        thread.join(10)

    assert (request.error_kind, request.error) == ("malformed", "the answer is no HTTP")


def test_nobody_at_the_address_is_a_connection_failure() -> None:
    with script.refuses() as url:
        [request] = run(job(url)).requests

    assert request.error_kind == "connection"
    assert "ConnectionRefusedError" in str(request.error)


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        (script.done_missing(2), [1, 1]),
        (script.keep_alive_comments(3), [1, 1, 1]),
        (script.split_utf8(), [1]),
        (script.two_events_in_one_packet(4), [1, 1, 1, 1]),
        (script.one_event_over_several_packets(2), [1, 1]),
        (script.byte_by_byte(one_token_per_event(2)), [1, 1]),
        (script.crlf(one_token_per_event(3)), [1, 1, 1]),
        (script.with_content_length(one_token_per_event(3)), [1, 1, 1]),
        (script.until_close(one_token_per_event(3)), [1, 1, 1]),
        (script.tokens_in_chunks([1, 4, 2]), [1, 4, 2]),
        (script.role_only_and_empty_chunks(2), [1, 1]),
        (script.reasoning_first("reasoning", 2, 2), [1, 1, 1, 1]),
    ],
    ids=[
        "DONE missing", "comments", "UTF-8 split", "two in one", "one in several", "bytes", "CRLF",
        "content-length", "until close", "N in K", "role only", "reasoning",
    ],
)  # fmt: skip
def test_every_form_of_a_whole_answer_is_understood(answer: Answer, counts: list[int]) -> None:
    request = ask(answer)

    assert request.ok, request.error
    assert request.token_counts == counts
    assert len(request.token_high_s) == len(counts)


def test_the_first_failures_in_a_row_end_the_job_with_the_servers_words() -> None:
    with ScriptedServer(lambda _: script.wrong_model()) as server:
        outcome = run(job(server.url, sessions=50))

    assert len(server.seen) == 10
    assert outcome.stopped_early == "the first 10 requests all failed"
    assert {r.error for r in outcome.requests} == {"The model `other` does not exist."}


def test_failures_between_answers_do_not_end_it() -> None:
    def answers(number: int) -> Answer:
        return one_token_per_event(1) if number == 0 else script.internal_error()

    with ScriptedServer(answers) as server:
        outcome = run(job(server.url, sessions=20))

    assert [request.ok for request in outcome.requests] == [True] + [False] * 19
    assert outcome.stopped_early is None


# --- loops ---------------------------------------------------------------------------------------


def test_a_closed_loop_keeps_exactly_its_concurrency_in_flight() -> None:
    # The server answers nothing before three are in flight: fewer would time out.
    with ScriptedServer(lambda _: one_token_per_event(2), hold=3) as server:
        outcome = run(job(server.url, sessions=7, concurrency=3, connections=3))

    assert [request.ok for request in outcome.requests] == [True] * 7
    assert [request.index for request in outcome.requests] == list(range(7))
    assert server.most_in_flight == 3


def test_a_closed_loop_takes_a_request_as_due_when_it_is_sent() -> None:
    with ScriptedServer(lambda _: one_token_per_event(2)) as server:
        outcome = run(job(server.url, sessions=7, concurrency=3, connections=3))

    assert all(request.scheduled_s == request.sent_s for request in outcome.requests)
    ends = sorted(request.end_s for request in outcome.requests)
    starts = sorted(request.sent_s for request in outcome.requests)
    assert all(start >= end for start, end in zip(starts[3:], ends, strict=False))


def test_the_ramp_spreads_the_first_requests_of_a_closed_loop() -> None:
    # Four streams over 0.4 s begin 0, 0.1, 0.2 and 0.3 s after the start, never earlier.
    start_ns = time.monotonic_ns() + 200_000_000
    with ScriptedServer(lambda _: one_token_per_event(1), hold=4) as server:
        given = job(server.url, sessions=4, concurrency=4, connections=4, ramp_ns=400_000_000)
        outcome = run(given, start_ns=start_ns)

    sent = sorted(request.sent_s - start_ns / 1e9 for request in outcome.requests)
    assert all(at >= due for at, due in zip(sent, [0.0, 0.1, 0.2, 0.3], strict=True))


def test_an_open_loop_neither_waits_for_answers_nor_sends_before_a_request_is_due() -> None:
    due = [0.0, 0.01, 0.02, 0.05, 0.05, 0.1]
    with ScriptedServer(lambda _: one_token_per_event(2), hold=6) as server:
        outcome = run(job(server.url, sessions=6, due_s=due, connections=6))

    assert [request.ok for request in outcome.requests] == [True] * 6
    assert server.most_in_flight == 6
    start = outcome.requests[0].scheduled_s
    assert [r.scheduled_s - start for r in outcome.requests] == pytest.approx(due)
    assert all(request.sent_s >= request.scheduled_s for request in outcome.requests)


def test_a_client_that_sends_late_shows_it_and_keeps_the_schedule() -> None:
    def stall(_: int) -> None:
        time.sleep(0.05)

    with ScriptedServer(lambda _: one_token_per_event(1)) as server:
        outcome = run(job(server.url, sessions=3, due_s=[0.0, 0.001, 0.002], connections=3), stall)

    start = outcome.requests[0].scheduled_s
    assert [r.scheduled_s - start for r in outcome.requests] == pytest.approx([0.0, 0.001, 0.002])
    assert outcome.requests[0].sent_s > outcome.requests[0].scheduled_s


def test_an_open_loop_stops_when_more_is_in_flight_than_allowed() -> None:
    due = [n * 0.01 for n in range(40)]
    with ScriptedServer(lambda _: script.stalls(1)) as server:
        outcome = run(job(server.url, sessions=40, due_s=due, connections=8, max_in_flight=5))

    assert outcome.stopped_early
    assert "more than 5 requests in flight" in outcome.stopped_early
    assert len(outcome.requests) < 40
    assert {request.error_kind for request in outcome.requests} == {"stopped"}


def test_turns_of_a_session_follow_each_other_after_thinking() -> None:
    with ScriptedServer(lambda _: one_token_per_event(1)) as server:
        outcome = run(job(server.url, sessions=2, turns=3, think_s=0.05))

    assert [(r.session, r.turn) for r in outcome.requests] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    for earlier, later in itertools.pairwise(outcome.requests[:3]):
        assert later.sent_s - earlier.end_s >= 0.05
    assert [s.body["session"] for s in server.seen] == [0, 0, 0, 1, 1, 1]


def test_a_session_whose_turn_fails_is_not_gone_on_with() -> None:
    def answers(number: int) -> Answer:
        return script.breaks_off(1) if number == 1 else one_token_per_event(1)

    with ScriptedServer(answers) as server:
        outcome = run(job(server.url, sessions=2, turns=3))

    assert [(r.session, r.turn, r.ok) for r in outcome.requests] == [
        (0, 0, True), (0, 1, False), (1, 0, True), (1, 1, True), (1, 2, True),
    ]  # fmt: skip


def test_the_parent_can_end_it_and_what_had_come_is_kept() -> None:
    def stop(done: int) -> None:
        if done:
            raise Stop("enough")

    def answers(number: int) -> Answer:
        return one_token_per_event(1) if number == 0 else script.stalls(2)

    with ScriptedServer(answers) as server:
        outcome = run(job(server.url, sessions=9), stop)

    assert outcome.stopped_early == "enough"
    first, second = outcome.requests
    assert first.ok
    assert (second.error_kind, second.token_counts) == ("stopped", [1, 1])


# --- connections ---------------------------------------------------------------------------------


def test_connections_are_opened_before_the_clock_starts_and_used_again() -> None:
    with ScriptedServer(lambda _: one_token_per_event(1)) as server:
        outcome = run(job(server.url, sessions=8, concurrency=2, connections=2))

    assert {seen.connection for seen in server.seen} == {0, 1}
    assert outcome.late_connections == 0


def test_connections_that_were_not_foreseen_are_opened_and_counted() -> None:
    with ScriptedServer(lambda _: one_token_per_event(1), hold=5) as server:
        outcome = run(job(server.url, sessions=5, due_s=[0.0] * 5, connections=2))

    assert all(request.ok for request in outcome.requests)
    assert outcome.late_connections == 3


def test_a_connection_that_the_server_ends_is_replaced() -> None:
    with ScriptedServer(lambda _: script.until_close(one_token_per_event(1))) as server:
        outcome = run(job(server.url, sessions=4))

    assert all(request.ok for request in outcome.requests)
    assert outcome.late_connections == 3


def test_a_request_larger_than_the_sockets_buffer_arrives_whole() -> None:
    body = {"prompt": "word " * 2_000_000}
    with ScriptedServer(lambda _: one_token_per_event(1)) as server:
        sessions = [Turns(0, 0, (http(body),), None)]
        outcome = run(dataclasses.replace(job(server.url), sessions=sessions))

    assert outcome.requests[0].ok
    assert server.seen[0].body == body
