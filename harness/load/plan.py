"""What one level sends: sessions of prompts, when each is due, and what its answers should be."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.config.workload import (
    ClosedLevel,
    FilePrompts,
    FixedOutput,
    LoadWorkload,
    NaturalOutput,
    OpenLevel,
    Prompts,
    QuestionPrompts,
    SearchLevel,
    SharedPrefixPrompts,
    SyntheticPrompts,
    TraceLevel,
)
from harness.errors import ConfigError
from harness.load import arrivals, prompts, trace
from harness.load.prompts import Batch, Need, Prompt, Vocabulary

__all__ = ["ClientRun", "Plan", "Prompt", "Session", "check", "plan_level", "plan_probe"]


@dataclass(frozen=True)
class Session:
    """Turns that are sent one after another; most sessions have one."""

    turns: tuple[Prompt, ...]
    output: FixedOutput | NaturalOutput
    due_s: float | None = None  # open loop: seconds from the start of the level
    think_s: float = 0.0  # between an answer and the next turn


@dataclass(frozen=True)
class Plan:
    """One level, ready to be sent."""

    name: str
    kind: Literal["closed", "open", "trace", "probe"]
    sessions: Sequence[Session]
    warmup: Sequence[Session]
    concurrency: int | None  # closed loop: sessions in flight; None: sent when due
    rate_rps: float | None  # mean offered rate of an open loop
    ramp_s: float | None  # closed loop: first sessions spread over this; None: one warm-up answer
    input_tokens: int | None  # of every request; None: they differ or are unknown
    output_tokens: int | None  # of every answer; None: they differ or are natural
    declared_cache_share: float  # prompt tokens that earlier prompts of the level hold already
    max_in_flight: int | None = None  # open loop: sending stops early beyond this

    @property
    def requests(self) -> int:
        """Measured requests in all."""
        return sum(len(session.turns) for session in self.sessions)


@dataclass(frozen=True)
class ClientRun:
    """How the client did while it ran a plan."""

    processes: int
    cpu_share: float
    cpu_us_per_event: float | None
    late_connections: int
    clock_step_s: float | None
    stopped_early: str | None


def plan_level(
    workload: LoadWorkload,
    level: ClosedLevel | OpenLevel | TraceLevel,
    vocabulary: Vocabulary,
    seed: int,
) -> Plan:
    """The level's sessions. The same seed gives the same plan, whatever else has been planned.

    Raises ConfigError for what `check` finds.
    """
    if isinstance(level, TraceLevel):
        return _plan_trace(workload, level, vocabulary, seed)
    shape, output = _shape(workload, level)
    batch = _batch(workload, shape, level.name, level.requests, 0, vocabulary, seed)
    is_open = isinstance(level, OpenLevel)
    return Plan(
        name=level.name,
        kind=level.kind,
        sessions=_sessions(workload, batch, output, _due_s(level, batch, seed)),
        warmup=_warmup(batch, output),
        concurrency=level.concurrency if isinstance(level, ClosedLevel) else None,
        rate_rps=_mean_rate_rps(level) if isinstance(level, OpenLevel) else None,
        ramp_s=None if is_open else workload.ramp_s,
        input_tokens=_input_tokens(shape, vocabulary),
        output_tokens=output.tokens if isinstance(output, FixedOutput) else None,
        declared_cache_share=batch.cache_share,
    )


def plan_probe(
    workload: LoadWorkload,
    rate_rps: float,
    requests: int,
    number: int,
    vocabulary: Vocabulary,
    seed: int,
    max_in_flight: int | None,
) -> Plan:
    """Probe `number` (from 1) of a search: Poisson at this rate, with prompts of its own."""
    if number < 1:
        raise ValueError(f"probes are counted from 1, got {number}")
    level = OpenLevel(kind="open", rate_rps=rate_rps, requests=requests)
    name = f"p{number}-r{rate_rps:.4g}"
    batch = _batch(workload, workload.prompts, name, requests, number, vocabulary, seed)
    output = workload.output
    return Plan(
        name=name,
        kind="probe",
        sessions=_sessions(workload, batch, output, _due_s(level, batch, seed, name)),
        warmup=_warmup(batch, output),
        concurrency=None,
        rate_rps=rate_rps,
        ramp_s=None,
        input_tokens=_input_tokens(workload.prompts, vocabulary),
        output_tokens=output.tokens if isinstance(output, FixedOutput) else None,
        declared_cache_share=batch.cache_share,
        max_in_flight=max_in_flight,
    )


def check(workload: LoadWorkload, seed: int = 0, max_model_len: int | None = None) -> None:
    """Raise ConfigError for files, hashes, lines or counts that would stop the workload's plans.

    With `max_model_len` also for a trace with requests that are too long for the model.
    """
    if isinstance(workload.prompts, QuestionPrompts | FilePrompts):
        needs = [Need(level.requests, workload.warmup_requests) for level in _dealt(workload)]
        for level in workload.levels:
            if isinstance(level, SearchLevel):
                needs += [Need(level.requests, workload.warmup_requests)] * level.max_probes
        prompts.chats(workload.prompts, needs, _deck(workload, seed))
    for level in workload.levels:
        if isinstance(level, TraceLevel):
            longest = max(row.input_tokens + row.output_tokens for row in trace.read(level))
            if max_model_len is not None and longest > max_model_len:
                raise ConfigError(
                    f"workload.levels, {level.name}: model.max_model_len={max_model_len} is shorter"
                    f" than the longest request of the trace ({longest} tokens with its answer)"
                )


# --- levels with prompts of the workload -----------------------------------------------------


def _shape(
    workload: LoadWorkload, level: ClosedLevel | OpenLevel
) -> tuple[Prompts, FixedOutput | NaturalOutput]:
    """Prompts and output of the workload, with the level's own lengths where it has any."""
    shape, output = workload.prompts, workload.output
    if level.input_tokens is not None and isinstance(shape, SyntheticPrompts):
        shape = shape.model_copy(update={"input_tokens": level.input_tokens})
    elif level.input_tokens is not None and isinstance(shape, SharedPrefixPrompts):
        shape = shape.model_copy(update={"unique_tokens": level.input_tokens})
    if level.output_tokens is not None and isinstance(output, FixedOutput):
        output = output.model_copy(update={"tokens": level.output_tokens})
    return shape, output


def _batch(
    workload: LoadWorkload,
    shape: Prompts,
    name: str,
    requests: int,
    probe: int,
    vocabulary: Vocabulary,
    seed: int,
) -> Batch:
    """The prompts of a level, or of probe `probe` of a search."""
    need = Need(requests, workload.warmup_requests)
    if isinstance(shape, SyntheticPrompts | SharedPrefixPrompts):
        return prompts.random_tokens(shape, need, vocabulary, _scope(workload, name, seed))
    # Levels share one file: each is dealt what those before it have left, probes after all levels.
    before = [
        Need(level.requests, workload.warmup_requests)
        for level in itertools.takewhile(lambda one: probe or one.name != name, _dealt(workload))
    ]
    needs = [*before, *[need] * max(1, probe)]
    return prompts.chats(shape, needs, _deck(workload, seed))[-1]


def _dealt(workload: LoadWorkload) -> list[ClosedLevel | OpenLevel]:
    """The levels that take from a file of conversations, in their order."""
    return [level for level in workload.levels if isinstance(level, ClosedLevel | OpenLevel)]


def _scope(workload: LoadWorkload, name: str, seed: int) -> str:
    """The seed of one level: other levels and other seeds draw other prompts."""
    return f"{seed}/{workload.name}/{name}"


def _deck(workload: LoadWorkload, seed: int) -> str:
    """The seed of the order in which conversations are dealt to all levels."""
    return f"{seed}/{workload.name}"


def _due_s(
    level: ClosedLevel | OpenLevel, batch: Batch, seed: int, name: str | None = None
) -> list[float] | None:
    """When sessions are due; None for a closed loop.

    The rate asked for is that of requests: sessions of several turns come so much less often.
    """
    if isinstance(level, ClosedLevel):
        return None
    per_request = len(batch.sessions) / level.requests
    end_rps = level.end_rate_rps
    return arrivals.schedule(
        level.rate_rps * per_request,
        len(batch.sessions),
        level.arrivals,
        f"{seed}/{name or level.name}",
        gamma_shape=level.gamma_shape,
        end_rate_rps=end_rps * per_request if end_rps is not None else None,
    )


def _mean_rate_rps(level: OpenLevel) -> float:
    """Of a ramp over its length, half way between its ends."""
    return (level.rate_rps + (level.end_rate_rps or level.rate_rps)) / 2


def _sessions(
    workload: LoadWorkload,
    batch: Batch,
    output: FixedOutput | NaturalOutput,
    due_s: Sequence[float] | None,
) -> list[Session]:
    shape = workload.prompts
    think_s = shape.think_s if isinstance(shape, FilePrompts) else 0.0
    return [
        Session(turns, output, due_s[i] if due_s is not None else None, think_s)
        for i, turns in enumerate(batch.sessions)
    ]


def _warmup(batch: Batch, output: FixedOutput | NaturalOutput) -> list[Session]:
    return [Session((prompt,), output) for prompt in batch.warmup]


def _input_tokens(shape: Prompts, vocabulary: Vocabulary) -> int | None:
    """Of every prompt; None where only the server can tell."""
    if vocabulary.ordinary_ids is None:
        return None
    if isinstance(shape, SyntheticPrompts):
        return shape.input_tokens
    if isinstance(shape, SharedPrefixPrompts):
        return shape.prefix_tokens + shape.unique_tokens
    return None


# --- traces ----------------------------------------------------------------------------------


def _plan_trace(
    workload: LoadWorkload, level: TraceLevel, vocabulary: Vocabulary, seed: int
) -> Plan:
    rows = trace.read(level)
    batch = prompts.trace_tokens(
        rows, workload.warmup_requests, vocabulary, _scope(workload, level.name, seed)
    )
    outputs = [FixedOutput(kind="fixed", tokens=row.output_tokens) for row in rows]
    span_s = rows[-1].due_s
    return Plan(
        name=level.name,
        kind="trace",
        sessions=[
            Session(turns, output, row.due_s)
            for turns, output, row in zip(batch.sessions, outputs, rows, strict=True)
        ],
        warmup=[
            Session((prompt,), output)
            for prompt, output in zip(batch.warmup, itertools.cycle(outputs), strict=False)
        ],
        concurrency=None,
        rate_rps=(len(rows) - 1) / span_s if span_s else None,
        ramp_s=None,
        input_tokens=None,
        output_tokens=None,
        declared_cache_share=batch.cache_share,
    )
