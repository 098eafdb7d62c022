"""Run the levels of a workload against a URL, closed or open loop."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from harness.config.run import ClosedLevel, LoadWorkload, OpenLevel
from harness.errors import MeasurementError
from harness.load import arrivals, prompts
from harness.load.client import Request, send


@dataclass(frozen=True)
class Target:
    """Where requests go."""

    url: str
    model: str
    api_key: str | None = None


@dataclass(frozen=True)
class LevelRun:
    """One level's requests, without the warm-up ones."""

    level: ClosedLevel | OpenLevel
    requests: list[Request]


def run_level(
    target: Target,
    workload: LoadWorkload,
    index: int,
    vocabulary: prompts.Vocabulary,
    seed: int,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    on_start: Callable[[], object] = lambda: None,
) -> LevelRun:
    """Warm up, then measure level `index` of the workload.

    `progress` is called with requests done and asked for; `on_start` between the warm-up and the
    first measured request. Raises MeasurementError when every
    request failed, with the first one's reason.
    """
    level = workload.levels[index]
    name = level.name
    count = workload.warmup_requests + level.requests
    made = prompts.make(workload.prompts, count, vocabulary, f"{seed}/{workload.name}/{name}")
    warm, asked = made[: workload.warmup_requests], made[workload.warmup_requests :]
    run = asyncio.run(_run(target, workload, level, warm, asked, seed, progress, on_start))
    if not any(request.ok for request in run.requests):
        first = run.requests[0]
        raise MeasurementError(
            f"level {name}: all {len(run.requests)} requests failed;"
            f" the first: {first.error_kind}: {first.error}"
        )
    return run


async def _run(
    target: Target,
    workload: LoadWorkload,
    level: ClosedLevel | OpenLevel,
    warm: Sequence[prompts.Prompt],
    asked: Sequence[prompts.Prompt],
    seed: int,
    progress: Callable[[int, int], None],
    on_start: Callable[[], object],
) -> LevelRun:
    headers = {"Authorization": f"Bearer {target.api_key}"} if target.api_key else {}
    timeout = aiohttp.ClientTimeout(total=workload.request_timeout_s)
    connector = aiohttp.TCPConnector(limit=0)  # the pool must never queue what we send
    name = level.name
    done = 0

    async with aiohttp.ClientSession(
        headers=headers, timeout=timeout, connector=connector
    ) as session:

        async def one(prompt: prompts.Prompt, request: Request) -> None:
            nonlocal done
            await send(session, target.url, target.model, prompt, workload.output, request)
            done += 1
            progress(done, len(asked))

        warmup = [Request("warmup", index, time.monotonic()) for index in range(len(warm))]
        await asyncio.gather(
            *(
                send(session, target.url, target.model, prompt, workload.output, request)
                for prompt, request in zip(warm, warmup, strict=True)
            )
        )
        requests: list[Request] = []
        on_start()
        start = time.monotonic()
        if isinstance(level, ClosedLevel):
            waiting = iter(enumerate(asked))

            async def worker() -> None:
                for i, prompt in waiting:
                    request = Request(name, i, time.monotonic())
                    requests.append(request)
                    await one(prompt, request)

            await asyncio.gather(*(worker() for _ in range(level.concurrency)))
        else:
            due = arrivals.schedule(level.rate_rps, len(asked), level.arrivals, f"{seed}/{name}")
            tasks = []
            for i, (prompt, offset) in enumerate(zip(asked, due, strict=True)):
                request = Request(name, i, start + offset)
                requests.append(request)
                await asyncio.sleep(max(0.0, request.scheduled_s - time.monotonic()))
                tasks.append(asyncio.create_task(one(prompt, request)))
            await asyncio.gather(*tasks)
        return LevelRun(level, requests)
