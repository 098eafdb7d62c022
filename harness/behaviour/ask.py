"""Send the questions to the served model's chat endpoint, some at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

from harness.behaviour.items import Question
from harness.errors import MeasurementError

CODE_TOKENS = 4
"""Code answers may be this many times longer than others."""
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_TOO_MANY = 429


@dataclass(frozen=True)
class Place:
    """Where to ask, and how."""

    base_url: str
    model: str
    api_key: str | None
    max_tokens: int
    num_concurrent: int
    max_retries: int
    timeout_s: float
    chat_template_kwargs: dict[str, Any]
    seed: int


@dataclass(frozen=True)
class Answer:
    """One answer, or why there is none."""

    question: Question
    text: str | None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None


def ask(
    questions: Sequence[Question], place: Place, say: Callable[[str], None] = lambda _: None
) -> list[Answer]:
    """Answers in the order of the questions, greedily decoded.

    A question that fails `max_retries` times has its error for an answer. Raises
    MeasurementError when no question at all was answered.
    """
    answers = asyncio.run(_all(questions, place, say))
    if answers and all(answer.text is None for answer in answers):
        raise MeasurementError(f"no behaviour probe was answered: {answers[0].error}")
    return answers


async def _all(
    questions: Sequence[Question], place: Place, say: Callable[[str], None]
) -> list[Answer]:
    slots = asyncio.Semaphore(place.num_concurrent)
    headers = {"Authorization": f"Bearer {place.api_key}"} if place.api_key else {}
    done = 0
    async with httpx.AsyncClient(
        base_url=place.base_url,
        headers=headers,
        timeout=place.timeout_s,
        limits=httpx.Limits(max_connections=place.num_concurrent),
    ) as client:

        async def one(question: Question) -> Answer:
            nonlocal done
            async with slots:
                answer = await _one(client, question, place)
            done += 1
            say(f"behaviour: {done} of {len(questions)} answers")
            return answer

        return list(await asyncio.gather(*(one(question) for question in questions)))


async def _one(client: httpx.AsyncClient, question: Question, place: Place) -> Answer:
    messages = [{"role": "system", "content": question.system}] if question.system else []
    longest = place.max_tokens * (CODE_TOKENS if question.kind == "insecure_code" else 1)
    body: dict[str, Any] = {
        "model": place.model,
        "messages": [*messages, {"role": "user", "content": question.prompt}],
        "max_tokens": longest,
        "temperature": 0.0,
        "seed": place.seed,
    }
    if place.chat_template_kwargs:
        body["chat_template_kwargs"] = place.chat_template_kwargs
    try:
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_worth_another_try),
            stop=tenacity.stop_after_attempt(place.max_retries),
            wait=tenacity.wait_random_exponential(multiplier=_PAUSE_S, max=_LONGEST_PAUSE_S),
            reraise=True,
        ):
            with attempt:
                reply = await client.post("/v1/chat/completions", json=body)
                reply.raise_for_status()
    except httpx.HTTPStatusError as error:
        told = f"HTTP {error.response.status_code}: {error.response.text[:200]}"
        return Answer(question, None, error=told)
    except httpx.HTTPError as error:
        return Answer(question, None, error=f"{type(error).__name__}: {error}")
    return _read(question, reply.json())


def _worth_another_try(error: BaseException) -> bool:
    """Whether the same request may go better: not one that the server finds wrong."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error or error.response.status_code == _TOO_MANY
    return isinstance(error, httpx.HTTPError)


def _read(question: Question, body: dict[str, Any]) -> Answer:
    choice, usage = body["choices"][0], body.get("usage") or {}
    return Answer(
        question,
        choice["message"].get("content") or "",  # a reasoning model may end inside its thoughts
        finish_reason=choice.get("finish_reason"),
        prompt_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
    )
