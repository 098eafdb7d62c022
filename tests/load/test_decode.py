"""harness.load.connection and decode: raw bytes of an answer, cut anywhere, become one row."""

import random
import socket
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.load.connection import Connection, Read
from harness.load.decode import Capture, EventStream, decode
from harness.load.request import Request
from tests.scripted_server import DONE, chat_piece, event, last_usage, piece

FUZZ_INPUTS = 20_000
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
SECOND = 1_000_000_000


def chunked(pieces: Sequence[bytes]) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in pieces)
    return HEAD + body + b"0\r\n\r\n"


def receive(packets: Iterable[bytes], ends: bool = True) -> tuple[Connection, bool]:
    """A connection that has read these packets one by one; whether it saw a proper end."""
    ours, its = socket.socketpair()
    connection = Connection(ours, None)
    proper = False
    with its:
        for packet in packets:
            its.sendall(packet)
            ours.settimeout(1)
            connection.read()
        if ends and not connection.complete:
            its.close()
            proper = connection.ended()
    proper = proper or connection.complete
    connection.close()
    return connection, proper


def row(connection: Connection) -> Request:
    capture = Capture("c1", 0, 0, 0, scheduled_ns=0, sent_ns=0)
    capture.reads, capture.bodies = connection.reads, connection.bodies
    capture.status = connection.status
    return decode(capture, 0)


def content(request: Request) -> tuple[object, ...]:
    """What must not depend on how the bytes were cut."""
    return (
        request.token_counts, request.token_text, request.prompt_tokens, request.output_tokens,
        request.finish_reason, request.answer_from, request.error_kind,
    )  # fmt: skip


ANSWER = [
    b": keep-alive\n\n",
    piece("dé", 1),
    piece("", 2),
    piece("字符", 4),
    piece("end 0\r\n\r\n", 5, "length"),
    last_usage(5),
    DONE,
]


@settings(max_examples=300)
@given(st.data())
def test_any_split_of_a_valid_answer_gives_the_same_row(data: st.DataObject) -> None:
    whole = chunked(ANSWER)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=40)))
    packets = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    connection, proper = receive(packets)

    assert proper
    assert connection.complete
    # 1, then 1 (half a character), then 2, then 1: five tokens in four events.
    assert content(row(connection)) == (
        [1, 1, 2, 1], ["dé", "", "字符", "end 0\r\n\r\n"], 5, 5, "length", 0, None,
    )  # fmt: skip


def test_an_answer_that_comes_byte_by_byte_is_the_same() -> None:
    whole = chunked(ANSWER)

    connection, _ = receive(whole[i : i + 1] for i in range(len(whole)))

    assert content(row(connection)) == content(row(receive([whole])[0]))


@given(ending=st.sampled_from([b"\n", b"\r\n", b"\r"]), data=st.data())
def test_every_line_ending_of_the_standard_ends_a_line(ending: bytes, data: st.DataObject) -> None:
    # Server-sent events allow LF, CRLF and CR; six lines in three events.
    texts = [b"data: one", b"", b": comment", b"data:two", b"data:  three", b""]
    stream = b"".join(text + ending for text in texts)
    cut = data.draw(st.integers(0, len(stream)))
    events = EventStream()

    found = events.feed(stream[:cut]) + events.feed(stream[cut:]) + events.finish()

    assert found == [b"one", b"two\n three"]


def test_garbage_neither_hangs_nor_raises() -> None:
    rng = random.Random(5)
    seeds = [chunked(ANSWER), HEAD, b"HTTP/1.1 429 Too Many\r\ncontent-length: 4\r\n\r\nbusy", b""]
    for _ in range(FUZZ_INPUTS):
        raw = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 8)):
            kind, at = rng.randrange(3), rng.randint(0, len(raw))
            if kind == 0:
                raw[at:at] = rng.randbytes(rng.randint(1, 6))
            elif kind == 1:
                del raw[at : at + rng.randint(1, 30)]
            else:
                raw[at : at + 1] = rng.randbytes(1)
        cut = rng.randint(0, len(raw))

        connection, _ = receive([part for part in (bytes(raw[:cut]), bytes(raw[cut:])) if part])
        request = row(connection)

        # Whatever came: no time without a count, and none out of order.
        assert len(request.token_counts) >= len(request.token_high_s)
        assert request.token_high_s == sorted(request.token_high_s)


# --- the end of an answer ----------------------------------------------------------------------


def test_an_answer_of_known_length_ends_with_its_last_byte() -> None:
    body = b"".join(ANSWER)
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    connection, _ = receive([whole[:50], whole[50:90], whole[90:]], ends=False)

    assert connection.complete
    assert row(connection).output_tokens == 5


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    whole = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"".join(ANSWER)

    connection, proper = receive([whole[:70], whole[70:]])

    assert proper
    assert not connection.reusable()
    assert row(connection).output_tokens == 5


def test_a_chunked_answer_cut_by_the_connection_has_no_proper_end() -> None:
    connection, proper = receive([chunked(ANSWER)[:-20]])

    assert not proper
    assert row(connection).token_counts == [1, 1, 2, 1]


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
    ],
    ids=["1.1", "close", "1.0"],
)
def test_a_connection_is_used_again_when_the_server_allows_it(head: bytes, reusable: bool) -> None:
    connection, _ = receive([head + b"content-length: 2\r\n\r\n{}"], ends=False)

    assert connection.reusable() is reusable


# --- times ---------------------------------------------------------------------------------------


def timed(pieces: list[tuple[int, bytes]], reads: list[tuple[int, int, bool]]) -> Request:
    """A row from pieces of a body, each with the read that it came in."""
    capture = Capture("c1", 0, 0, 0, scheduled_ns=9 * SECOND, sent_ns=10 * SECOND)
    capture.status, capture.bodies = 200, pieces
    # Without a stamp, data can have waited since a quarter of a second before the read.
    capture.reads = [Read(*read, read[0] - SECOND // 4) for read in reads]
    return decode(capture, 1000 * SECOND)  # the wall clock is 1,000 s ahead


def test_an_event_alone_in_its_read_takes_the_kernels_stamp_on_the_monotonic_clock() -> None:
    # Stamped at wall 1011 and 1012.5, read later by our own clock.
    request = timed(
        [(0, piece("a", 1)), (1, piece("b", 2, "stop") + DONE)],
        [(int(11.2 * SECOND), 1011 * SECOND, True), (13 * SECOND, int(1012.5 * SECOND), True)],
    )

    assert (request.sent_s, request.scheduled_s) == (10.0, 9.0)
    assert request.token_high_s == request.token_low_s == [11.0, 12.5]
    assert request.token_seen_s == pytest.approx([11.2, 13.0])
    assert request.read_lag_s == pytest.approx([0.2, 0.5])
    assert (request.first_byte_s, request.end_s, request.stamps) == (11.0, 12.5, "kernel")
    assert request.merged == 0


def test_events_read_together_are_bounded_by_the_read_before_and_the_last_is_exact() -> None:
    # Read 1 was made at 11.2 and emptied the socket; read 2 brought three tokens stamped 1014.
    request = timed(
        [(0, piece("a", 1)), (1, piece("b", 2) + piece("c", 3) + piece("d", 4, "stop"))],
        [(int(11.2 * SECOND), 1011 * SECOND, True), (15 * SECOND, 1014 * SECOND, True)],
    )

    assert request.token_low_s == [11.0, 11.2, 11.2, 14.0]
    assert request.token_high_s == [11.0, 14.0, 14.0, 14.0]
    assert request.merged == 2


def test_a_read_that_leaves_something_behind_times_nothing_and_bounds_nothing() -> None:
    # The kernel may have joined packets: a part of them carries the stamp of the last one.
    request = timed(
        [(0, piece("a", 1)), (1, piece("b", 2) + piece("c", 3, "stop"))],
        [(int(11.2 * SECOND), 1011 * SECOND, False), (15 * SECOND, 1014 * SECOND, True)],
    )

    # Sent at 10 with nothing known since; the last read emptied the socket.
    assert request.token_low_s == [10.0, 10.0, 14.0]
    assert request.token_high_s == [11.0, 14.0, 14.0]
    assert request.merged == 2


def test_tokens_in_the_first_read_are_bounded_by_the_sending() -> None:
    request = timed([(0, piece("a", 1) + piece("b", 2, "stop"))], [(12 * SECOND, 0, True)])

    assert request.token_low_s == [10.0, 12.0]
    assert request.token_high_s == [12.0, 12.0]


def test_without_a_kernel_stamp_our_own_clock_counts_and_the_row_says_so() -> None:
    request = timed(
        [(0, piece("a", 1)), (1, piece("b", 2, "stop"))],
        [(11 * SECOND, 0, True), (12 * SECOND, 0, True)],
    )

    assert request.token_high_s == [11.0, 12.0]
    assert (request.stamps, request.read_lag_s) == ("user", [0.25, 0.25])


def test_closing_events_without_tokens_do_not_blur_the_last_token() -> None:
    request = timed(
        [(0, piece("a", 1)), (1, piece("b", 2, "stop") + last_usage(2) + DONE)],
        [(11 * SECOND, 1011 * SECOND, True), (12 * SECOND, 1012 * SECOND, True)],
    )

    assert request.token_low_s == request.token_high_s == [11.0, 12.0]
    assert request.merged == 0


def test_an_event_over_two_reads_counts_when_its_end_came() -> None:
    whole = piece("a", 1, "stop")
    request = timed(
        [(0, whole[:9]), (1, whole[9:])],
        [(11 * SECOND, 1011 * SECOND, True), (12 * SECOND, 1012 * SECOND, True)],
    )

    assert request.token_high_s == [12.0]
    assert request.first_byte_s == 11.0


# --- what an event means -----------------------------------------------------------------------


def answer(*pieces: bytes) -> Request:
    return row(receive([chunked(pieces)])[0])


def test_several_tokens_in_an_event_count_by_the_servers_running_count() -> None:
    # 7 tokens in 3 events: 1, then 4 more, then 2 more.
    request = answer(piece("a", 1), piece("bcde", 5), piece("fg", 7, "length"), last_usage(7), DONE)

    assert (request.token_counts, request.output_tokens) == ([1, 4, 2], 7)


def test_without_running_counts_each_event_with_text_counts_one() -> None:
    request = answer(piece("ab", None), piece("", None), piece("c", None, "stop"), last_usage(9))

    assert (request.token_counts, request.output_tokens) == ([1, 1], 9)


def test_counts_that_come_only_with_the_last_choice_are_not_counted_twice() -> None:
    # As some hosted APIs stream: counts only in the event with the finish reason.
    request = answer(piece("a", None), piece("b", None), piece("", 2, "stop"), DONE)

    assert (sum(request.token_counts), request.output_tokens) == (2, 2)


def test_the_role_in_a_chats_first_event_is_no_token() -> None:
    request = answer(
        chat_piece({"role": "assistant", "content": ""}, 0),
        chat_piece({"content": "a"}, 1),
        chat_piece({"content": "b"}, 2, "stop"),
        DONE,
    )

    assert request.token_counts == [1, 1]
    assert request.answer_from == 0


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_counts_as_output_and_is_told_apart(field: str) -> None:
    request = answer(
        chat_piece({"role": "assistant", "content": ""}, 0),
        chat_piece({field: "hm"}, 1),
        chat_piece({field: "well"}, 2),
        chat_piece({"content": "a"}, 3, "stop"),
        DONE,
    )

    assert request.token_counts == [1, 1, 1]
    assert request.answer_from == 2


def test_an_answer_that_is_cut_while_it_reasons_has_no_answer_token() -> None:
    request = answer(
        chat_piece({"reasoning": "hm"}, 1), chat_piece({"reasoning": "x"}, 2, "length")
    )

    assert request.ok
    assert (request.token_counts, request.answer_from) == ([1, 1], None)


def test_cached_prompt_tokens_are_kept_where_the_server_tells_them() -> None:
    counts = {
        "prompt_tokens": 40, "completion_tokens": 1, "total_tokens": 41,
        "prompt_tokens_details": {"cached_tokens": 32},
    }  # fmt: skip
    request = answer(piece("a", 1, "stop"), event({"choices": [], "usage": counts}), DONE)

    assert (request.prompt_tokens, request.cached_tokens) == (40, 32)


def test_a_stream_without_the_closing_mark_is_whole_when_it_has_a_finish_reason() -> None:
    assert answer(piece("a", 1, "stop")).ok


def test_a_stream_that_ends_without_a_finish_reason_is_cut() -> None:
    assert answer(piece("a", 1), piece("b", 2)).error_kind == "cut"


def test_an_error_event_fails_the_request_with_its_text() -> None:
    request = answer(piece("a", 1), event({"error": {"message": "out of memory"}}), DONE)

    assert request.error_kind == "error_event"
    assert "out of memory" in str(request.error)


@pytest.mark.parametrize(
    "line",
    [b'{"choices": [', b"null", b"[]", b"7", b'{"choices": [], "usage": {"total_tokens": 3}}'],
    ids=["no JSON", "null", "list", "number", "other counts"],
)
def test_a_malformed_event_fails_the_request(line: bytes) -> None:
    request = answer(piece("a", 1), b"data: " + line + b"\n\n", DONE)

    assert request.error_kind == "malformed"


@pytest.mark.parametrize(
    "line", [b'{"choices": [{"index": 0, "delta": null}]}', b'{"choices": null}']
)
def test_null_where_a_delta_or_a_list_is_due_brings_no_token(line: bytes) -> None:
    request = answer(piece("a", 1), b"data: " + line + b"\n\n", piece("b", 2, "stop"))

    assert request.ok
    assert request.token_counts == [1, 1]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"slow down", "slow down"),
        (b'{"error": {"message": "no such model", "code": 404}}', "no such model"),
        (b'{"error": "queue full"}', "queue full"),
        (b'{"detail": "Not Found"}', '{"detail": "Not Found"}'),
        (b"x" * 9000, "x" * 500),
    ],
    ids=["text", "OpenAI", "short", "other", "long"],
)
def test_a_refusal_is_named_by_its_status_and_carries_the_servers_words(
    body: bytes, message: str
) -> None:
    head = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: %d\r\n\r\n" % len(body)

    request = row(receive([head + body], ends=False)[0])

    assert (request.error_kind, request.error) == ("http_429", message)
    assert request.token_high_s == []
