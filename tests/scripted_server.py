"""A server that really answers: each request gets the next golden stream of a script."""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Answer:
    """What one request gets: a status and pieces of a body, sent apart."""

    pieces: Sequence[bytes]
    status: int = 200
    break_off: bool = False  # close the connection inside the body
    stall: bool = False  # send the pieces, then nothing until the client leaves


def event(payload: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Token counts as an OpenAI-compatible server sends them."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


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


def last_usage(completion: int, prompt: int = 5) -> bytes:
    """The closing event with the counts of the whole answer and no choice."""
    return event({"choices": [], "usage": usage(prompt, completion)})


def one_token_per_event(tokens: int, prompt: int = 5) -> Answer:
    """As vLLM streams: running counts, the reason with the last token, counts once more, DONE."""
    pieces = [piece("a", n, prompt=prompt) for n in range(1, tokens)]
    pieces += [piece("a", tokens, "length", prompt), last_usage(tokens, prompt), DONE]
    return Answer(pieces)


def usage_at_the_end_only(events: int, tokens: int, prompt: int = 5) -> Answer:
    """As a hosted API streams: text events without counts, the counts in the closing event."""
    pieces = [piece("a", None) for _ in range(events - 1)]
    return Answer([*pieces, piece("a", None, "stop"), last_usage(tokens, prompt), DONE])


@dataclass
class Seen:
    """One request as it came."""

    path: str
    body: dict[str, Any]
    authorization: str | None


@dataclass
class ScriptedServer:
    """Serves on loopback from a thread; use as a context manager.

    `script` gives the answer to the n-th request (from 0). With `hold` = n no answer is given
    before n requests have been in flight together, so a client that sends fewer hangs until its
    time limit.
    """

    script: Callable[[int], Answer]
    hold: int = 1
    seen: list[Seen] = field(default_factory=list)
    most_in_flight: int = 0
    url: str = ""

    def __enter__(self) -> "ScriptedServer":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self._in_flight = 0
        self._together = asyncio.Event()
        app = web.Application()
        app.router.add_post("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _stop(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        number = len(self.seen)
        self.seen.append(
            Seen(request.path, await request.json(), request.headers.get("Authorization"))
        )
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        if self._in_flight >= self.hold:
            self._together.set()
        await self._together.wait()
        try:
            return await self._answer(request, self.script(number))
        finally:
            self._in_flight -= 1

    @staticmethod
    async def _answer(request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(
            status=answer.status, headers={"Content-Type": "text/event-stream"}
        )
        await response.prepare(request)
        for part in answer.pieces:
            await response.write(part)
            await asyncio.sleep(0.001)  # apart on the wire, so that the client reads them apart
        if answer.stall:
            await asyncio.sleep(3600)
        if answer.break_off:
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write_eof()
        return response
