"""Models side by side: gate, score with rank and ties, and hazard, for one buyer and day. Pure."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from harness.config.judge import BuyerConfig, Deployment, JudgeConfig, RiskConfig
from harness.config.workload import Content
from harness.fields import Frozen
from harness.risk.assess import Assessment, assess
from harness.risk.factors import Measured
from harness.risk.hazard import Hazard, Rates, hazard
from harness.risk.history import changes
from harness.risk.registry import Model, Registry
from harness.risk.score import Score, Spread, Vector, score


class Subject(NamedTuple):
    """A model, how it is used (None: the buyer's way), and what runs measured of it."""

    model: Model
    deployment: Deployment | None = None
    measured: Measured | None = None
    ranked: bool = True  # False: scored, but in no ranking, as those that the gate bars


class Judged(Frozen):
    """One model among those it is compared with."""

    assessment: Assessment
    score: Score
    hazard: Hazard


class Comparison(Frozen):
    """The models in the order asked for."""

    buyer: str
    day: dt.date
    models: tuple[Judged, ...]
    safer: tuple[tuple[float, ...], ...]
    safer_non_compensatory: tuple[tuple[float, ...], ...]
    correlations: dict[str, float | None]

    def lines(self) -> list[str]:
        """As a terminal shows it."""
        heads = (
            f"{'model':52} {'gate':22} {'score':18} {'non-compensatory':18} {'rank':12}"
            f" {'hazard a year':20} ties"
        )
        lines = [f"{self.buyer}, as of {self.day}", heads]
        for each in self.models:
            found, marks = each.assessment, each.score
            days = f", {found.gate.days_left} days" if found.gate.days_left else ""
            a, n = marks.additive, marks.non_compensatory
            lines.append(
                f"{found.model:52} {found.gate.verdict + days:22}"
                f" {a.median:.2f} [{a.low:.2f}, {a.high:.2f}] {n.median:.2f}"
                f" [{n.low:.2f}, {n.high:.2f}] {_place(marks.rank)}"
                f"   {_rate(each.hazard):20} {len(marks.ties)}"
            )
            vector = "  ".join(
                f"{f.name} {f.low:g}" + ("" if f.low == f.high else f"-{f.high:g}")
                for f in found.factors
            )
            lines.append(f"    {vector}")
            lines += [f"    {reason.text}" for reason in found.gate.reasons[:3]]
        return lines


def _place(rank: Spread | None) -> str:
    if rank is None:
        return "not ranked"
    return f"{rank.median:4.0f} [{rank.low:.0f}, {rank.high:.0f}]"


def _rate(found: Hazard) -> str:
    if found.median is None:
        return "unknown"
    return f"{found.median:.3f} [{found.low:.3f}, {found.high:.3f}]"


class Point(Frozen):
    """One model on one day."""

    on: dt.date
    model: str
    gate: str
    median: float
    low: float
    high: float


def compare(
    registry: Registry,
    subjects: Sequence[Subject],
    buyer: BuyerConfig,
    risk: RiskConfig,
    day: dt.date,
    content: Content = "chat",
) -> Comparison:
    """Judge the subjects together."""
    found = [
        assess(registry, each.model, buyer, risk, day, each.deployment, each.measured)
        for each in subjects
    ]
    rates = Rates(registry, risk.counted_since, day)
    scored = score(
        [Vector(key=each.model, low=each.low, high=each.high) for each in found],
        risk.weights_for(content),
        risk,
        [each.ranked and a.gate.permits for each, a in zip(subjects, found, strict=True)],
    )
    return Comparison(
        buyer=buyer.profile,
        day=day,
        models=tuple(
            Judged(assessment=a, score=s, hazard=hazard(a, rates, buyer, risk, day)[0])
            for a, s in zip(found, scored.models, strict=True)
        ),
        safer=scored.safer,
        safer_non_compensatory=scored.safer_non_compensatory,
        correlations=scored.correlations,
    )


def over_time(
    registry: Registry,
    models: Sequence[Model],
    judge: JudgeConfig,
    since: dt.date,
    until: dt.date,
    deployment: Deployment | None = None,
) -> list[Point]:
    """Gate and score on the first day, on each day on which a fact changed, and on the last."""
    days = sorted({since, *(each.on for each in changes(registry, since, until)), until})
    points = []
    for day in days:
        subjects = [Subject(model, deployment) for model in models]
        found = compare(registry, subjects, judge.buyer, judge.risk, day)
        for each in found.models:
            spread = each.score.additive
            points.append(
                Point(
                    on=day,
                    model=each.assessment.model,
                    gate=each.assessment.gate.verdict,
                    median=spread.median,
                    low=spread.low,
                    high=spread.high,
                )
            )
    return points
