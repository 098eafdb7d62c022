"""harness.load.stamped_server: an exact schedule, stamps, and honest figures about itself."""

import http.client
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

TIMEOUT_S = 30.0  # nothing here takes long; a hang fails


@contextmanager
def server(ttft_s: float = 0.0, itl_s: float = 0.0) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Port and process of a server; stopped by closing its standard input."""
    argv = [sys.executable, "-m", "harness.load.stamped_server"]
    with subprocess.Popen(
        [*argv, "--ttft-s", str(ttft_s), "--itl-s", str(itl_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())["port"], process
        finally:
            process.stdin.close()
            process.wait(TIMEOUT_S)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Port of a server that sends at once."""
    with server() as (port, _):
        yield port


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)


def ask(connection: http.client.HTTPConnection, **body: Any) -> None:
    connection.request(
        "POST", "/v1/completions", json.dumps({"prompt": [7, 8, 9], "stream": True} | body)
    )


def events(connection: http.client.HTTPConnection) -> list[str]:
    """The data of each event of the answer."""
    answer = connection.getresponse()
    assert answer.status == 200
    text = answer.read().decode()
    assert text.endswith("\n\n")
    return [block.removeprefix("data: ") for block in text[:-2].split("\n\n")]


def stream(port: int, **body: Any) -> list[dict[str, Any]]:
    """The parsed events of one answer, without the closing mark."""
    connection = connect(port)
    ask(connection, **body)
    *answer, done = events(connection)
    assert done == "[DONE]"
    return [json.loads(event) for event in answer]


def get(port: int, path: str) -> Any:
    connection = connect(port)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    text = answer.read().decode()
    return text if path == "/metrics" else json.loads(text)


def counters(port: int) -> dict[str, float]:
    lines = [line.split() for line in get(port, "/metrics").splitlines()]
    return {words[0]: float(words[1]) for words in lines if words[0] != "#"}


def test_an_answer_has_a_running_count_a_reason_with_the_last_token_and_the_counts_again(
    port: int,
) -> None:
    *tokens, last = stream(port, max_tokens=3)

    assert [event["choices"][0]["finish_reason"] for event in tokens] == [None, None, "length"]
    # Three prompt tokens; after token k there are k output tokens and 3 + k in all.
    assert [event["usage"] for event in [*tokens, last]] == [
        {"prompt_tokens": 3, "total_tokens": 3 + k, "completion_tokens": k} for k in (1, 2, 3, 3)
    ]
    assert last["choices"] == []


def test_no_token_is_stamped_before_it_is_due() -> None:
    with server(ttft_s=0.05, itl_s=0.01) as (port, _):
        before_ns = time.time_ns()
        tokens = stream(port, max_tokens=8)[:-1]
        after_ns = time.time_ns()

    texts = [event["choices"][0]["text"] for event in tokens]
    assert all(len(text) == 20 for text in texts)
    stamps_ns = [int(text) for text in texts]
    # Token k is due 50 + 10 k ms after the request was read, which is after it was sent.
    due_ns = [before_ns + 50_000_000 + k * 10_000_000 for k in range(8)]
    assert all(stamp >= due for stamp, due in zip(stamps_ns, due_ns, strict=True))
    assert all(a < b for a, b in itertools.pairwise([*stamps_ns, after_ns]))


def test_a_text_counts_by_its_words(port: int) -> None:
    event = stream(port, prompt="four words of text", max_tokens=1)[0]

    assert event["usage"]["prompt_tokens"] == 4


def test_a_connection_is_kept_for_the_next_request(port: int) -> None:
    connection = connect(port)
    ask(connection, max_tokens=2)
    first = events(connection)
    used = connection.sock
    ask(connection, max_tokens=5)
    second = events(connection)

    # Tokens, the counts, the closing mark.
    assert (len(first), len(second)) == (4, 7)
    assert connection.sock is used


def test_streams_that_run_together_are_all_whole() -> None:
    with server(ttft_s=0.01, itl_s=0.001) as (port, _):
        connections = [connect(port) for _ in range(50)]
        for number, connection in enumerate(connections, 1):
            ask(connection, max_tokens=number)
        answers = [events(connection) for connection in connections]

    assert [len(answer) for answer in answers] == [number + 2 for number in range(1, 51)]


def test_a_request_may_come_in_pieces(port: int) -> None:
    body = b'{"prompt": "a b", "stream": true, "max_tokens": 1}'
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as sock:
        for byte in head + body:
            sock.sendall(bytes([byte]))
        answer = b""
        while not answer.endswith(b"0\r\n\r\n"):
            answer += sock.recv(65536)

    assert b"[DONE]" in answer


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '{"stream": true}',
        '{"prompt": "a", "stream": false}',
        '{"prompt": ["a"], "stream": true}',
        '{"prompt": "a", "stream": true, "max_tokens": 0}',
        '{"prompt": "a", "stream": true, "max_tokens": "many"}',
        '{"prompt": "a", "stream": true, "max_tokens": 1e99}',
        b'{"prompt": "\xff", "stream": true}',
    ],
)
def test_a_malformed_request_is_told_so_and_the_server_goes_on(
    port: int, body: str | bytes
) -> None:
    connection = connect(port)
    connection.request("POST", "/v1/completions", body)
    answer = connection.getresponse()
    error = json.loads(answer.read())["error"]

    assert (answer.status, error["code"]) == (400, 400)
    assert error["message"]
    ask(connection, max_tokens=1)
    assert events(connection)[-1] == "[DONE]"


def test_what_is_no_http_gets_400_and_a_closed_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as sock:
        sock.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert get(port, "/health") == {}


def test_an_unknown_path_is_not_found(port: int) -> None:
    connection = connect(port)
    connection.request("GET", "/nothing/here?x=1")

    assert connection.getresponse().status == 404


def test_a_second_request_inside_an_answer_ends_the_connection() -> None:
    body = b'{"prompt": "a", "stream": true, "max_tokens": 2}'
    request = b"POST /v1/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with (
        server(ttft_s=3600) as (port, _),
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as sock,
    ):
        sock.sendall(request + request)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))

        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"data:" not in answer
        assert counters(port)["vllm:num_requests_running"] == 0


def test_the_counters_say_what_was_asked_and_sent() -> None:
    with server() as (port, _):
        stream(port, max_tokens=4)
        stream(port, prompt="a b", max_tokens=6)

        # 3 + 2 tokens in, 4 + 6 tokens out.
        assert counters(port) == {
            "vllm:prompt_tokens_total": 5,
            "vllm:generation_tokens_total": 10,
            "vllm:num_requests_running": 0,
        }


def test_an_answer_runs_until_its_client_leaves_and_what_was_sent_stays_counted() -> None:
    with server(itl_s=3600) as (port, _):
        connection = connect(port)
        ask(connection, max_tokens=2)
        answer = connection.getresponse()
        answer.readline()  # the first token has come; the second is due in an hour
        running = counters(port)
        answer.close()
        connection.close()
        while (left := counters(port))["vllm:num_requests_running"]:
            time.sleep(0.01)

    assert (running["vllm:num_requests_running"], running["vllm:generation_tokens_total"]) == (1, 1)
    assert left["vllm:generation_tokens_total"] == 1


def test_a_client_that_reads_late_gets_every_token_once_and_in_order() -> None:
    tokens = 50_000  # some 14 MB, more than the sockets hold
    with server() as (port, _):
        connection = connect(port)
        ask(connection, max_tokens=tokens)
        while counters(port)["vllm:num_requests_running"]:
            time.sleep(0.01)
        *answer, _, done = events(connection)
        lag = get(port, "/lag")

    counts = [json.loads(event)["usage"]["completion_tokens"] for event in answer]
    assert counts == list(range(1, tokens + 1))
    assert done == "[DONE]"
    assert lag["held_sends"] > 0


def test_the_lag_is_that_of_the_tokens_since_it_was_last_asked() -> None:
    with server(itl_s=0.001) as (port, _):
        stream(port, max_tokens=9)
        lag = get(port, "/lag")
        again = get(port, "/lag")

    assert (lag["events"], lag["held_sends"]) == (9, 0)
    assert 0 <= lag["p50_s"] <= lag["p99_s"] <= lag["max_s"]
    assert 0 <= lag["first_mean_s"] <= lag["max_s"]
    assert again == {
        "events": 0,
        "p50_s": None,
        "p99_s": None,
        "max_s": None,
        "first_mean_s": None,
        "held_sends": 0,
    }


def test_the_lag_of_first_tokens_is_told_apart() -> None:
    with server() as (port, _):
        stream(port, max_tokens=100)
        lag = get(port, "/lag")

    # All hundred are due at once and leave one after another: the first is the least late.
    assert 0 <= lag["first_mean_s"] < lag["p50_s"] < lag["max_s"]


def test_the_models_are_listed(port: int) -> None:
    assert get(port, "/v1/models")["data"][0]["id"] == "stamped"


def test_it_ends_when_its_standard_input_closes_even_inside_an_answer() -> None:
    with server(ttft_s=3600) as (port, process):
        connection = connect(port)
        ask(connection)
        assert connection.getresponse().status == 200

        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 0
