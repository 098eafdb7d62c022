"""Run plans with one pinned process per core: warm up, start together, collect."""

import json
import math
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import Any
from urllib.parse import urlsplit

from harness.config.workload import ClientConfig, FixedOutput, NaturalOutput
from harness.errors import MeasurementError
from harness.load.client import Job, Outcome, Turns
from harness.load.connection import Address
from harness.load.plan import ClientRun, Plan, Prompt, Session
from harness.load.request import Request

_STREAMS_PER_PROCESS = 1000
_RATE_PER_PROCESS_RPS = 250.0  # a send takes some 30 us, which closer arrivals would have to wait
_SPARE_CONNECTIONS = 8
_START_AFTER_NS = 100_000_000  # enough for every process to hear the moment before it comes


@dataclass(frozen=True)
class Target:
    """Where requests go."""

    url: str
    model: str
    api_key: str | None = None


@dataclass(frozen=True)
class LevelRun:
    """What came of a plan: its measured requests, and how the client did."""

    requests: list[Request]
    client: ClientRun


class Generator:
    """The load generator's processes; use as a context manager.

    `processes`: how many; see `processes_for`. They are started before anything is timed, each
    pinned to a core of its own, from the last core down.
    """

    def __init__(
        self,
        target: Target,
        config: ClientConfig,
        *,
        processes: int,
        timeout_s: float,
        count_tokens: Callable[[str], int] | None = None,
    ) -> None:
        """`count_tokens` counts an answer's tokens where the server does not."""
        self._target = target
        self._kernel_stamps = config.timestamps == "kernel"
        self._timeout_s = timeout_s
        self._count_tokens = count_tokens
        self._count = processes
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Generator":
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        for number in range(self._count):
            self._workers.append(_Worker(cores[-1 - number % len(cores)] if cores else -1))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()
        self._workers = []

    def run(
        self,
        plan: Plan,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
        on_start: Callable[[], object] = lambda: None,
    ) -> LevelRun:
        """Warm up, then send the plan.

        `progress` is called with requests done and asked for; `on_start` between the warm-up and
        the first measured request. Raises MeasurementError when a process of ours dies.
        """
        warm_s = self._warm_up(plan)
        ramp_s = 0.0
        if plan.concurrency is not None and plan.concurrency > 1:
            ramp_s = plan.ramp_s if plan.ramp_s is not None else warm_s or 0.0
        on_start()
        outcomes = self._send(plan, ramp_s, warm_s, lambda done: progress(done, plan.requests))
        requests = sorted((r for o in outcomes for r in o.requests), key=lambda r: r.index)
        for request in requests:
            self._count_answer(request, plan)
        return LevelRun(requests, _client_run(outcomes, self._count))

    def _warm_up(self, plan: Plan) -> float | None:
        """Seconds of a warm-up answer (median), or None when none was asked for or none came."""
        if not plan.warmup:
            return None
        warm = Plan(
            name="warmup", kind="closed", sessions=plan.warmup, warmup=(),
            concurrency=len(plan.warmup), rate_rps=None, ramp_s=0.0, input_tokens=None,
            output_tokens=None, declared_cache_share=0.0,
        )  # fmt: skip
        outcomes = self._send(warm, 0.0, None, lambda _done: None)
        took = [r.end_s - r.sent_s for o in outcomes for r in o.requests if r.ok]
        return statistics.median(took) if took else None

    def _send(
        self, plan: Plan, ramp_s: float, warm_s: float | None, progress: Callable[[int], None]
    ) -> list[Outcome]:
        jobs = self._jobs(plan, ramp_s, warm_s)
        used = self._workers[: len(jobs)]
        for worker, job in zip(used, jobs, strict=True):
            worker.send(job)
        for worker in used:
            worker.receive()  # "ready"
        start_ns = time.monotonic_ns() + _START_AFTER_NS
        for worker in used:
            worker.send(start_ns)
        done = [0] * len(used)
        outcomes: dict[int, Outcome] = {}
        while len(outcomes) < len(used):
            open_pipes = {w.pipe: n for n, w in enumerate(used) if n not in outcomes}
            for pipe in wait(list(open_pipes)):
                number = open_pipes[pipe]  # type: ignore[index]
                message = used[number].receive()
                if isinstance(message, Outcome):
                    outcomes[number] = message
                    done[number] = len(message.requests)
                elif isinstance(message, int):
                    done[number] = message
                progress(sum(done))
        return [outcomes[number] for number in range(len(used))]

    def _jobs(self, plan: Plan, ramp_s: float, warm_s: float | None) -> list[Job]:
        """The plan dealt out evenly; a process without a session is left out."""
        count = max(1, min(self._count, plan.concurrency or self._count, len(plan.sessions)))
        address, head = _address(self._target)
        dealt: list[list[Turns]] = [[] for _ in range(count)]
        index = 0
        for number, session in enumerate(plan.sessions):
            dealt[number % count].append(self._turns(head, number, index, session))
            index += len(session.turns)
        shares = [
            None if plan.concurrency is None else len(range(n, plan.concurrency, count))
            for n in range(count)
        ]
        return [
            Job(
                level=plan.name,
                address=address,
                sessions=sessions,
                concurrency=share,
                ramp_ns=int(ramp_s * 1e9),
                connections=_connections(plan, len(sessions), share, warm_s, count),
                kernel_stamps=self._kernel_stamps,
                timeout_s=self._timeout_s,
                max_in_flight=plan.max_in_flight and math.ceil(plan.max_in_flight / count),
            )
            for sessions, share in zip(dealt, shares, strict=True)
        ]

    def _turns(self, head: bytes, number: int, index: int, session: Session) -> Turns:
        requests = [
            _request(head, urlsplit(self._target.url).path, body)
            for body in (_body(self._target.model, p, session.output) for p in session.turns)
        ]
        due = None if session.due_s is None else int(session.due_s * 1e9)
        return Turns(number, index, tuple(requests), due, int(session.think_s * 1e9))

    def _count_answer(self, request: Request, plan: Plan) -> None:
        """Count the tokens of an answer that the server did not count."""
        if not request.ok or request.output_tokens is not None:
            return
        if self._count_tokens is None:
            request.error_kind, request.error = "no_usage", "the server sent no token counts"
            return
        request.counted_by = "tokenizer"
        request.output_tokens = self._count_tokens("".join(request.token_text))
        request.prompt_tokens = plan.input_tokens


def processes_for(config: ClientConfig, plans: Sequence[Plan]) -> int:
    """As configured, or enough for the busiest plan; at most one per core but one."""
    if config.processes is not None:
        return config.processes
    streams = max((plan.concurrency or 0 for plan in plans), default=0)
    rate = max((plan.rate_rps or 0.0 for plan in plans), default=0.0)
    needed = max(
        1, math.ceil(streams / _STREAMS_PER_PROCESS), math.ceil(rate / _RATE_PER_PROCESS_RPS)
    )
    return min(needed, max(1, (os.cpu_count() or 1) - 1))


class _Worker:
    """One process and our end of its pipe."""

    def __init__(self, core: int) -> None:
        ours, its = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.load.worker", str(its.fileno()), str(core)],
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C reaches us; closing the pipe ends the worker
        )
        its.close()
        self.pipe: Pipe[Any, Any] = Pipe(ours.detach())

    def send(self, message: object) -> None:
        """Raises MeasurementError when the process has died."""
        try:
            self.pipe.send(message)
        except (BrokenPipeError, ConnectionResetError):
            raise self._died() from None

    def receive(self) -> object:
        """The next message. Raises MeasurementError when the process has died."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            raise self._died() from None

    def _died(self) -> MeasurementError:
        code = self._process.wait()
        return MeasurementError(f"a process of the load generator died with exit status {code}")

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _client_run(outcomes: Sequence[Outcome], processes: int) -> ClientRun:
    events = sum(outcome.events for outcome in outcomes)
    cpu_s = sum(outcome.cpu_s for outcome in outcomes)
    steps = [o.clock_step_s for o in outcomes if o.clock_step_s is not None]
    return ClientRun(
        processes=processes,
        cpu_share=max(o.cpu_s / o.wall_s if o.wall_s > 0 else 0.0 for o in outcomes),
        cpu_us_per_event=cpu_s / events * 1e6 if events else None,
        late_connections=sum(outcome.late_connections for outcome in outcomes),
        clock_step_s=max(steps, key=abs) if steps else None,
        stopped_early=next((o.stopped_early for o in outcomes if o.stopped_early), None),
    )


def _connections(
    plan: Plan, sessions: int, share: int | None, warm_s: float | None, processes: int
) -> int:
    """How many to open before the clock starts: an open loop's by Little's law, twice over."""
    if share is not None:
        return min(share, sessions)
    in_flight = 2 * (plan.rate_rps or 1.0) * (warm_s or 1.0) / processes
    return min(sessions, math.ceil(in_flight) + _SPARE_CONNECTIONS)


def _address(target: Target) -> tuple[Address, bytes]:
    """Where to connect, and the headers that every request has."""
    parts = urlsplit(target.url)
    tls = parts.scheme == "https"
    host = parts.hostname or ""
    headers = [
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Content-Type: application/json",
        "Accept: text/event-stream",
    ]
    if target.api_key:
        headers.append(f"Authorization: Bearer {target.api_key}")
    return Address(host, parts.port or (443 if tls else 80), tls), "\r\n".join(headers).encode()


def _request(head: bytes, prefix: str, asked: tuple[str, bytes]) -> bytes:
    path, body = asked
    line = f"POST {prefix.rstrip('/')}{path} HTTP/1.1\r\n".encode()
    return line + head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _body(model: str, prompt: Prompt, output: FixedOutput | NaturalOutput) -> tuple[str, bytes]:
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
    if prompt.messages is not None:
        return "/v1/chat/completions", json.dumps(body | {"messages": prompt.messages}).encode()
    given = list(prompt.token_ids) if prompt.token_ids is not None else prompt.text
    return "/v1/completions", json.dumps(body | {"prompt": given}).encode()
