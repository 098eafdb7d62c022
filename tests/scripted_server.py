"""A server that really answers: each request gets the next golden stream of a script.

It speaks HTTP itself, so that a test decides over framing, packets and pauses, and it writes down
what it sent when: a test compares with that instead of trusting the machine to be fast.
"""

import asyncio
import contextlib
import itertools
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal

DONE = b"data: [DONE]\n\n"
MODEL = "served"

# --- events ----------------------------------------------------------------------------------


def event(payload: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def usage(prompt: int, completion: int, cached: int | None = None) -> dict[str, Any]:
    """Token counts as an OpenAI-compatible server sends them."""
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if cached is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": cached}
    return counts


def piece(text: str, completion: int | None, finish: str | None = None, prompt: int = 5) -> bytes:
    """An event of /v1/completions; with a running count as vLLM's continuous_usage_stats sends."""
    return event(
        {
            "choices": [{"index": 0, "text": text, "finish_reason": finish}],
            "usage": None if completion is None else usage(prompt, completion),
        }
    )


def chat_piece(
    delta: dict[str, Any], completion: int | None, finish: str | None = None, prompt: int = 5
) -> bytes:
    """An event of /v1/chat/completions."""
    return event(
        {
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            "usage": None if completion is None else usage(prompt, completion),
        }
    )


def last_usage(completion: int, prompt: int = 5, cached: int | None = None) -> bytes:
    """The closing event with the counts of the whole answer and no choice."""
    return event({"choices": [], "usage": usage(prompt, completion, cached)})


# --- answers ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What one request gets: a status and pieces of a body, each framed and sent by itself."""

    pieces: Sequence[bytes]  # none of them empty: an empty chunk would end the body
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    # What tells the end of the body: a last chunk, its length, or the end of the connection.
    framing: Literal["chunked", "length", "close"] = "chunked"
    # After the pieces, inside the body:
    break_off: bool = False  # close the connection
    reset: bool = False  # reset it
    stall: bool = False  # send nothing more until the client leaves
    drop: bool = False  # close without a byte of an answer
    gap_s: float = 0.001  # before every packet but the first, so that the client reads them apart
    packet_bytes: int | None = None  # all that goes out, head and framing too, is cut into these
    due_s: Sequence[float] | None = None  # of each piece, from when the request was read
    truth: tuple[int, int] | None = None  # prompt and output tokens, where usage tells others

    def tokens(self) -> tuple[int, int, int]:
        """Prompt, output and cached tokens, for the server's counters."""
        body = b"".join(self.pieces)
        prompt, output = self.truth or (
            _last_count("prompt_tokens", body),
            _last_count("completion_tokens", body),
        )
        return prompt, output, _last_count("cached_tokens", body)


def _last_count(name: str, body: bytes) -> int:
    found = re.findall(rf'"{name}": ?(\d+)'.encode(), body)
    return int(found[-1]) if found else 0


def one_token_per_event(tokens: int, prompt: int = 5) -> Answer:
    """As vLLM streams: running counts, the reason with the last token, counts once more, DONE."""
    pieces = [piece("a", n, prompt=prompt) for n in range(1, tokens)]
    pieces += [piece("a", tokens, "length", prompt), last_usage(tokens, prompt), DONE]
    return Answer(pieces)


def usage_at_the_end_only(events: int, tokens: int, prompt: int = 5) -> Answer:
    """As a hosted API streams: text events without counts, the counts in the closing event."""
    pieces = [piece("a", None) for _ in range(events - 1)]
    return Answer([*pieces, piece("a", None, "stop"), last_usage(tokens, prompt), DONE])


def tokens_in_chunks(tokens: Sequence[int], prompt: int = 5) -> Answer:
    """N tokens in K events: so many in each, told by the running count."""
    totals = [sum(tokens[: n + 1]) for n in range(len(tokens))]
    finish = [None] * (len(tokens) - 1) + ["length"]
    pieces = [
        piece("a" * count, total, reason, prompt)
        for count, total, reason in zip(tokens, totals, finish, strict=True)
    ]
    return Answer([*pieces, last_usage(totals[-1], prompt), DONE])


def shorter_than_asked(tokens: int, prompt: int = 5) -> Answer:
    """The model stops by itself after so many tokens."""
    pieces = [piece("a", n, prompt=prompt) for n in range(1, tokens)]
    return Answer([*pieces, piece("a", tokens, "stop", prompt), last_usage(tokens, prompt), DONE])


def role_only_and_empty_chunks(tokens: int = 2) -> Answer:
    """A chat that says its role first, then nothing, then something, then nothing again."""
    said = [chat_piece({"content": "a"}, n) for n in range(1, tokens + 1)]
    return Answer(
        [
            chat_piece({"role": "assistant", "content": ""}, 0),
            chat_piece({"content": ""}, 0),
            *said,
            chat_piece({}, tokens, "stop"),
            last_usage(tokens),
            DONE,
        ]
    )


def reasoning_first(
    name: Literal["reasoning", "reasoning_content"], thought: int = 2, said: int = 2
) -> Answer:
    """A chat that thinks for so many tokens, under either name, before it answers."""
    pieces = [chat_piece({"role": "assistant", "content": ""}, 0)]
    pieces += [chat_piece({name: "hm"}, n) for n in range(1, thought + 1)]
    pieces += [chat_piece({"content": "a"}, thought + n) for n in range(1, said)]
    pieces += [chat_piece({"content": "a"}, thought + said, "stop")]
    return Answer([*pieces, last_usage(thought + said), DONE])


def timed(pieces: Sequence[bytes], due_s: Sequence[float]) -> Answer:
    """Pieces with the moment of each, in seconds after the request was read.

    When they really left is in `ScriptedServer.sent`.
    """
    assert len(pieces) == len(due_s)
    return Answer(pieces, due_s=due_s, gap_s=0.0)


# --- answers that try a client ---------------------------------------------------------------


@contextlib.contextmanager
def refuses() -> Iterator[str]:
    """The address of a port that is taken and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def drops() -> Answer:
    """The connection closes in place of an answer."""
    return Answer([], drop=True)


def breaks_off(tokens: int = 2) -> Answer:
    """The connection closes after so many tokens."""
    return Answer(one_token_per_event(tokens + 1).pieces[:tokens], break_off=True)


def resets(tokens: int = 2) -> Answer:
    """The connection is reset after so many tokens."""
    return Answer(one_token_per_event(tokens + 1).pieces[:tokens], reset=True)


def stalls(tokens: int = 2) -> Answer:
    """Nothing comes any more after so many tokens."""
    return Answer(one_token_per_event(tokens + 1).pieces[:tokens], stall=True)


def refusal(status: int, kind: str, message: str, **headers: str) -> Answer:
    """An error in OpenAI's form, as vLLM sends it."""
    error = {"message": message, "type": kind, "param": None, "code": status}
    return Answer(
        [json.dumps({"error": error}).encode()],
        status=status,
        headers={"Content-Type": "application/json"} | headers,
        framing="length",
    )


def too_many_requests() -> Answer:
    """429, with the time after which to come again."""
    return refusal(429, "rate_limit_exceeded", "Rate limit reached", **{"Retry-After": "1"})


def internal_error() -> Answer:
    """500 with a page that is no JSON."""
    return Answer([b"Internal Server Error"], status=500, headers={"Content-Type": "text/plain"})


def wrong_model(name: str = "other") -> Answer:
    """404: this server does not have the model."""
    return refusal(404, "NotFoundError", f"The model `{name}` does not exist.")


def prompt_too_long(prompt: int = 5000, limit: int = 4096) -> Answer:
    """400: the prompt alone is more than the context holds."""
    return refusal(
        400,
        "BadRequestError",
        f"This model's maximum context length is {limit} tokens. However, your prompt contains "
        f"{prompt} input tokens, which exceeds this limit even without any output tokens. "
        "Please reduce the length of the input prompt.",
    )


def malformed_json() -> Answer:
    """A token, then an event that breaks off inside its JSON, then the closing mark."""
    return Answer([piece("a", 1), b'data: {"choices": [{"index": 0, "te\n\n', DONE])


def error_event(*, named: bool = False) -> Answer:
    """A token, then an error where the next was due; `named`: under an event name of its own."""
    error = event({"error": {"message": "out of memory", "type": "InternalServerError"}})
    return Answer([piece("a", 1), b"event: error\n" + error if named else error, DONE])


def done_missing(tokens: int = 2) -> Answer:
    """All but the closing mark."""
    return Answer(one_token_per_event(tokens).pieces[:-1])


def usage_missing(tokens: int = 2, prompt: int = 5) -> Answer:
    """No counts at all, and as many events with text as there are tokens."""
    pieces = [piece("a", None)] * (tokens - 1) + [piece("a", None, "stop"), DONE]
    return Answer(pieces, truth=(prompt, tokens))


def wrong_counts(tokens: int, told: int, prompt: int = 5) -> Answer:
    """The counts say `told` tokens, the server's own counters `tokens`."""
    return replace(one_token_per_event(told, prompt), truth=(prompt, tokens))


def keep_alive_comments(tokens: int = 2) -> Answer:
    """Comments between the events, and beside the data of one."""
    spaced = [part for token in one_token_per_event(tokens).pieces for part in (b": on\n\n", token)]
    return Answer([*spaced[:-1], b": data follows\n" + DONE, b":\n\n"])


def split_utf8() -> Answer:
    """Two characters of three bytes; the first is cut after one byte, the second after two."""
    body = b'data: {"choices": [{"index": 0, "text": "%b", "finish_reason": "stop"}]}\n\n' % (
        "法官".encode()
    )
    start = body.index("法官".encode())
    cuts = [0, start + 1, start + 5, len(body)]
    parts = [body[a:b] for a, b in itertools.pairwise(cuts)]
    return Answer([*parts, last_usage(2), DONE])


def two_events_in_one_packet(tokens: int = 4) -> Answer:
    """Every two events in one chunk and one packet."""
    pieces = one_token_per_event(tokens).pieces
    return Answer([b"".join(pieces[n : n + 2]) for n in range(0, len(pieces), 2)])


def one_event_over_several_packets(tokens: int = 2, parts: int = 3) -> Answer:
    """Every event in so many chunks, each in its packet."""
    pieces = one_token_per_event(tokens).pieces
    sizes = [-(-len(whole) // parts) for whole in pieces]
    return Answer(
        [
            whole[n : n + size]
            for whole, size in zip(pieces, sizes, strict=True)
            for n in range(0, len(whole), size)
        ]
    )


def byte_by_byte(answer: Answer) -> Answer:
    """The same, head and framing too, in packets of one byte."""
    return replace(answer, packet_bytes=1, gap_s=0.0001)


def crlf(answer: Answer) -> Answer:
    """The same with the other line ending."""
    return replace(answer, pieces=[part.replace(b"\n", b"\r\n") for part in answer.pieces])


def with_content_length(answer: Answer) -> Answer:
    """The same as a body of announced length instead of chunks."""
    return replace(answer, framing="length")


def until_close(answer: Answer) -> Answer:
    """The same as a body that the end of the connection ends."""
    return replace(answer, framing="close")


# --- the server ------------------------------------------------------------------------------


@dataclass
class Seen:
    """One request as it came."""

    path: str
    body: dict[str, Any]
    authorization: str | None
    connection: int  # number of the connection it came on, from 0
    read_s: float  # when its last byte was read, on the monotonic clock


@dataclass(frozen=True)
class Sent:
    """One piece as it left; the times are taken just before the send that completes it."""

    request: int
    piece: int
    monotonic_s: float
    wall_ns: int


Counters = dict[str, float]


@dataclass
class ScriptedServer:
    """Serves on loopback from a thread; use as a context manager.

    `script` gives the answer to the n-th completion request (from 0). With `hold` = n no answer
    is given before n requests have been in flight together, so a client that sends fewer hangs
    until its time limit. `metrics` turns the true counters, under vLLM's names, into those that
    GET /metrics tells; None: there is no such page. `accept_delay_s` passes before each
    connection is taken on.
    """

    script: Callable[[int], Answer]
    hold: int = 1
    metrics: Callable[[Counters], Counters] | None = dict
    accept_delay_s: float = 0.0
    resets_cache: bool = True  # offers POST /reset_prefix_cache
    seen: list[Seen] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    most_in_flight: int = 0
    cache_resets: int = 0
    url: str = ""

    def __enter__(self) -> "ScriptedServer":
        self._in_flight = 0
        self._tokens = [0, 0, 0]  # prompt, output, cached
        self._together = asyncio.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._accept(), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._listener.close()

    async def _stop(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # closed transports let go of their sockets

    def counters(self) -> Counters:
        """The truth about what was asked and sent, under vLLM's names."""
        prompt, output, cached = self._tokens
        return {
            "vllm:prompt_tokens_total": prompt,
            "vllm:generation_tokens_total": output,
            "vllm:prefix_cache_queries_total": prompt,
            "vllm:prefix_cache_hits_total": cached,
            "vllm:num_preemptions_total": 0,
            "vllm:num_requests_running": self._in_flight,
            "vllm:num_requests_waiting": 0,
            "vllm:kv_cache_usage_perc": 0,
        }

    async def _accept(self) -> None:
        connections: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive
        while True:
            await asyncio.sleep(self.accept_delay_s)
            sock, _ = await self._loop.sock_accept(self._listener)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.add(self._loop.create_task(self._serve(sock, len(connections))))

    async def _serve(self, sock: socket.socket, connection: int) -> None:
        reader, writer = await asyncio.open_connection(sock=sock, limit=1 << 26)
        try:
            while await self._exchange(reader, writer, connection):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> bool:
        """One request and its answer; whether another may follow on the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        asked, *lines = head.splitlines()
        method, path, _ = asked.split(" ")
        pairs = [line.partition(":") for line in lines if line]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "POST" and path != "/reset_prefix_cache":
            number = len(self.seen)
            authorization = headers.get("authorization")
            self.seen.append(
                Seen(path, json.loads(body), authorization, connection, time.monotonic())
            )
            return await self._complete(number, reader, writer)
        return await _Sending(self._page(method, path), reader, writer).go()

    async def _complete(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        if self._in_flight >= self.hold:
            self._together.set()
        try:
            await self._together.wait()
            answer = self.script(number)
            # Counted before it leaves: who has read the end finds it counted.
            self._tokens = [a + b for a, b in zip(self._tokens, answer.tokens(), strict=True)]
            read_s = self.seen[number].read_s
            return await _Sending(answer, reader, writer, read_s, number, self.sent).go()
        finally:
            self._in_flight -= 1

    def _page(self, method: str, path: str) -> Answer:
        """What is there besides completions."""
        match method, path:
            case "GET", "/health":
                return Answer([], framing="length")
            case "GET", "/v1/models":
                listed = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
                return Answer([json.dumps(listed).encode()], framing="length")
            case "GET", "/metrics" if self.metrics is not None:
                return Answer([_prometheus(self.metrics(self.counters()))], framing="length")
            case "POST", "/reset_prefix_cache" if self.resets_cache:
                self.cache_resets += 1
                return Answer([], framing="length")
        return refusal(404, "NotFoundError", "Not Found")


def _prometheus(counters: Counters) -> bytes:
    kinds = {name: "counter" if name.endswith("_total") else "gauge" for name in counters}
    return "".join(
        f'# TYPE {name} {kinds[name]}\n{name}{{engine="0",model_name="{MODEL}"}} {value}\n'
        for name, value in counters.items()
    ).encode()


@dataclass
class _Sending:
    """One answer on its way out."""

    answer: Answer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    read_s: float = 0.0
    request: int = 0
    sent: list[Sent] = field(default_factory=list)
    packets: int = 0

    async def go(self) -> bool:
        """Send it; whether another request may follow. Raises ConnectionError."""
        answer = self.answer
        if answer.drop:
            return False
        await self._send(self._head())
        for number, part in enumerate(answer.pieces):
            if answer.due_s is not None:
                await asyncio.sleep(self.read_s + answer.due_s[number] - time.monotonic())
            framed = b"%x\r\n%b\r\n" % (len(part), part) if answer.framing == "chunked" else part
            await self._send(framed, number)
        if answer.break_off or answer.reset or answer.stall:
            await self._end_badly()
            return False
        if answer.framing == "chunked":
            await self._send(b"0\r\n\r\n")
        return answer.framing != "close"

    def _head(self) -> bytes:
        answer = self.answer
        headers = {"Content-Type": "text/event-stream; charset=utf-8"} | dict(answer.headers)
        length = sum(len(part) for part in answer.pieces)
        match answer.framing:
            case "chunked":
                headers["Transfer-Encoding"] = "chunked"
            case "length":
                cut_short = answer.break_off or answer.reset or answer.stall
                headers["Content-Length"] = str(length + cut_short)
            case "close":
                headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def _send(self, data: bytes, number: int | None = None) -> None:
        size = self.answer.packet_bytes or len(data)
        for start in range(0, len(data), size):
            if self.packets:
                await asyncio.sleep(self.answer.gap_s)
            self.packets += 1
            if number is not None and start + size >= len(data):
                self.sent.append(Sent(self.request, number, time.monotonic(), time.time_ns()))
            self.writer.write(data[start : start + size])
            await self.writer.drain()

    async def _end_badly(self) -> None:
        if self.answer.stall:
            await self.reader.read()
            return
        await asyncio.sleep(self.answer.gap_s)
        if self.answer.reset:
            lingering = struct.pack("ii", 1, 0)  # on, for no time: closing resets
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
            self.writer.transport.abort()
