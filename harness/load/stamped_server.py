"""A completions server that keeps an exact schedule and says when it sent each event.

`python -m harness.load.stamped_server --ttft-s 0.05 --itl-s 0.01 --port 0` listens on loopback,
prints `{"port": 12345}` once it does, and ends when its standard input closes, so it cannot
outlive its parent. Token k (from 0) of an answer leaves at t0 + ttft + k * itl, t0 being when the
last byte of the request was read. The text of each token is the wall clock at its send: 20 digits
of nanoseconds. GET /lag tells how late the server itself was.

It is one epoll loop that only stamps, formats and sends: a client's error shows only against a
server that keeps up.
"""

import argparse
import contextlib
import gc
import json
import math
import os
import resource
import select
import socket
import time
from array import array
from collections import deque
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import httptools
import msgspec

MODEL = "stamped"
_SLICE = 64  # tokens sent before the sockets are looked at again
_READS = 16  # sockets served before the schedule is looked at again
_READ_BYTES = 1 << 18
_BODY_BYTES = 1 << 26  # of a request, at most
_MOST_TOKENS = 1_000_000

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_META = '"id":"cmpl-stamped","object":"text_completion","created":0,"model":"stamped"'
# Padded with blanks, which JSON allows: so all events have one length, and the size of the chunk
# is part of the template.
_USAGE = '"usage":{"prompt_tokens":%9d,"total_tokens":%9d,"completion_tokens":%9d}'


def _chunk(event: str) -> bytes:
    """Template of a server-sent event in a chunk of its own."""
    data = f"data: {event}\n\n"
    size = len(data % ((0,) * data.count("%")))
    return f"{size:x}\r\n{data}\r\n".encode()


def _token(finish_reason: str) -> bytes:
    """Template of a token: wall clock; then prompt, all and output tokens so far."""
    choice = f'{{"index":0,"text":"%020d","logprobs":null,"finish_reason":{finish_reason}}}'
    return _chunk(f'{{{_META},"choices":[{choice}],{_USAGE}}}')


_TOKEN, _LAST_TOKEN = _token("null"), _token('"length"')
_COUNTS = _chunk(f'{{{_META},"choices":[],{_USAGE}}}')
_END = _chunk("[DONE]") + b"0\r\n\r\n"


class _Ask(msgspec.Struct):
    """What is understood of a request; the rest of it is passed over."""

    prompt: str | list[int]
    stream: bool
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=_MOST_TOKENS)] = 16


_ASK = msgspec.json.Decoder(_Ask)


class _Connection:
    """A client's socket, the request that arrives on it and the answer that leaves on it."""

    __slots__ = (
        "asked", "body", "due_ns", "fileno", "held", "parser", "prompt", "send", "sent", "sock",
        "tokens", "url",
    )  # fmt: skip

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.fileno, self.send = sock, sock.fileno(), sock.send
        self.parser = httptools.HttpRequestParser(self)
        self.url = self.body = b""
        self.asked: list[tuple[str, bytes]] = []  # whole requests: method and path, body
        self.tokens = 0  # of the answer under way; 0: there is none
        self.sent = self.prompt = self.due_ns = 0
        self.held = bytearray()  # what the socket has not taken yet

    def on_url(self, url: bytes) -> None:
        """A piece of the path."""
        self.url += url

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        what = self.parser.get_method() + b" " + self.url.partition(b"?")[0]
        self.asked.append((what.decode("latin-1"), self.body))
        self.url = self.body = b""


class _Server:
    """The loop; it ends when there is nothing more to read from `lifeline`."""

    def __init__(self, listener: socket.socket, lifeline: int, ttft_ns: int, itl_ns: int) -> None:
        self._listener, self._lifeline = listener, lifeline
        self._ttft_ns, self._itl_ns = ttft_ns, itl_ns
        self._connections: dict[int, _Connection] = {}
        # Answers before their first and before a following token. All gaps are equal: who was
        # served goes to the end and the queue stays in order of the due times, without a heap.
        self._first: deque[_Connection] = deque()
        self._following: deque[_Connection] = deque()
        self._lags_ns, self._first_lags_ns = array("q"), array("q")
        self._held_sends = self._prompt_tokens = self._ended_tokens = 0
        self._epoll = select.epoll()
        for fileno in (listener.fileno(), lifeline):
            self._epoll.register(fileno, select.EPOLLIN)

    def run(self) -> None:
        """Serve until the lifeline ends."""
        while self._look():
            self._send_due()

    # --- tokens ------------------------------------------------------------------------------

    def _send_due(self) -> None:
        """Send tokens that are due, the earliest first, a slice at most."""
        first, following, gap_ns = self._first, self._following, self._itl_ns
        clock, wall, lags_ns = time.monotonic_ns, time.time_ns, self._lags_ns
        now_ns = clock()
        for _ in range(_SLICE):
            queue = following
            if first and (not following or first[0].due_ns < following[0].due_ns):
                queue = first
            if not queue or queue[0].due_ns > now_ns:
                return
            to = queue.popleft()
            sent = to.sent + 1
            if sent >= to.tokens:
                self._send_last(to)
                continue
            late_ns = clock() - to.due_ns
            lags_ns.append(late_ns)
            if sent == 1:
                self._first_lags_ns.append(late_ns)
            to.sent = sent
            to.due_ns += gap_ns
            following.append(to)
            self._send(to, _TOKEN % (wall(), to.prompt, to.prompt + sent, sent))

    def _send_last(self, to: _Connection) -> None:
        """The last token with all that follows it, in one send."""
        if not to.tokens:
            return  # the client left
        counts = (to.prompt, to.prompt + to.tokens, to.tokens)
        end = _COUNTS % counts + _END
        late_ns = time.monotonic_ns() - to.due_ns
        self._lags_ns.append(late_ns)
        if to.tokens == 1:
            self._first_lags_ns.append(late_ns)
        self._ended_tokens += to.tokens
        to.tokens = to.sent = 0
        self._send(to, _LAST_TOKEN % (time.time_ns(), *counts) + end)

    def _send(self, to: _Connection, data: bytes) -> None:
        taken = 0
        try:
            if not to.held:
                taken = to.send(data)
        except BlockingIOError:
            pass  # the client reads too slowly
        except OSError:
            return self._drop(to)
        if taken < len(data):
            self._held_sends += 1
            to.held += data[taken:]
            self._epoll.modify(to.fileno, select.EPOLLIN | select.EPOLLOUT)

    def _send_held(self, to: _Connection) -> None:
        with contextlib.suppress(OSError):  # a lost connection is seen when it is read
            del to.held[: to.send(to.held)]
        if not to.held:
            self._epoll.modify(to.fileno, select.EPOLLIN)

    # --- requests ----------------------------------------------------------------------------

    def _look(self) -> bool:
        """Wait for a client or for the next due token; whether to go on."""
        queues = [queue for queue in (self._first, self._following) if queue]
        if queues:
            wait_s = (min(queue[0].due_ns for queue in queues) - time.monotonic_ns()) / 1e9
        # select's timeout counts microseconds, epoll's own counts milliseconds.
        if not queues or wait_s > 0:
            select.select([self._epoll], [], [], wait_s if queues else None)
        for fileno, events in self._epoll.poll(0, _READS):
            if fileno == self._lifeline:
                if not os.read(fileno, _READ_BYTES):
                    return False
            elif fileno == self._listener.fileno():
                self._accept()
            elif events == select.EPOLLOUT:
                self._send_held(self._connections[fileno])
            else:
                self._read(self._connections[fileno])
        return True

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it left again, or there is no descriptor left
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[sock.fileno()] = _Connection(sock)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _drop(self, connection: _Connection) -> None:
        if self._connections.get(connection.fileno) is connection:
            del self._connections[connection.fileno]
            self._ended_tokens += connection.sent
            connection.tokens = connection.sent = 0
            connection.sock.close()
            del connection.parser  # it refers back to the connection

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(_READ_BYTES)
            connection.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._refuse(connection, f"this is no HTTP: {error}")
            return self._drop(connection)
        except OSError:
            data = b""
        if not data or len(connection.body) > _BODY_BYTES:
            return self._drop(connection)
        asked, connection.asked = connection.asked, []
        for what, body in asked:
            if connection.tokens:
                return self._drop(connection)  # inside an answer there is no room for a reply
            self._answer(connection, what, body)

    def _answer(self, connection: _Connection, what: str, body: bytes) -> None:
        match what:
            case "POST /v1/completions":
                self._complete(connection, body)
            case "GET /health":
                self._reply(connection, {})
            case "GET /v1/models":
                model = {"id": MODEL, "object": "model", "max_model_len": _MOST_TOKENS}
                self._reply(connection, {"object": "list", "data": [model]})
            case "GET /metrics":
                self._reply(connection, self._metrics())
            case "GET /lag":
                self._reply(connection, self._take_lag())
            case _:
                self._refuse(connection, f"nothing answers {what}", HTTPStatus.NOT_FOUND)

    def _complete(self, connection: _Connection, body: bytes) -> None:
        now_ns = time.monotonic_ns()
        try:
            ask = _ASK.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return self._refuse(connection, str(error))
        if not ask.stream:
            return self._refuse(connection, "only streams are served: `stream` must be true")
        connection.prompt = len(ask.prompt.split() if isinstance(ask.prompt, str) else ask.prompt)
        connection.tokens = ask.max_tokens
        connection.due_ns = now_ns + self._ttft_ns
        self._prompt_tokens += connection.prompt
        self._first.append(connection)
        self._send(connection, _HEAD)

    def _refuse(
        self, connection: _Connection, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST
    ) -> None:
        error = {"message": message, "type": status.phrase, "param": None, "code": status}
        self._reply(connection, {"error": error}, status)

    def _reply(
        self, connection: _Connection, content: object, status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        kind = "text/plain" if isinstance(content, str) else "application/json"
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        self._send(connection, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    # --- what it did -------------------------------------------------------------------------

    def _metrics(self) -> str:
        """Counters under vLLM's names, as a Prometheus page."""
        running = [
            connection.sent for connection in self._connections.values() if connection.tokens
        ]
        counters = {
            "prompt_tokens_total counter": self._prompt_tokens,
            "generation_tokens_total counter": self._ended_tokens + sum(running),
            "num_requests_running gauge": len(running),
        }
        return "".join(
            f"# TYPE vllm:{name}\nvllm:{name.split()[0]} {value}\n"
            for name, value in counters.items()
        )

    def _take_lag(self) -> dict[str, float | int | None]:
        """How late tokens were sent since the last call; percentiles by nearest rank.

        `first_mean_s` is of first tokens alone, `held_sends` the number of sends that a socket
        did not take whole: what they say of their time is too early.
        """
        lags, firsts, held = sorted(self._lags_ns), self._first_lags_ns, self._held_sends
        self._lags_ns, self._first_lags_ns, self._held_sends = array("q"), array("q"), 0

        def rank(share: float) -> float | None:
            return lags[math.ceil(share * len(lags)) - 1] / 1e9 if lags else None

        return {
            "events": len(lags), "p50_s": rank(0.5), "p99_s": rank(0.99), "max_s": rank(1.0),
            "first_mean_s": sum(firsts) / len(firsts) / 1e9 if firsts else None,
            "held_sends": held,
        }  # fmt: skip


def main() -> None:
    """Listen, tell the port, serve until standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m harness.load.stamped_server")
    parser.add_argument("--ttft-s", type=float, required=True)
    parser.add_argument("--itl-s", type=float, required=True)
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(OSError):  # where it cannot be set, waits end some 50 us late
        Path("/proc/self/timerslack_ns").write_text("1")
    with socket.create_server(("127.0.0.1", asked.port), backlog=4096) as listener:
        listener.setblocking(False)
        server = _Server(listener, 0, round(asked.ttft_s * 1e9), round(asked.itl_s * 1e9))
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        gc.collect()
        gc.disable()  # a collection would make tokens late
        with contextlib.suppress(KeyboardInterrupt):
            server.run()


if __name__ == "__main__":
    main()
