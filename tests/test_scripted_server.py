"""tests.scripted_server: what a test asks for is what goes over the wire."""

import http.client
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import scripted_server as scripted
from tests.scripted_server import DONE, Answer, ScriptedServer, one_token_per_event, piece

REQUEST = b'POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{"prompt": "a"}'
TIMEOUT_S = 20.0


def dial(server: ScriptedServer) -> socket.socket:
    port = int(server.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), TIMEOUT_S)


def wire(answer: Answer, until: bytes) -> bytes:
    """All bytes of an answer up to these."""
    with ScriptedServer(lambda _: answer) as server, closing(dial(server)) as sock:
        sock.sendall(REQUEST)
        got = b""
        while not got.endswith(until):
            data = sock.recv(65536)
            assert data, got
            got += data
    return got


def wire_to_the_end(answer: Answer) -> bytes:
    """All bytes of an answer after which the server closes."""
    with ScriptedServer(lambda _: answer) as server, closing(dial(server)) as sock:
        sock.sendall(REQUEST)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def post(server: ScriptedServer, path: str = "/v1/completions") -> tuple[int, bytes]:
    """Status and body by way of a client that knows HTTP."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=TIMEOUT_S)
    with closing(connection):
        connection.request("POST", path, '{"prompt": "a"}')
        answer = connection.getresponse()
        return answer.status, answer.read()


def metrics(server: ScriptedServer) -> tuple[int, dict[str, float]]:
    """Status and samples of the server's page of counters."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=TIMEOUT_S)
    with closing(connection):
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        families = text_string_to_metric_families(answer.read().decode())
        if answer.status != 200:
            return answer.status, {}
        samples = [sample for family in families for sample in family.samples]
        return 200, {sample.name: sample.value for sample in samples}


def body(answer: Answer) -> bytes:
    with ScriptedServer(lambda _: answer) as server:
        return post(server)[1]


def events(answer: Answer) -> list[Any]:
    """The parsed events of an answer, as an HTTP client receives it."""
    found = re.findall(rb"^data: (\{.*\})$", body(answer), re.MULTILINE)
    return [json.loads(event) for event in found]


def test_each_piece_is_one_chunk() -> None:
    got = wire(Answer([b"ab", b"c" * 17]), b"0\r\n\r\n")

    # 17 is 11 in hexadecimal.
    assert got.partition(b"\r\n\r\n")[2] == b"2\r\nab\r\n11\r\n" + b"c" * 17 + b"\r\n0\r\n\r\n"


def test_a_body_may_have_a_length_instead() -> None:
    head, _, rest = wire(scripted.with_content_length(Answer([b"ab", b"cd"])), b"abcd").partition(
        b"\r\n\r\n"
    )

    assert b"Content-Length: 4\r\n" in head + b"\r\n"
    assert b"chunked" not in head
    assert rest == b"abcd"


def test_a_body_may_end_with_the_connection() -> None:
    got = wire_to_the_end(scripted.until_close(Answer([b"ab", b"cd"])))

    head, _, rest = got.partition(b"\r\n\r\n")
    assert rest == b"abcd"
    assert b"Content-Length" not in head
    assert b"chunked" not in head


@pytest.mark.parametrize("answer", [Answer([b"x"]), scripted.with_content_length(Answer([b"x"]))])
def test_a_connection_serves_one_request_after_another(answer: Answer) -> None:
    with ScriptedServer(lambda _: answer) as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        with closing(connection):
            for _ in range(3):
                connection.request("POST", "/v1/completions", "{}")
                assert connection.getresponse().read() == b"x"

    assert [seen.connection for seen in server.seen] == [0, 0, 0]


@pytest.mark.parametrize("framing", [scripted.with_content_length, lambda answer: answer])
def test_what_breaks_off_ends_inside_the_body(framing: Callable[[Answer], Answer]) -> None:
    with (
        ScriptedServer(lambda _: framing(scripted.breaks_off(2))) as server,
        pytest.raises(http.client.IncompleteRead) as raised,
    ):
        post(server)

    assert raised.value.partial.count(b"data:") == 2


def test_what_resets_gives_its_tokens_and_then_an_error() -> None:
    with ScriptedServer(lambda _: scripted.resets(2)) as server, closing(dial(server)) as sock:
        sock.sendall(REQUEST)
        got: list[bytes] = []
        with pytest.raises(ConnectionResetError):
            got.extend(iter(lambda: sock.recv(65536), b""))

    assert b"".join(got).count(b"data:") == 2


def test_what_drops_closes_without_a_byte() -> None:
    assert wire_to_the_end(scripted.drops()) == b""


def test_what_refuses_takes_no_connection() -> None:
    with scripted.refuses() as url, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))


def test_what_stalls_counts_as_running_until_its_client_leaves() -> None:
    with ScriptedServer(lambda _: scripted.stalls(1)) as server:
        with closing(dial(server)) as sock:
            sock.sendall(REQUEST)
            got = b""
            while b"data:" not in got:
                got += sock.recv(65536)
            running = server.counters()["vllm:num_requests_running"]
        while server.counters()["vllm:num_requests_running"]:
            time.sleep(0.01)

    assert running == 1


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (scripted.too_many_requests(), 429, "Rate limit"),
        (scripted.internal_error(), 500, "Internal Server Error"),
        (scripted.wrong_model("m"), 404, "The model `m` does not exist."),
        (scripted.prompt_too_long(70, 64), 400, "context length is 64 tokens"),
    ],
)
def test_a_refusal_has_its_status_and_says_why(answer: Answer, status: int, message: str) -> None:
    with ScriptedServer(lambda _: answer) as server:
        got, text = post(server)

    assert got == status
    assert message in text.decode()


@pytest.mark.parametrize("change", [scripted.byte_by_byte, lambda answer: answer])
def test_packets_of_one_byte_bring_the_same_body(change: Callable[[Answer], Answer]) -> None:
    answer = one_token_per_event(2)

    assert body(change(answer)) == b"".join(answer.pieces)


def test_tokens_in_chunks_tell_their_running_count() -> None:
    got = events(scripted.tokens_in_chunks([1, 4, 2]))

    # 1, 1 + 4, 1 + 4 + 2, and the whole once more.
    assert [event["usage"]["completion_tokens"] for event in got] == [1, 5, 7, 7]
    assert [event["choices"][0]["finish_reason"] for event in got[:3]] == [None, None, "length"]


def test_a_cut_character_is_in_three_chunks_and_whole_together() -> None:
    answer = scripted.split_utf8()

    assert events(answer)[0]["choices"][0]["text"] == "法官"
    for part in answer.pieces[:3]:
        with pytest.raises(UnicodeDecodeError):
            part.decode()


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_comes_before_the_answer_under_either_name(name: Any) -> None:
    deltas = [
        event["choices"][0]["delta"]
        for event in events(scripted.reasoning_first(name, thought=2, said=1))
        if event["choices"]
    ]

    assert deltas == [
        {"role": "assistant", "content": ""},
        {name: "hm"},
        {name: "hm"},
        {"content": "a"},
    ]


def test_a_chat_may_say_its_role_and_nothing_before_its_first_token() -> None:
    counts = [
        event["usage"]["completion_tokens"]
        for event in events(scripted.role_only_and_empty_chunks(2))
    ]

    # Role, empty, two tokens, the reason without text, the whole once more.
    assert counts == [0, 0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("answer", "holds", "lacks"),
    [
        (scripted.done_missing(), b'"length"', b"[DONE]"),
        (scripted.usage_missing(), b"[DONE]", b"prompt_tokens"),
        (scripted.keep_alive_comments(), b": on\n\ndata: ", b"\r"),
        (scripted.crlf(one_token_per_event(1)), b"}\r\n\r\ndata: [DONE]\r\n\r\n", b"\n\n"),
        (scripted.malformed_json(), b'"te\n\n', b"error"),
        (scripted.error_event(), b'data: {"error": ', b"event:"),
        (scripted.error_event(named=True), b"event: error\ndata: ", b'"length"'),
        (scripted.shorter_than_asked(2), b'"stop"', b'"length"'),
        (scripted.two_events_in_one_packet(2), DONE, b"\r"),
    ],
)
def test_a_stream_holds_what_its_name_says(answer: Answer, holds: bytes, lacks: bytes) -> None:
    got = body(answer)

    assert holds in got
    assert lacks not in got


def test_events_may_share_a_packet_or_need_several() -> None:
    plain = one_token_per_event(2)  # two tokens, the counts, the mark: four events

    shared = scripted.two_events_in_one_packet(2)
    spread = scripted.one_event_over_several_packets(2, parts=3)

    assert [part.count(b"data:") for part in shared.pieces] == [2, 2]
    assert len(spread.pieces) == 12
    assert b"".join(shared.pieces) == b"".join(spread.pieces) == b"".join(plain.pieces)


def test_pieces_leave_no_earlier_than_their_time_and_their_sends_are_written_down() -> None:
    answer = scripted.timed([piece("a", 1), piece("a", 2, "stop"), DONE], [0.01, 0.05, 0.05])
    with ScriptedServer(lambda _: answer) as server:
        before_ns = time.time_ns()
        post(server)
        after_ns = time.time_ns()

    read_s = server.seen[0].read_s
    assert [(sent.request, sent.piece) for sent in server.sent] == [(0, 0), (0, 1), (0, 2)]
    for sent, due_s in zip(server.sent, [0.01, 0.05, 0.05], strict=True):
        assert sent.monotonic_s >= read_s + due_s
    walls_ns = [before_ns, *(sent.wall_ns for sent in server.sent), after_ns]
    assert all(a < b for a, b in itertools.pairwise(walls_ns))


def test_the_counters_tell_what_was_asked_and_answered() -> None:
    cached = Answer([piece("a", 1), scripted.last_usage(1, prompt=5, cached=4), DONE])
    with ScriptedServer([one_token_per_event(3, prompt=7), cached].__getitem__) as server:
        post(server)
        post(server)
        _, told = metrics(server)

    # 7 + 5 tokens in, of which 0 + 4 from the cache; 3 + 1 out.
    assert told["vllm:prompt_tokens_total"] == told["vllm:prefix_cache_queries_total"] == 12
    assert told["vllm:prefix_cache_hits_total"] == 4
    assert told["vllm:generation_tokens_total"] == 4
    assert told["vllm:num_requests_running"] == 0


@pytest.mark.parametrize(
    ("answer", "output"), [(scripted.usage_missing(3), 3), (scripted.wrong_counts(3, told=9), 3)]
)
def test_the_counters_know_better_than_a_wrong_usage(answer: Answer, output: int) -> None:
    with ScriptedServer(lambda _: answer) as server:
        post(server)

        assert server.counters()["vllm:generation_tokens_total"] == output


def test_the_metrics_page_says_what_a_test_wants_or_is_not_there() -> None:
    hits = "vllm:prefix_cache_hits_total"
    with ScriptedServer(lambda _: Answer([]), metrics=lambda true: true | {hits: 640.0}) as server:
        _, told = metrics(server)
    with ScriptedServer(lambda _: Answer([]), metrics=None) as server:
        status, _ = metrics(server)

    assert told[hits] == 640
    assert status == 404


def test_a_reset_of_the_prefix_cache_is_counted_where_it_is_offered() -> None:
    with ScriptedServer(lambda _: Answer([])) as server:
        offered, _ = post(server, "/reset_prefix_cache")
    with ScriptedServer(lambda _: Answer([]), resets_cache=False) as other:
        refused, _ = post(other, "/reset_prefix_cache")

    assert (offered, server.cache_resets) == (200, 1)
    assert (refused, other.cache_resets) == (404, 0)
    assert server.seen == []


def test_nothing_is_answered_before_as_many_as_wanted_are_in_flight() -> None:
    with ScriptedServer(lambda _: Answer([b"x"]), hold=3) as server:
        threads = [threading.Thread(target=post, args=(server,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()

    assert server.most_in_flight == 3


def test_a_server_may_be_slow_to_take_connections() -> None:
    before_s = time.monotonic()
    with (
        ScriptedServer(lambda _: Answer([b"x"]), accept_delay_s=0.05) as server,
        closing(dial(server)) as sock,  # the kernel takes it; the server does so later
    ):
        sock.sendall(REQUEST)
        sock.recv(1)

    assert server.seen[0].read_s >= before_s + 0.05
