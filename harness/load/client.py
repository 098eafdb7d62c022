"""One streamed request -> one row."""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp

from harness.config.run import FixedOutput, NaturalOutput
from harness.load.prompts import Prompt


@dataclass
class Request:
    """What was sent and what came back; times in seconds on the monotonic clock."""

    level: str
    index: int
    scheduled_s: float  # open loop: when it was due; closed loop: when it was sent
    sent_s: float = 0.0
    end_s: float = 0.0
    token_times_s: list[float] = field(default_factory=list)  # one entry per event with tokens
    token_counts: list[int] = field(default_factory=list)  # tokens that the event brought
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    error_kind: str | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether a whole answer came."""
        return self.error_kind is None

    def row(self) -> dict[str, Any]:
        """For the table on disk."""
        return asdict(self)


async def send(
    session: aiohttp.ClientSession,
    url: str,
    model: str,
    prompt: Prompt,
    output: FixedOutput | NaturalOutput,
    request: Request,
) -> None:
    """Send one request and fill in its row; never raises for what a server does wrong."""
    request.sent_s = time.monotonic()
    try:
        path, body = _body(model, prompt, output)
        async with session.post(f"{url}{path}", json=body) as response:
            if response.status != 200:
                request.error_kind = f"http_{response.status}"
                request.error = (await response.text())[:500]
            else:
                await _read_stream(response, request)
    except TimeoutError:
        request.error_kind, request.error = "timeout", "no whole answer within the time limit"
    except aiohttp.ClientError as error:
        request.error_kind, request.error = "connection", f"{type(error).__name__}: {error}"[:500]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # An event that is not what the protocol says, at whatever depth.
        request.error_kind, request.error = "malformed", str(error)[:500]
    request.end_s = time.monotonic()


def _body(
    model: str, prompt: Prompt, output: FixedOutput | NaturalOutput
) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "temperature": 0,
    }
    if isinstance(output, FixedOutput):
        body |= {"max_tokens": output.tokens, "min_tokens": output.tokens, "ignore_eos": True}
    else:
        body["max_tokens"] = output.max_tokens
    if prompt.chat is not None:
        return "/v1/chat/completions", body | {
            "messages": [{"role": "user", "content": prompt.chat}]
        }
    given = list(prompt.token_ids) if prompt.token_ids is not None else prompt.text
    return "/v1/completions", body | {"prompt": given}


async def _read_stream(response: aiohttp.ClientResponse, request: Request) -> None:
    """Server-sent events; a token's time is when its event was read."""
    finished = False
    async for raw in response.content:
        line = raw.strip()
        if not line.startswith(b"data:"):
            continue  # blank separators, keep-alive comments
        now = time.monotonic()
        payload = line[5:].strip()
        if payload == b"[DONE]":
            finished = True
            break
        event = json.loads(payload)
        if "error" in event:
            request.error_kind, request.error = "error_event", json.dumps(event["error"])[:500]
            return
        _take_event(event, now, request)
    if not finished and request.finish_reason is None:
        request.error_kind, request.error = "cut", "the stream ended without a finish reason"
    elif request.output_tokens is None:
        request.error_kind, request.error = "no_usage", "the server sent no token counts"


def _take_event(event: dict[str, Any], now: float, request: Request) -> None:
    usage = event.get("usage")
    if usage:
        request.prompt_tokens = usage["prompt_tokens"]
        request.output_tokens = usage["completion_tokens"]
    for choice in event.get("choices") or ():
        delta = choice.get("delta") or {}
        text = choice.get("text") or delta.get("content") or delta.get("reasoning_content")
        # The server's running count tells how many tokens an event brings (a token may be an
        # incomplete character with no text yet); without it, an event with text counts as one.
        known = sum(request.token_counts)
        fresh = (request.output_tokens or 0) - known if usage else int(bool(text))
        if fresh > 0:
            request.token_times_s.append(now)
            request.token_counts.append(fresh)
        request.finish_reason = choice.get("finish_reason") or request.finish_reason
