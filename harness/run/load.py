"""The load stage of a cell: the client's own error first, then every level and search."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.config.run import RunConfig
from harness.config.workload import ClosedLevel, LoadWorkload, Objectives, SearchLevel
from harness.errors import MeasurementError
from harness.load import metrics, steady
from harness.load.calibrate import calibrate
from harness.load.drive import Generator, LevelRun, Target, processes_for
from harness.load.plan import Plan, plan_level, plan_probe
from harness.load.prompts import Vocabulary
from harness.load.search import in_flight_limit, search
from harness.records.schema import Calibration, Energy, Level, SearchResult, ServerFigures
from harness.stats import Estimate
from harness.telemetry.sampler import Sampler
from harness.telemetry.server import Span, server_figures

_CALIBRATE_AT_LEAST = 16  # streams
_NO_TELEMETRY = Energy(energy_j=None, source="not measured: telemetry is off")


class Served(Protocol):
    """What the load needs of a server that is ours."""

    def check_alive(self) -> None:
        """Raise when it has died."""

    def reset_prefix_cache(self) -> None:
        """Forget all prompts."""


@dataclass
class LoadStage:
    """Runs a workload against a target; what has been measured so far is always in its fields."""

    config: RunConfig
    target: Target
    vocabulary: Vocabulary
    count_tokens: Callable[[str], int] | None
    server: Served | None
    sampler: Sampler | None
    idle_s: float
    say: Callable[[str], None]
    show: Callable[[str], None]
    calibration: Calibration | None = None
    levels: list[Level] = field(default_factory=list)
    searches: list[SearchResult] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def calibrate(self) -> None:
        """The client's own error at the workload's highest concurrency, before anything else."""
        closed = [level for level in self._workload.levels if isinstance(level, ClosedLevel)]
        streams = max([_CALIBRATE_AT_LEAST, *(level.concurrency for level in closed)])
        self.calibration = calibrate(self._workload.client, [streams], True, self.say)
        point = self.calibration.points[0]
        self.show(
            f"client at {point.streams} streams: error per event p50"
            f" {point.event_error_p50_s * 1e3:.3f} ms, p99 {point.event_error_p99_s * 1e3:.3f} ms,"
            f" times taken by the {self.calibration.stamps} clock"
        )

    def run(self) -> None:
        """Everything, level by level. Raises MeasurementError when all requests of one fail."""
        workload = self._workload
        plans = {
            level.name: plan_level(workload, level, self.vocabulary, self.config.seed)
            for level in workload.levels
            if not isinstance(level, SearchLevel)
        }
        if self.sampler:
            self.say("measuring idle power")
            self.sampler.idle(self.idle_s)
        with Generator(
            self.target,
            workload.client,
            processes=processes_for(workload.client, list(plans.values())),
            timeout_s=workload.request_timeout_s,
            count_tokens=self.count_tokens,
        ) as generator:
            for number, level in enumerate(workload.levels, start=1):
                where = f"load level {level.name} ({number} of {len(workload.levels)})"
                if isinstance(level, SearchLevel):
                    self._search(generator, level, where)
                else:
                    self._level(generator, plans[level.name], where)

    @property
    def _workload(self) -> LoadWorkload:
        assert isinstance(self.config.workload, LoadWorkload)
        return self.config.workload

    def _search(self, generator: Generator, level: SearchLevel, where: str) -> None:
        objectives = self.config.objectives
        assert isinstance(objectives, Objectives)
        output = self._workload.output
        longest = getattr(output, "tokens", None) or getattr(output, "max_tokens", None)

        def probe(number: int, rate_rps: float, requests: int) -> Level:
            limit = in_flight_limit(rate_rps, objectives, longest)
            plan = plan_probe(
                self._workload, rate_rps, requests, number, self.vocabulary, self.config.seed, limit
            )
            return self._level(generator, plan, f"{where}, probe {number} at {rate_rps:.3g} rps")

        found = search(level, objectives, probe, self.say)
        self.searches.append(found)
        rate = "no rate" if found.rate_rps is None else f"{found.rate_rps:.3g} rps"
        self.show(f"{where}: {rate} meets {found.objectives}; {found.ended}")

    def _level(self, generator: Generator, plan: Plan, where: str) -> Level:
        if self.server:
            self.server.check_alive()
            self.server.reset_prefix_cache()
        starts: list[float] = []
        run = generator.run(
            plan,
            lambda done, asked: self.say(f"{where}: {done} of {asked} requests"),
            lambda: starts.append(self._mark()),
        )
        end_s = self._mark()
        self.rows += [request.row() for request in run.requests]
        if not any(request.ok for request in run.requests):
            first = next((r for r in run.requests if r.error_kind != "stopped"), run.requests[0])
            raise MeasurementError(
                f"level {plan.name}: all {len(run.requests)} requests that were sent failed;"
                f" the first: {first.error_kind}: {first.error}"
            )
        level = self._figures(plan, run, starts[0], end_s)
        self.levels.append(level)
        self.show(f"{where}: {_line(level)}")
        return level

    def _mark(self) -> float:
        return self.sampler.mark() if self.sampler else time.monotonic()

    def _figures(self, plan: Plan, run: LevelRun, start_s: float, end_s: float) -> Level:
        objectives = self.config.objectives
        server, energy = ServerFigures(), _NO_TELEMETRY
        if self.sampler:
            window = steady.window(plan, run.requests) or steady.whole(run.requests)
            span = Span(window.start_s, window.end_s)
            energy = self.sampler.energy(*span)
            server = server_figures(
                self.sampler.server_rows, Span(start_s, end_s), self.config.hardware, span
            )
        return metrics.summarise(
            plan,
            run.requests,
            run.client,
            server,
            energy,
            self._workload.limits,
            objectives if isinstance(objectives, Objectives) else None,
        )


def _line(level: Level) -> str:
    parts = [_figure(level.output_tok_per_s, "output tok/s", 1)]
    parts.append(f"TTFT p50 {_figure(level.ttft_s.p50, 's', 3)}")
    parts.append(f"{level.failed} of {level.requests} failed")
    parts += [f"VOID: {reason}" for reason in level.void]
    return ", ".join(parts)


def _figure(estimate: Estimate | None, unit: str, digits: int) -> str:
    return "none" if estimate is None else f"{estimate.value:.{digits}f} {unit}"
