"""How gates, scores, hazards and the cost of a withdrawal were made: facts with their sources."""

import math

from harness.config.judge import FactorName
from harness.report.explain.explained import Explainer, Input, Working, cited, shown
from harness.report.naming import content_of
from harness.report.rows import is_endpoint
from harness.risk.compare import Judged
from harness.risk.gates import Reason
from harness.risk.licences import settled
from harness.risk.lineage import weight_line
from harness.risk.score import LEAST_HEADROOM


def _found(out: Working) -> Judged | None:
    """What was judged; where nothing was, why."""
    if out.row.judged is None:
        key = out.cell.config["model"]["key"]
        out.recorded("repo, by which the registry is asked", "config.model.key", key)
        out.step(f"the registry has no entry for it; harness risk add model {key} prints one")
        return None
    buyer, risk = out.table.judge.buyer, out.table.judge.risk
    out.given("facts as of", out.table.day, "risk.as_of")
    out.given("buyer", buyer.profile, f"buyer/{buyer.profile}.yaml: {buyer.source}")
    if risk.registry_dirs:
        folders = ", ".join(map(str, risk.registry_dirs))
        out.given("facts laid over the shipped ones", folders, "risk.registry_dirs")
    return out.row.judged


def _reason(out: Working, head: str, reason: Reason) -> None:
    """A reason with the fact behind it, and the way through the weights to it."""
    path = f" via {' <- '.join(reason.path[1:])}" if len(reason.path) > 1 else ""
    stale = ", past review" if reason.stale else ""
    source = cited(reason.fact) + stale if reason.fact else "a measurement, or no fact at all"
    out.given(f"{head}{path}", reason.text, source)


# --- who made it -----------------------------------------------------------------------------


def _party(out: Working) -> None:
    if _found(out) is None or out.model is None:
        return
    out.fact("developer", out.model.developer)
    maker = out.registry.parties.get(out.model.developer.value)
    if maker is None:
        return
    for fact in maker.headquarters.found:
        out.fact(f"headquarters of {maker.title}", fact)
    for fact in maker.control.found:
        out.fact(f"ultimate control of {maker.title}", fact)


def _jurisdictions(out: Working) -> None:
    if _found(out) is None or out.model is None:
        return
    for path in weight_line(out.registry, out.model.key):
        key = path[-1]
        way = f", via {' <- '.join(path[1:])}" if len(path) > 1 else ""
        out.fact(f"developer of {key}{way}", out.registry.models[key].developer)
        maker = out.registry.parties.get(out.registry.models[key].developer.value)
        if maker is not None:
            out.fact(f"headquarters of {maker.title}", maker.headquarters.best)
            out.fact(f"ultimate control of {maker.title}", maker.control.best)


def _licence(out: Working) -> None:
    if _found(out) is None or out.model is None:
        licence = out.cell.config["model"]["licence"]
        where = f"cell.json, config.model.licence: {licence['source']}"
        out.given("licence as the configuration states it", licence["value"], where)
        return
    for each in out.model.licences:
        span = f"from {each.since or 'the start'} to {each.until or 'now'}"
        out.given(f"licence {span}", each.id, cited(each.evidence))
    licence, against = settled(out.model, out.table.day)
    if licence:
        out.step(f"stands on {out.table.day}: {licence.id}")
    for each in against:
        out.step(f"sources disagree: {each.id} ({each.evidence.publisher})")


# --- gate and score --------------------------------------------------------------------------


def _buyer(out: Working) -> None:
    buyer = out.table.judge.buyer
    where = f"buyer/{buyer.profile}.yaml"
    out.given("profile", buyer.profile, f"{where}: {buyer.source}, as of {buyer.as_of}")
    out.given("bound as", ", ".join(buyer.bound_as), where)


def _deployment(out: Working) -> None:
    _buyer(out)
    buyer = out.table.judge.buyer
    out.recorded("engine", "config.engine.kind", out.cell.config["engine"]["kind"])
    out.given("the buyer's way of use", buyer.deployment, f"buyer/{buyer.profile}.yaml")
    if is_endpoint(out.cell):
        out.step("an endpoint is run by a third party")


def _gate(out: Working) -> None:
    found = _found(out)
    if found is None:
        return
    gate = found.assessment.gate
    for reason in gate.reasons:
        _reason(out, str(reason.verdict), reason)
    for reason in gate.pending:
        _reason(out, "pending, counts for nothing yet", reason)
    verdicts = dict.fromkeys(str(reason.verdict) for reason in gate.reasons)
    out.step(f"the worst of {', '.join(verdicts) or 'nothing that applies'}: {gate.verdict}")


def _factors(out: Working) -> dict[FactorName, tuple[float, float, float]] | None:
    """The factors among the inputs, each with its facts; weight, low and high."""
    found = _found(out)
    if found is None:
        return None
    risk = out.table.judge.risk
    content = content_of(out.row)
    weights = risk.weights_for(content)
    for factor in found.assessment.factors:
        out.given(
            f"factor {factor.name}",
            f"weight {shown(weights[factor.name])} x [{factor.low:g}, {factor.high:g}]",
            f"risk/default.yaml, weights.{factor.name}, for content {content}",
        )
        for reason in factor.reasons:
            _reason(out, f"{factor.name}, because", reason)
    return {f.name: (weights[f.name], f.low, f.high) for f in found.assessment.factors}


def _score(out: Working) -> None:
    factors = _factors(out)
    if factors is None:
        return
    risk = out.table.judge.risk
    middles = {name: (w, (low + high) / 2) for name, (w, low, high) in factors.items()}
    if out.column.key == "risk_score_strict":
        said = "1 - exp(sum of weight x ln(max(1 - x, 0.02)))"
        middle = 1 - math.exp(
            sum(w * math.log(max(1 - x, LEAST_HEADROOM)) for w, x in middles.values())
        )
    else:
        said = " + ".join(f"{w:.3g} x {x:.3g}" for w, x in middles.values())
        middle = sum(w * x for w, x in middles.values())
    out.step(
        f"median, 5% and 95% of {risk.draws:,} draws (seed {risk.seed}): weights from a Dirichlet"
        f" of concentration {risk.dirichlet_concentration:g}, each factor even in its interval"
    )
    out.untried(f"at stated weights and the middle of each interval: {said}", shown(middle))
    found = out.row.judged
    if found and out.column.key == "risk_score":
        value = out.figure.value
        assert value is not None  # what is judged has one
        low, high = found.score.bound_low, found.score.bound_high
        inside = low <= value <= high
        out.inputs.append(_bounds(low, high, risk.weight_slack))
        out.check("the median lies within these bounds", float(inside), 1.0)


def _bounds(low: float, high: float, slack: float) -> Input:
    return Input(
        what="bounds whatever the distribution",
        value=f"{shown(low)} to {shown(high)}",
        source=f"linear programme over the factors, each weight within {slack:g}",
    )


def _rank(out: Working) -> None:
    found = _found(out)
    if found is None:
        return
    others = {
        row.text("model"): row.figure("risk_score").value
        for row in out.table.rows
        if row.judged is not None and content_of(row) == content_of(out.row)
    }
    for name, value in sorted(others.items(), key=lambda pair: pair[1] or 0.0):
        out.given(f"risk score of {name}", value, "column risk_score of the report")
    out.given("told apart from", out.table.judge.risk.different_from, "risk.different_from")
    out.step(f"rank in each of {out.table.judge.risk.draws:,} draws; median, 5% and 95% of them")
    out.step(f"cannot be told from: {', '.join(found.score.ties) or 'none'}")


def _sensitivity(out: Working) -> None:
    factors = _factors(out)
    if factors is None or out.row.judged is None:
        return
    marks, risk = out.row.judged.score, out.table.judge.risk
    out.inputs.append(_bounds(marks.bound_low, marks.bound_high, risk.weight_slack))
    widest = max(factors, key=lambda name: factors[name][0] * (factors[name][2] - factors[name][1]))
    out.step(f"widest weight x interval: {widest}")


# --- hazard ----------------------------------------------------------------------------------


def _hazard(out: Working) -> None:
    found = _found(out)
    if found is None:
        return
    buyer, total = out.table.judge.buyer, 0.0
    for part in found.hazard.parts:
        out.given(
            f"{part.party}, {part.event.replace('_', ' ')}, {part.state}",
            f"{shown(part.per_year)} a year (mean)",
            part.basis,
        )
        total += part.per_year
    for kind, chance in buyer.forced_off.items():
        out.given(
            f"P(forced off | {kind.replace('_', ' ')})",
            f"{chance.low:g} to {chance.high:g}",
            f"buyer/{buyer.profile}.yaml: {chance.source}, as of {chance.as_of}",
        )
    for day, jump in found.hazard.jumps:
        out.step(f"beside the rate: on {day} with probability {shown(jump)}")
    terms = " + ".join(shown(part.per_year) for part in found.hazard.parts)
    out.step(f"mean rate: {terms or 'nothing'} = {shown(total)} a year")
    out.check("mean of the draws is the sum of the parts", found.hazard.mean, total)
    out.step(f"the table shows the median of {out.table.judge.risk.draws:,} draws, with 5% and 95%")


EXPLAINERS: dict[str, Explainer] = {
    "developer": _party,
    "headquarters": _party,
    "jurisdictions": _jurisdictions,
    "licence": _licence,
    "buyer": _buyer,
    "deployment": _deployment,
    "gate": _gate,
    "gate_reasons": _gate,
    "risk_score": _score,
    "risk_score_strict": _score,
    "risk_rank": _rank,
    "risk_ties": _rank,
    "risk_factors": _score,
    "risk_sensitivity": _sensitivity,
    "risk_evidence": _score,
    "withdrawal_hazard_per_year": _hazard,
    "withdrawal_hazard_parts": _hazard,
}
