"""Columns of risk: gate, score, rank and hazard of each model for one buyer."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.config.judge import Deployment, FactorName, JudgeConfig, RiskConfig
from harness.config.workload import Content
from harness.report.naming import content_of
from harness.report.rows import Figure, Row, barred, basis, hindered, is_endpoint
from harness.risk.assess import Assessment, assess
from harness.risk.compare import Judged, Subject, compare
from harness.risk.factors import Level, Measured
from harness.risk.hazard import Rates, hazard
from harness.risk.measured import behaviour as behaviour_level
from harness.risk.measured import best
from harness.risk.measured import security as security_level
from harness.risk.registry import Model, Registry
from harness.risk.replaceability import Candidate, replaceability
from harness.risk.score import Spread

REGISTRY = "harness/risk/data"
_TEXTS = (
    "headquarters", "jurisdictions", "gate_reasons", "risk_factors", "risk_evidence", "risk_ties",
    "risk_sensitivity", "withdrawal_hazard_parts",
)  # fmt: skip
_FIGURES = ("risk_score", "risk_score_strict", "risk_rank", "withdrawal_hazard_per_year")


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
            known[content_of(row)].append((row, model))
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
            ranked=any(not hindered(row, alone[key]) for row in rows),
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
    costs = [row.figure(basis(row)).value for row in rows]
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
        "risk_rank": _figure(marks.rank, None)
        if marks.rank and not barred(row)
        else Figure(reason=f"not ranked: {barred(row)}"),
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
