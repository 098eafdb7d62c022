"""Columns of risk, and of what a withdrawal would cost."""

import datetime as dt
import json
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import elicited, resilience
from harness.config.judge import Deployment, FactorName, JudgeConfig, Range, RiskConfig
from harness.config.workload import Content
from harness.report.priced import evaluation_usd
from harness.report.rows import Figure, Move, Row, is_endpoint
from harness.risk.assess import Assessment, assess
from harness.risk.compare import Judged, Subject, compare
from harness.risk.factors import Level, Measured
from harness.risk.hazard import HazardDraws, Rates, hazard
from harness.risk.measured import behaviour as behaviour_level
from harness.risk.measured import best
from harness.risk.measured import security as security_level
from harness.risk.registry import Model, Registry
from harness.risk.replaceability import Candidate, replaceability
from harness.risk.score import Spread
from harness.stats import quantiles

Array = npt.NDArray[np.float64]
REGISTRY = "harness/risk/data"
_TEXTS = (
    "headquarters", "jurisdictions", "gate_reasons", "risk_factors", "risk_evidence", "risk_ties",
    "risk_sensitivity", "withdrawal_hazard_parts",
)  # fmt: skip
_FIGURES = ("risk_score", "risk_score_strict", "risk_rank", "withdrawal_hazard_per_year")
_Z95 = 1.959963984540054


def judged(rows: Sequence[Row], registry: Registry, judge: JudgeConfig, day: dt.date) -> None:
    """Fill in gate, risk and hazard. Models are scored with those of the same kind of workload."""
    known: dict[Content, list[tuple[Row, Model]]] = defaultdict(list)
    for row in rows:
        config = row.cell.config
        row.values["buyer"] = judge.buyer.profile
        row.values["deployment"] = _deployment(row, judge).replace("_", " ")
        revision = config["model"]["source"].get("revision")
        model = registry.find(config["model"]["key"], revision)
        if model is None:
            _not_assessed(row)
        else:
            known[config["workload"].get("content", "chat")].append((row, model))
    rates = Rates(registry, judge.risk.counted_since, day)
    for content, pairs in known.items():
        _together(pairs, registry, judge, day, content, rates)
        for row, _ in pairs:
            assert row.judged is not None  # set by _together
            _show(row, row.judged, judge.risk.weights_for(content))


def _together(
    pairs: Sequence[tuple[Row, Model]],
    registry: Registry,
    judge: JudgeConfig,
    day: dt.date,
    content: Content,
    rates: Rates,
) -> None:
    """Judge each alone for its gate, then all with the models that could replace each other."""
    unique: dict[tuple[str, Deployment], list[Row]] = defaultdict(list)
    models = {}
    for row, model in pairs:
        unique[model.key, _deployment(row, judge)].append(row)
        models[model.key] = model
    buyer, risk = judge.buyer, judge.risk
    alone = {
        key: assess(registry, models[key[0]], buyer, risk, day, deployment=key[1]) for key in unique
    }
    candidates = {key: _candidate(alone[key], rows) for key, rows in unique.items()}
    allowed = [candidates[key] for key in unique if alone[key].gate.permits]
    subjects = [
        Subject(
            models[key[0]],
            key[1],
            _measured(rows, replaceability(candidates[key], allowed), risk),
        )
        for key, rows in unique.items()
    ]
    found = compare(registry, subjects, buyer, risk, day, content)
    for rows, each in zip(unique.values(), found.models, strict=True):
        draws = hazard(each.assessment, rates, buyer, risk, day)[1]
        for row in rows:
            row.judged, row.hazard = each, draws


def _measured(rows: Sequence[Row], replaceable: Level | None, risk: RiskConfig) -> Measured:
    found = best(row.cell.behaviour for row in rows)
    if found is None:
        return Measured(replaceability=replaceable)
    return Measured(
        behaviour=behaviour_level(found),
        security=security_level(found, risk),
        replaceability=replaceable,
    )


def _deployment(row: Row, judge: JudgeConfig) -> Deployment:
    return "third_party" if is_endpoint(row.cell) else judge.buyer.deployment


def _candidate(found: Assessment, rows: Sequence[Row]) -> Candidate:
    """Quality is the first accuracy figure that the model has, cost the lowest of its cells."""
    accuracies = [
        row.figure(key).value
        for key in ("accuracy_en", "accuracy_maths", "accuracy_zh")
        for row in rows
    ]
    costs = [row.figure(_basis(row)).value for row in rows]
    return Candidate(
        key=found.model,
        jurisdictions=found.jurisdictions,
        quality=next((value for value in accuracies if value is not None), None),
        usd_per_mtok=min((value for value in costs if value is not None), default=None),
    )


def _not_assessed(row: Row) -> None:
    config, values = row.cell.config["model"], row.values
    missing = (
        f"not assessed: {config['key']} is not in the registry;"
        f" harness risk add model {config['key']}"
    )
    values |= dict.fromkeys(_TEXTS, missing)
    values |= {key: Figure(reason=missing) for key in _FIGURES}
    values |= {"developer": config["developer"], "licence": config["licence"]["value"]}
    values["gate"] = "not_assessed"


def _show(row: Row, each: Judged, weights: Mapping[FactorName, float]) -> None:
    found, marks, risk = each.assessment, each.score, each.hazard
    gate = found.gate
    reasons = [f"{_path(r.path)}{r.text}" for r in gate.reasons]
    pending = [f"pending: {_path(r.path)}{r.text}" for r in gate.pending]
    row.values |= {
        "developer": found.developer,
        "headquarters": found.headquarters,
        "jurisdictions": ", ".join(found.jurisdictions),
        "licence": found.licence,
        "gate": gate.verdict + (f", {gate.days_left} days left" if gate.days_left else ""),
        "gate_reasons": "; ".join([*reasons, *pending])
        or "no instrument in the registry gates this buyer (listings: see evidence)",
        "risk_score": _figure(marks.additive, found.facts),
        "risk_score_strict": _figure(marks.non_compensatory, found.facts),
        "risk_rank": _figure(marks.rank, None),
        "risk_ties": ", ".join(marks.ties) or "none: told from all others here",
        "risk_factors": "; ".join(
            f"{f.name} {weights[f.name]:.3g} x [{f.low:g}, {f.high:g}]" for f in found.factors
        ),
        "risk_sensitivity": _sensitivity(each),
        "risk_evidence": " | ".join(_evidence(found)),
        "withdrawal_hazard_per_year": Figure(reason=f"unknown: {risk.missing}")
        if risk.median is None
        else Figure(value=risk.median, low=risk.low, high=risk.high, source=REGISTRY),
        "withdrawal_hazard_parts": "; ".join(
            [
                f"{part.party}, {part.event.replace('_', ' ')} {part.per_year:.4f}: {part.basis}"
                for part in risk.parts
            ]
            + [f"on {day} with probability {chance:.2f}" for day, chance in risk.jumps]
        )
        or f"unknown: {risk.missing}",
    }


def _figure(spread: Spread, facts: int | None) -> Figure:
    return Figure(value=spread.median, low=spread.low, high=spread.high, n=facts, source=REGISTRY)


def _sensitivity(each: Judged) -> str:
    marks, found = each.score, each.assessment
    parts = [f"between {marks.bound_low:.2f} and {marks.bound_high:.2f} whatever the distribution"]
    if marks.weights_share is not None:
        parts.append(f"{marks.weights_share:.0%} of the spread from the weights")
    if marks.deciding_unknown:
        parts.append(
            f"knowing {marks.deciding_unknown} would move the rank by up to {marks.deciding_moves}"
        )
    if found.stale_facts:
        parts.append(f"{found.stale_facts} of {found.facts} facts past review")
    parts += [f"sources disagree: {conflict}" for conflict in found.conflicts]
    if not found.named_revision:
        parts.append("facts name no revision of the repo")
    return "; ".join(parts)


def _evidence(found: Assessment) -> list[str]:
    lines = []
    for factor in found.factors:
        for reason in factor.reasons:
            fact = reason.fact
            if fact is None:
                lines.append(f"{factor.name}: {_path(reason.path)}{reason.text}")
                continue
            dated = fact.published or f"read {fact.read}"
            mark = ", past review" if reason.stale else ""
            lines.append(
                f"{factor.name}: {_path(reason.path)}{reason.text}"
                f" ({fact.confidence}, {fact.publisher}, {dated}{mark}: {fact.source})"
            )
    return list(dict.fromkeys(lines))


def _path(path: Sequence[str]) -> str:
    return f"via {' <- '.join(path[1:])}: " if len(path) > 1 else ""


# --- what a withdrawal costs -----------------------------------------------------------------

_MONEY = (
    "switch_cost_usd", "break_even_hazard_per_year", "risk_adjusted_usd_per_mtok_total",
    "risk_adjusted_usd_per_mtok_output", "below_fallback_share", "warm_fallback_usd",
    "recovery_days",
)  # fmt: skip
# What a cost is reckoned per, and the column that it is risk-adjusted in. Output alone only where
# the source of an imported cell counts no input.
ADJUSTED_BY = {
    "bill_usd_per_mtok_total": "risk_adjusted_usd_per_mtok_total",
    "bill_usd_per_mtok_output": "risk_adjusted_usd_per_mtok_output",
}


def withdrawal(rows: Sequence[Row], judge: JudgeConfig) -> None:
    """Each against the cheapest other that this buyer may use and that is less likely to go.

    Another on the same machine under the same workload: else the costs are not of one question.
    """
    leaving = _Leaving(judge)
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        machine = json.dumps(row.cell.config["hardware"], sort_keys=True)
        groups[machine, row.text("workload"), _basis(row)].append(row)
    for (*_, basis), group in groups.items():
        able = sorted((row for row in group if _can_stand_in(row)), key=_bill)
        # The least hazard among the cheapest k falls with k, so the first below a rate is found
        # by bisection.
        least = np.minimum.accumulate([_hazard(row) for row in able]) if able else np.empty(0)
        for row in group:
            _withdrawal(row, able, least, leaving)
            for other, column in ADJUSTED_BY.items():
                if other != basis:
                    row.values[column] = Figure(reason=f"not applicable: reckoned by {basis}")


def _basis(row: Row) -> str:
    counted = row.figure("bill_usd_per_mtok_total").value is not None
    alone = row.cell.origin is not None and not counted
    return "bill_usd_per_mtok_output" if alone else "bill_usd_per_mtok_total"


class _Leaving:
    """What is the same for all cells: draws of what moving costs, and each model's survival."""

    def __init__(self, judge: JudgeConfig) -> None:
        self.judge = judge
        self.moving = _moving(judge)
        self.moving_spread = _spread(self.moving.usd)
        self.recovery_spread = _spread(self.moving.downtime_days)
        self._survivals: dict[int, resilience.Survival] = {}
        self._costs: dict[Path, Array] = {}

    def survival(self, hazard: HazardDraws) -> resilience.Survival:
        """Cells of one model share their draws, so the object tells the model."""
        if id(hazard) not in self._survivals:
            buyer = self.judge.buyer
            self._survivals[id(hazard)] = resilience.survival(
                hazard.rate, buyer.horizon_years, buyer.discount_rate_per_year, hazard.jumps
            )
        return self._survivals[id(hazard)]

    def fallback_costs(self, fallback: Row) -> Array:
        """Draws of a fallback's cost: the same for each that would move to it."""
        record = fallback.folder  # two sweeps may have measured one cell
        if record not in self._costs:
            self._costs[record] = _costs(fallback, self.judge, "fallback")
        return self._costs[record]


def _withdrawal(row: Row, able: Sequence[Row], least: Array, leaving: _Leaving) -> None:
    own, rate = row.figure(_basis(row)), row.figure("withdrawal_hazard_per_year")
    row.values["fallback"] = "none"
    if own.value is None or rate.value is None or row.hazard is None:
        row.values |= {key: Figure(reason=own.reason or rate.reason) for key in _MONEY}
        return
    first = int(np.searchsorted(-least, -rate.value, side="right"))
    if first == len(able):
        missing = "not measured: no permitted, safer fallback in this report"
        row.values |= {key: Figure(reason=missing) for key in _MONEY}
        return
    _money(row, able[first], leaving)


def _can_stand_in(row: Row) -> bool:
    return (
        row.cell.status == "done"
        and row.judged is not None
        and row.judged.assessment.gate.permits
        and row.figure(_basis(row)).value is not None
        and row.figure("withdrawal_hazard_per_year").value is not None
    )


def _bill(row: Row) -> float:
    return row.figure(_basis(row)).value or 0.0


def _hazard(row: Row) -> float:
    return row.figure("withdrawal_hazard_per_year").value or 0.0


def _moving(judge: JudgeConfig) -> resilience.Switch:
    """Draws of what moving costs this buyer before re-tuning; the same for every model."""
    buyer, plan, risk = judge.buyer, judge.buyer.switch, judge.risk
    rng = np.random.default_rng(risk.seed)
    return resilience.switch_usd(
        _amounts(plan.engineering_days, rng, risk.draws),
        plan.usd_per_engineering_day,
        _amounts(plan.contracts_usd, rng, risk.draws),
        _amounts(plan.downtime_days, rng, risk.draws),
        buyer.mtok_per_year,
        plan.lost_usd_per_mtok,
    )


def _money(row: Row, fallback: Row, leaving: _Leaving) -> None:
    judge, moving = leaving.judge, leaving.moving
    buyer, plan = judge.buyer, judge.buyer.switch
    assert row.hazard is not None  # withdrawal's
    n = judge.risk.draws
    c, c1 = _costs(row, judge, "own"), leaving.fallback_costs(fallback)
    measured, unmeasured = _measured_switch(fallback, judge)
    switch = moving.usd + measured
    lost, quality = _quality_lost(row, fallback)
    worse = lost * 100 * plan.usd_per_accuracy_point_year
    jumps = row.hazard.jumps
    survival = leaving.survival(row.hazard)
    adjusted = resilience.expected_given(survival, c, c1, buyer.mtok_per_year, switch, worse)
    even = resilience.break_even_hazard(
        c, c1, buyer.mtok_per_year, switch, worse,
        buyer.horizon_years, buyer.discount_rate_per_year, jumps,
    )  # fmt: skip
    warm = resilience.warm_fallback_usd(
        switch,
        plan.warm_share,
        survival.leaves,
        plan.warm_fallback_usd_per_year,
        buyer.horizon_years,
    )
    row.values["fallback"] = f"{fallback.text('model')} ({quality}; {unmeasured})"
    row.move = Move(fallback.folder, leaving.moving_spread[1], measured, worse)
    own = row.figure(_basis(row))
    source = f"{own.source}; fallback {fallback.cell.cell_id}; buyer {buyer.profile}"
    below = np.mean(np.asarray(adjusted) < c1 + worse / buyer.mtok_per_year)
    row.values |= {
        "switch_cost_usd": _shown(leaving.moving_spread, n, source, shift=measured),
        "break_even_hazard_per_year": _break_even(even, source),
        ADJUSTED_BY[_basis(row)]: _of(adjusted, source),
        "below_fallback_share": Figure(value=float(below), n=n, source=source),
        "warm_fallback_usd": _of(warm, source),
        "recovery_days": _shown(leaving.recovery_spread, n, source),
    }


def _break_even(even: object, source: str) -> Figure:
    if even is None:
        return Figure(reason="not applicable: moving to the fallback costs nothing")
    if not np.all(np.isfinite(np.asarray(even))):
        return Figure(reason="no bound: the fallback is cheaper however low the hazard")
    return _of(even, source)


def _measured_switch(fallback: Row, judge: JudgeConfig) -> tuple[float, str]:
    """Measured USD of re-tuning and re-evaluating the fallback, and what of it was not measured."""
    tuning = fallback.figure("finetune_cost_usd").value
    evaluation = evaluation_usd(fallback, judge)
    parts = {"re-tuning": tuning, "re-evaluation": evaluation}
    missing = [name for name, usd in parts.items() if usd is None]
    note = f"{' and '.join(missing)} not measured" if missing else "re-tuning, evaluation measured"
    return sum(usd for usd in parts.values() if usd is not None), note


def _quality_lost(row: Row, fallback: Row) -> tuple[float, str]:
    """Accuracy lost by moving, as a share, on the first task both were measured on."""
    for key in ("accuracy_en", "accuracy_maths", "accuracy_zh"):
        own, other = row.figure(key).value, fallback.figure(key).value
        if own is not None and other is not None:
            return max(own - other, 0.0), f"{key} {other - own:+.3f}"
    return 0.0, "accuracy not compared"


def _costs(row: Row, judge: JudgeConfig, use: str) -> Array:
    """Draws of a cell's bill from its interval (normal, above 0); a point without one."""
    figure, risk = row.figure(_basis(row)), judge.risk
    assert figure.value is not None  # the caller's
    if figure.low is None or figure.high is None:
        return np.full(risk.draws, figure.value)
    rng = np.random.default_rng([risk.seed, zlib.crc32(f"{row.cell.cell_id} {use}".encode())])
    spread = (figure.high - figure.low) / (2 * _Z95)
    return np.maximum(rng.normal(figure.value, spread, risk.draws), figure.value * 1e-3)


def _amounts(given: Range, rng: np.random.Generator, n: int) -> Array:
    return elicited.amounts(given.low, given.high, rng, n)


def _of(draws: object, source: str) -> Figure:
    values = np.asarray(draws, dtype=np.float64)
    return _shown(_spread(values), values.size, source)


def _spread(draws: Array) -> tuple[float, float, float]:
    """Low end, median and high end of draws."""
    low, median, high = quantiles(draws, (0.05, 0.5, 0.95))
    return low, median, high


def _shown(spread: tuple[float, float, float], n: int, source: str, shift: float = 0.0) -> Figure:
    low, median, high = spread
    return Figure(value=median + shift, low=low + shift, high=high + shift, n=n, source=source)
