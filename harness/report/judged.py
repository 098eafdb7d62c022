"""Columns of risk, and of what a withdrawal would cost."""

from collections.abc import Sequence

from harness import resilience
from harness.config.judge import JudgeConfig
from harness.report.rows import Figure, Row
from harness.risk.assess import Assessment


def judged(row: Row, judge: JudgeConfig) -> None:
    """Fill in gate, risk and assumed hazard."""
    found, values = row.assessment, row.values
    config = row.cell.config["model"]
    if found is None:
        missing = f"not assessed: {config['key']} is not in the registry; add it to models.yaml"
        values |= dict.fromkeys(
            ("headquarters", "jurisdictions", "gate_reasons", "risk_factors", "risk_evidence"),
            missing,
        )
        values |= {"developer": config["developer"], "licence": config["licence"]["value"]}
        values["gate"] = "not_assessed"
        values["risk_score"] = values["withdrawal_hazard_per_year"] = Figure(reason=missing)
        return
    gate = found.gate
    reasons = [f"{_path(r.path)}{r.text}" for r in gate.reasons]
    pending = [f"pending: {_path(r.path)}{r.text}" for r in gate.pending]
    stale = f"; {found.stale_facts} of {found.facts} facts past review" if found.stale_facts else ""
    values |= {
        "developer": found.developer,
        "headquarters": found.headquarters,
        "jurisdictions": ", ".join(found.jurisdictions),
        "licence": found.licence,
        "gate": gate.verdict + (f", {gate.days_left} days left" if gate.days_left else ""),
        "gate_reasons": "; ".join([*reasons, *pending])
        or "no instrument in the registry gates this buyer (listings: see evidence)",
        "risk_factors": "; ".join(
            f"{f.name} {f.weight:g} x [{f.low:g}, {f.high:g}]" for f in found.factors
        ),
        "risk_evidence": " | ".join(_evidence(found)) + stale,
    }
    values["risk_score"] = Figure(
        value=(found.score_low + found.score_high) / 2,
        low=found.score_low,
        high=found.score_high,
        n=found.facts,
        source="harness/risk/registry",
    )
    values["withdrawal_hazard_per_year"] = Figure(
        value=judge.buyer.withdrawal_hazard_per_year[found.listing_state],
        source=f"assumed for {found.listing_state}: {judge.buyer.source}",
    )


def _evidence(found: Assessment) -> list[str]:
    lines = []
    for factor in found.factors:
        for reason in factor.reasons:
            fact = reason.fact
            dated = fact.published or f"read {fact.read}"
            mark = ", past review" if reason.stale else ""
            lines.append(
                f"{factor.name}: {_path(reason.path)}{reason.text}"
                f" ({fact.confidence}, {fact.publisher}, {dated}{mark}: {fact.source})"
            )
    return list(dict.fromkeys(lines))


def _path(path: Sequence[str]) -> str:
    return f"via {' <- '.join(path[1:])}: " if len(path) > 1 else ""


def withdrawal(row: Row, rows: Sequence[Row], judge: JudgeConfig) -> None:
    """Against the cheapest other model that this buyer may use and that is less likely to go."""
    own, hazard = row.figure("bill_usd_per_mtok_total"), row.figure("withdrawal_hazard_per_year")
    values = row.values
    keys = ("break_even_hazard_per_year", "risk_adjusted_usd_per_mtok_total")
    values["fallback"] = "none"
    if own.value is None or hazard.value is None:
        values |= {key: Figure(reason=own.reason or hazard.reason) for key in keys}
        return
    if hazard.value == 0:
        values[keys[0]] = Figure(reason="not applicable: no withdrawal is assumed")
        values[keys[1]] = Figure(
            value=own.value, low=own.low, high=own.high, n=own.n, source=own.source
        )
        return
    others = [
        other
        for other in rows
        if other.cell.status == "done"
        and other.cell.config["hardware"] == row.cell.config["hardware"]
        and other.text("workload") == row.text("workload")
        and other.text("gate").split(",")[0] in ("clear", "dated_warning")
        and (other.figure("bill_usd_per_mtok_total").value is not None)
        and (other.figure("withdrawal_hazard_per_year").value or 0.0) < hazard.value
    ]
    if not others:
        missing = "not measured: no permitted, safer fallback in this report"
        values |= {key: Figure(reason=missing) for key in keys}
        return
    fallback = min(others, key=lambda r: r.figure("bill_usd_per_mtok_total").value or 0.0)
    other = fallback.figure("bill_usd_per_mtok_total").value or 0.0
    buyer = judge.buyer
    source = f"{own.source}; fallback {fallback.cell.cell_id}; buyer {buyer.profile}"
    values["fallback"] = f"{fallback.text('model')} (any accuracy difference is not priced)"
    even = resilience.break_even_hazard(
        own.value, other, buyer.mtok_per_year, buyer.switch_cost_usd
    )
    free = "not applicable: moving to the fallback costs nothing"
    values[keys[0]] = Figure(value=even, reason=free if even is None else None, source=source)
    values[keys[1]] = Figure(
        value=resilience.expected_usd_per_mtok(
            own.value,
            other,
            buyer.mtok_per_year,
            buyer.switch_cost_usd,
            hazard.value,
            buyer.horizon_years,
        ),
        n=own.n,
        source=source,
    )
