"""The highest Poisson rate at which the objectives are met: doubling, then bisecting. Pure.

The rule for one rate. The share of a probe's requests that meet every objective has a Wilson
interval. The rate **passes** when the whole interval is at or above the share asked for, and
**fails** when the whole interval is below it, when requests fail beyond their limit, or when
sending stopped early because more requests were in flight than the objectives allow. Otherwise,
and when the probe was not steady or too short to have a steady window, it is **undecided**: it is
repeated once with twice the requests, and counts of probes that are valid are pooled. What is then
still undecided counts as failed: the rate that is reported is one that was shown to pass.

A probe that is void for another reason (the client lagged, counts disagree, ...) measured
something other than the server, so it ends the search, as does a rate at which even the longer
probe is too short.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from scipy import stats as scipy_stats

from harness.config.workload import Objectives, SearchLevel
from harness.errors import ConfigError
from harness.load import validity
from harness.records.schema import Level, SearchResult
from harness.stats import CONFIDENCE, Estimate, proportion

Probe = Callable[[int, float, int], Level]
"""(number from 1, requests per second, requests) -> the level that a Poisson load of these gave."""

_REPEAT = 2  # times the requests, for a rate that a first probe left undecided
_ALLOWANCE = 2.0  # times the requests in flight that the objectives allow, before it is hopeless
_BURST = 16  # requests that may come at once at whatever rate

# Kinds of void: the client's fault; the server is beyond its limit; not long enough to say.
_OWN_FAULT = {"client lagged", "clock step"}
_SATURATED = {"stopped early", "errors"}
_UNSETTLED = {"not steady", "no steady window"}


def search(
    level: SearchLevel, objectives: Objectives, probe: Probe, say: Callable[[str], object]
) -> SearchResult:
    """Find the highest rate that passes; `say` is told the verdict on each probe."""
    hunt = _Hunt(level, objectives, probe, say)
    ended = None
    while ended is None:
        ended = hunt.step()
    return SearchResult(
        objectives=objectives.name,
        rate_rps=hunt.passed_rps,
        failed_rate_rps=hunt.failed_rps,
        probes=tuple(hunt.names),
        ended=ended,
    )


def check(level: SearchLevel, objectives: Objectives) -> None:
    """Raise ConfigError when no probe could be large enough to show what the objectives ask."""
    needed, most = requests_needed(objectives.share), level.requests * (1 + _REPEAT)
    if most < needed:
        raise ConfigError(
            f"workload.levels, search: requests={level.requests} is too few: to show that"
            f" {objectives.share:.4g} of all requests meet the objectives takes {needed}, and a"
            f" rate gets at most {1 + _REPEAT} times requests; give {-(-needed // (1 + _REPEAT))}"
        )


def requests_needed(share: float) -> int:
    """Fewest requests of which all must meet the objectives to show that `share` of them do.

    Wilson's lower end for n of n is n / (n + z^2); 381 for 99%.
    """
    z = float(scipy_stats.norm.ppf((1 + CONFIDENCE) / 2))
    return math.ceil(z * z * share / (1 - share))


def in_flight_limit(
    rate_rps: float, objectives: Objectives, output_tokens: int | None
) -> int | None:
    """Requests in flight beyond which the objectives cannot be met any more.

    Little's law: the rate times the longest answer that the objectives allow are in flight when
    all just meet them; twice that, and a burst more, means that most do not. The longest answer is
    e2e_s, or else ttft_s + tpot_s x (tokens - 1). None where the objectives do not bound it.
    """
    longest_s = objectives.e2e_s
    if longest_s is None:
        if objectives.ttft_s is None or objectives.tpot_s is None or output_tokens is None:
            return None
        longest_s = objectives.ttft_s + objectives.tpot_s * (output_tokens - 1)
    return math.ceil(_ALLOWANCE * rate_rps * longest_s) + _BURST


@dataclass(frozen=True)
class _Verdict:
    """On a rate. `end`: the search cannot go on."""

    outcome: Literal["passed", "failed", "undecided", "end"]
    why: str


@dataclass
class _Hunt:
    """The bracket around the highest rate that passes, and how it came about."""

    level: SearchLevel
    objectives: Objectives
    probe: Probe
    say: Callable[[str], object]
    passed_rps: float | None = None
    failed_rps: float | None = None
    failed_why: str = ""
    names: list[str] = field(default_factory=list)

    def step(self) -> str | None:
        """Try the next rate; why the search has ended, or None."""
        rate_rps = self._next_rate()
        if rate_rps is None:
            return self._found()
        if not self._probes_left():
            return f"{self.level.max_probes} probes were used up{self._doubt()}"
        verdict = self._try(rate_rps)
        if verdict.outcome == "end":
            return verdict.why
        if verdict.outcome == "passed":
            self.passed_rps = rate_rps
        else:
            open_still = "undecided, which counts as failed: " * (verdict.outcome == "undecided")
            self.failed_rps, self.failed_why = rate_rps, open_still + verdict.why
        return None

    def _next_rate(self) -> float | None:
        highest = self.level.max_rate_rps
        passed, failed = self.passed_rps, self.failed_rps
        if passed is None:
            return min(self.level.start_rate_rps, highest) if failed is None else None
        if failed is None:
            return min(2 * passed, highest) if passed < highest else None
        narrow = (failed - passed) / passed <= self.level.tolerance
        return None if narrow else (passed + failed) / 2

    def _found(self) -> str:
        if self.failed_rps is None:
            return "the highest rate to be tried passed"
        if self.passed_rps is None:
            return f"the first rate failed: {self.failed_why}"
        return f"the bracket is within {self.level.tolerance:.3g}{self._doubt()}"

    def _doubt(self) -> str:
        """What the upper end of the bracket rests on."""
        return f"; at {self.failed_rps:.4g} req/s {self.failed_why}" if self.failed_rps else ""

    def _probes_left(self) -> int:
        return self.level.max_probes - len(self.names)

    def _try(self, rate_rps: float) -> _Verdict:
        probe = self._run(rate_rps, self.level.requests)
        verdict = self._judge(probe, probe.slo_met)
        if verdict.outcome == "undecided" and self._probes_left():
            first, probe = probe, self._run(rate_rps, _REPEAT * self.level.requests)
            both = not first.void and not probe.void
            verdict = self._judge(probe, _pooled(first, probe) if both else probe.slo_met)
        if verdict.outcome == "undecided" and probe.window is None:
            return _Verdict("end", f"probe {probe.name} is void: {verdict.why}")
        return verdict

    def _run(self, rate_rps: float, requests: int) -> Level:
        found = self.probe(len(self.names) + 1, rate_rps, requests)
        self.names.append(found.name)
        return found

    def _judge(self, probe: Level, met: Estimate | None) -> _Verdict:
        """By the rule of this module; `met` may pool several probes."""
        verdict = _of_void(probe) or _of_share(met, self.objectives.share)
        if probe.void and verdict.outcome in ("passed", "undecided"):
            verdict = _Verdict("undecided", "; ".join(probe.void))
        self.say(f"probe {probe.name}: {verdict.outcome}, {verdict.why}")
        return verdict


def _of_void(probe: Level) -> _Verdict | None:
    """What the reasons for which a probe is void decide by themselves."""
    kinds, why = validity.kinds(probe.void), "; ".join(probe.void)
    if not kinds & _OWN_FAULT:
        # A server that cannot keep up can bring about the other reasons as well.
        if kinds & _SATURATED:
            return _Verdict("failed", why)
        if kinds <= _UNSETTLED:
            return None
    return _Verdict("end", f"probe {probe.name} is void: {why}")


def _of_share(met: Estimate | None, share: float) -> _Verdict:
    if met is None or met.low is None or met.high is None:
        return _Verdict("undecided", "no request was measured")
    counted = f"{met.value:.4g} [{met.low:.4g}, {met.high:.4g}] of {met.n} met the objectives"
    if met.high < share:
        return _Verdict("failed", counted)
    if met.low >= share:
        return _Verdict("passed", counted)
    return _Verdict("undecided", f"{counted}, which leaves {share:.4g} undecided")


def _pooled(first: Level, second: Level) -> Estimate | None:
    shares = [probe.slo_met for probe in (first, second) if probe.slo_met is not None]
    n = sum(share.n for share in shares)
    return proportion(sum(round(share.value * share.n) for share in shares), n)
