"""The reads of one answer -> its events with their times. Pure.

Done after a stream has ended, so that nothing of it costs time while others run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from harness.load.connection import Read
from harness.load.request import Request

_ERROR_CHARACTERS = 500


@dataclass
class Capture:
    """An answer as it was read; see `harness.load.connection.Connection` for the fields."""

    level: str
    index: int
    session: int
    turn: int
    scheduled_ns: int
    sent_ns: int = 0
    noticed_end_ns: int = 0  # when we knew that it was over
    reads: Sequence[tuple[int, int, bool, int]] = ()
    bodies: list[tuple[int, bytes]] = field(default_factory=list)
    status: int | None = None
    error_kind: str | None = None
    error: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Details | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    text: str | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_EVENT = msgspec.json.Decoder(_Event)


class EventStream:
    """Server-sent events out of pieces of a body that may be cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that this piece completes; comments give none."""
        text = self._rest + piece
        held = b""
        if b"\r" in text:
            if text.endswith(b"\r"):
                text, held = text[:-1], b"\r"  # a line feed may follow
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *blocks, rest = text.split(b"\n\n")
        self._rest = rest + held
        return [data for block in blocks if (data := _data(block))]

    def finish(self) -> list[bytes]:
        """The data of an event that the end of the stream completes."""
        data = _data(self._rest.replace(b"\r", b"\n"))
        self._rest = b""
        return [data] if data else []


def _data(block: bytes) -> bytes:
    if block.startswith(b"data: ") and b"\n" not in block:
        return block[6:]
    lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line[:5] == b"data:"]
    return b"\n".join(lines)


def decode(capture: Capture, offset_ns: int) -> Request:
    """One row. `offset_ns`: wall minus monotonic time. Raises nothing for what a server sent."""
    times = _Times(capture, offset_ns)
    request = Request(
        level=capture.level,
        index=capture.index,
        session=capture.session,
        turn=capture.turn,
        scheduled_s=capture.scheduled_ns / 1e9,
        sent_s=capture.sent_ns / 1e9,
        first_byte_s=times.high(0) if capture.reads else None,
        end_s=times.high(-1) if capture.reads else capture.noticed_end_ns / 1e9,
        stamps="kernel" if all(Read._make(read).stamp for read in capture.reads) else "user",
        read_lag_s=times.lags(),
        error_kind=capture.error_kind,
        error=capture.error,
    )
    if capture.error_kind is not None:
        request.end_s = capture.noticed_end_ns / 1e9
    if capture.status is not None and capture.status != 200:
        _refused(capture, request)
        return request
    answer = _Answer(request, times)
    try:
        for read, event in _events(capture):
            answer.take(read, event)
        answer.close()
    except (msgspec.MsgspecError, ValueError) as error:
        request.error_kind, request.error = "malformed", str(error)[:_ERROR_CHARACTERS]
    return request


def _refused(capture: Capture, request: Request) -> None:
    body = b"".join(piece for _, piece in capture.bodies).decode("utf-8", "replace")
    request.error_kind = f"http_{capture.status}"
    try:
        found = msgspec.json.decode(body)
        error = found.get("error", found)
        if isinstance(error, str):
            body = error
        elif isinstance(error, dict):
            body = str(error.get("message", body))
    except (msgspec.MsgspecError, AttributeError):
        pass  # not every refusal is JSON; then its text is the message
    request.error = body[:_ERROR_CHARACTERS]


def _events(capture: Capture) -> Iterator[tuple[int, bytes]]:
    """(read that completed it, data) of each event."""
    stream = EventStream()
    read = 0
    for read, piece in capture.bodies:
        for event in stream.feed(piece):
            yield read, event
    for event in stream.finish():
        yield read, event


class _Times:
    """When the data of a read arrived, in seconds on the monotonic clock."""

    def __init__(self, capture: Capture, offset_ns: int) -> None:
        self._sent_s = capture.sent_ns / 1e9
        self._reads = [Read._make(read) for read in capture.reads]
        self._offset_ns = offset_ns
        self._floors = self._known_floors()

    def high(self, read: int) -> float:
        """When all of it had arrived: the kernel's stamp, or else our read."""
        taken = self._reads[read]
        return ((taken.stamp - self._offset_ns) if taken.stamp else taken.before) / 1e9

    def seen(self, read: int) -> float:
        """When we read it, by our own clock."""
        return self._reads[read].before / 1e9

    def low(self, read: int) -> float:
        """After when the first of it arrived: what came earlier would be in a read before."""
        return min(self._floors[read], self.high(read))

    def exact(self, read: int) -> bool:
        """Whether the stamp is that of the read's last byte: not where more was left behind.

        The kernel may have put several packets together, of which it keeps the last stamp; each
        read of a part then gives that stamp.
        """
        return self._reads[read].drained

    def _known_floors(self) -> list[float]:
        """Per read the latest moment at which the socket was known to be empty before it."""
        floors = [self._sent_s]
        for number, taken in enumerate(self._reads):
            empty_s = max(self.high(number), taken.before / 1e9)
            floors.append(empty_s if taken.drained else floors[-1])
        return floors

    def lags(self) -> list[float]:
        """How long data waited until we read it; without a stamp how long it can have waited."""
        return [
            (read.before - (read.stamp - self._offset_ns if read.stamp else read.waiting_since))
            / 1e9
            for read in self._reads
        ]


class _Answer:
    """Collects the events of one answer."""

    def __init__(self, request: Request, times: _Times) -> None:
        self._request = request
        self._times = times
        self._read_of: list[int] = []  # per event with tokens
        self._done = False
        self._known = 0

    def take(self, read: int, data: bytes) -> None:
        """One event. Raises msgspec.MsgspecError or ValueError when it is not as specified."""
        request = self._request
        if self._done or request.error_kind == "error_event":
            return
        if data == b"[DONE]":
            self._done = True
            return
        event = _EVENT.decode(data)
        if event.error is not None:
            request.error_kind = "error_event"
            request.error = msgspec.json.encode(event.error).decode()[:_ERROR_CHARACTERS]
            return
        if event.usage is not None:
            request.prompt_tokens = event.usage.prompt_tokens
            request.output_tokens = event.usage.completion_tokens
            details = event.usage.prompt_tokens_details
            if details is not None:
                request.cached_tokens = details.cached_tokens
        for choice in event.choices or ():
            self._take_choice(read, choice, event.usage)

    def _take_choice(self, read: int, choice: _Choice, usage: _Usage | None) -> None:
        request, delta = self._request, choice.delta or _Delta()
        answer = choice.text or delta.content
        thought = delta.reasoning or delta.reasoning_content
        # The server's running count tells how many tokens an event brings (a token may be an
        # incomplete character with no text yet); without it, an event with text counts as one.
        fresh = int(bool(answer or thought or delta.tool_calls))
        if usage is not None:
            fresh = usage.completion_tokens - self._known
        if fresh > 0:
            self._known += fresh
            self._read_of.append(read)
            request.token_counts.append(fresh)
            request.token_text.append(answer or thought or "")
            speaks = answer or delta.tool_calls or choice.text is not None
            if request.answer_from is None and speaks:
                request.answer_from = len(self._read_of) - 1
        request.finish_reason = choice.finish_reason or request.finish_reason

    def close(self) -> None:
        """Times of the events; what is missing makes the answer a failure."""
        request = self._request
        for position, read in enumerate(self._read_of):
            last = position + 1 == len(self._read_of) or self._read_of[position + 1] != read
            merged = not (last and self._times.exact(read))
            high = self._times.high(read)
            request.token_high_s.append(high)
            request.token_low_s.append(self._times.low(read) if merged else high)
            request.token_seen_s.append(self._times.seen(read))
            request.merged += merged
        if request.error_kind is not None:
            return
        if not self._done and request.finish_reason is None:
            request.error_kind = "cut"
            request.error = "the stream ended without a finish reason"
