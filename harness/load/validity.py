"""When a level's figures must not be used, and why. Pure.

The limits are `harness.config.workload.Limits`. What the server does not tell is no reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.config.workload import Limits
from harness.records.schema import Drift, Level

Kind = Literal[
    "client lagged",
    "clock step",
    "too few streams",
    "counts disagree",
    "lengths missed",
    "undeclared cache hits",
    "errors",
    "not steady",
    "no steady window",
    "stopped early",
]

_SIGNIFICANCE = 0.01
"""Two series of every level are tested: one steady level in fifty comes under it by chance, and
then has to have moved by more than `Limits.drift_share` as well."""


@dataclass(frozen=True)
class Reason:
    """Why a level is void; as text `kind: sentence`, which is what a record keeps."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Seen:
    """What the client received of all requests, failed ones included, and had in flight."""

    output_tokens: int
    prompt_tokens: int | None  # None: some answer's is unknown
    streams: float | None  # sessions in flight, mean over the window; None: no window


def kinds(void: tuple[str, ...]) -> set[str]:
    """The kinds of the reasons that a record keeps."""
    return {text.partition(":")[0] for text in void}


def reasons(level: Level, limits: Limits, seen: Seen) -> tuple[Reason, ...]:
    """Every reason why the level is void; none for a valid one."""
    return (
        *_client(level, limits),
        *_streams(level, limits, seen),
        *_counts(level, limits, seen),
        *_lengths(level, limits),
        *_cache(level, limits),
        *_errors(level, limits),
        *_steadiness(level, limits),
    )


def _client(level: Level, limits: Limits) -> Iterator[Reason]:
    client = level.client
    late = client.schedule_lag_p99_s
    if late is not None and late > limits.schedule_lag_p99_s:
        yield Reason(
            "client lagged",
            f"it sent {_ms(late)} after the schedule (p99), limit {_ms(limits.schedule_lag_p99_s)}",
        )
    kernel = client.stamps == "kernel"
    limit = limits.read_lag_p99_s if kernel else limits.user_read_lag_p99_s
    if client.read_lag_p99_s is not None and client.read_lag_p99_s > limit:
        yield Reason(
            "client lagged",
            f"what came waited {_ms(client.read_lag_p99_s)} to be read (p99),"
            f" limit {_ms(limit)} with {client.stamps} time stamps",
        )
    if client.cpu_share > limits.client_cpu_share:
        yield Reason(
            "client lagged",
            f"its busiest process took {_share(client.cpu_share)} of a core,"
            f" limit {_share(limits.client_cpu_share)}",
        )
    if client.clock_step_s is not None:
        yield Reason("clock step", f"the wall clock was set by {client.clock_step_s:+.3g} s")


def _streams(level: Level, limits: Limits, seen: Seen) -> Iterator[Reason]:
    if level.concurrency is None or seen.streams is None:
        return
    if seen.streams < limits.concurrency_share * level.concurrency:
        yield Reason(
            "too few streams",
            f"{seen.streams:.1f} were in flight on average, {level.concurrency} were asked for,"
            f" limit {_share(limits.concurrency_share)} of them",
        )


def _counts(level: Level, limits: Limits, seen: Seen) -> Iterator[Reason]:
    pairs = (
        ("output", seen.output_tokens, level.server.output_tokens),
        ("prompt", seen.prompt_tokens, level.server.prompt_tokens),
    )
    for what, ours, theirs in pairs:
        if ours is None or theirs is None:
            continue
        apart = abs(ours - theirs) / max(ours, theirs, 1)
        if apart > limits.count_mismatch_share:
            yield Reason(
                "counts disagree",
                f"{ours} {what} tokens by the client, {theirs} by the server's counters:"
                f" {_share(apart)} apart, limit {_share(limits.count_mismatch_share)}",
            )


def _lengths(level: Level, limits: Limits) -> Iterator[Reason]:
    whole = level.requests - level.failed
    if whole and level.length_missed / whole > limits.length_missed_share:
        yield Reason(
            "lengths missed",
            f"{level.length_missed} of {whole} answers have not the length asked for,"
            f" limit {_share(limits.length_missed_share)}",
        )


def _cache(level: Level, limits: Limits) -> Iterator[Reason]:
    hits = level.server.prefix_cache_hit_share
    if hits is None:
        return
    if hits - level.declared_cache_share > limits.undeclared_cache_share:
        yield Reason(
            "undeclared cache hits",
            f"{_share(hits)} of the prompt tokens came from the prefix cache,"
            f" {_share(level.declared_cache_share)} are declared,"
            f" limit {_share(limits.undeclared_cache_share)} more",
        )


def _errors(level: Level, limits: Limits) -> Iterator[Reason]:
    if level.failed > limits.error_share * level.requests:
        listed = ", ".join(f"{kind} {count}" for kind, count in sorted(level.errors.items()))
        yield Reason(
            "errors",
            f"{level.failed} of {level.requests} requests failed ({listed}),"
            f" limit {_share(limits.error_share)}",
        )


def _steadiness(level: Level, limits: Limits) -> Iterator[Reason]:
    if level.client.stopped_early is not None:
        yield Reason("stopped early", level.client.stopped_early)
    if level.window is None:
        # One stream after another has no ramp: its whole is as steady as a window would be.
        if level.concurrency != 1:
            yield Reason(
                "no steady window",
                "too few requests or too short: nothing lies between the ramp and the drain",
            )
        return
    yield from _moved("the output rate", level.window.rate_drift, limits)
    yield from _moved("TTFT", level.window.ttft_drift, limits)


def _moved(what: str, drift: Drift | None, limits: Limits) -> Iterator[Reason]:
    if drift is None or drift.p_value >= _SIGNIFICANCE:
        return
    if abs(drift.change_share) > limits.drift_share:
        yield Reason(
            "not steady",
            f"{what} changed by {drift.change_share:+.0%} over the window"
            f" (p = {drift.p_value:.1g}), limit {_share(limits.drift_share)}",
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def _share(share: float) -> str:
    return f"{share * 100:.3g}%"
