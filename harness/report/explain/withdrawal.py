"""How the cost of a withdrawal was reckoned, and the rank that follows from it."""

import numpy as np

from harness import resilience
from harness.report.chosen import by_cost
from harness.report.explain.explained import Explainer, Working, shown
from harness.report.ranked import contest, why_not
from harness.report.rows import basis

_FIRST, _NEXT = 3, 2
"""Of a ranking, those named: the first, and each side of the row in question."""


def _fallback(out: Working) -> None:
    key = "withdrawal_hazard_per_year"
    own = out.row.figure(key).value
    out.from_column(key)
    for row in out.table.rows:
        same = (
            row.cell.config["hardware"] == out.cell.config["hardware"]
            and row.text("workload") == out.row.text("workload")
            and row is not out.row
        )
        bill, rate = row.figure(basis(out.row)), row.figure(key)
        if same and bill.value is not None and rate.value is not None:
            out.given(
                f"{row.text('model')}, {row.text('gate')}",
                f"{shown(bill.value)} USD per million tokens, hazard {shown(rate.value)}",
                f"{row.folder.name}/cell.json, and the registry",
            )
    if own is not None:
        out.step(
            f"the cheapest that the gate permits and whose hazard is below {shown(own)}:"
            f" {out.row.text('fallback')}"
        )


class _Terms:
    """What the formulas of docs/resilience.md take, at the middles of the draws."""

    def __init__(self, out: Working) -> None:
        move = out.row.move
        assert move is not None  # a figure has one
        self.buyer = buyer = out.table.judge.buyer
        name = f"buyer/{buyer.profile}.yaml"
        fallback = next(row for row in out.table.rows if row.folder == move.fallback)
        where = f"{move.fallback.name}/cell.json"
        bill = basis(out.row)
        self.c = out.from_column(bill) or 0.0
        self.c1 = fallback.figure(bill).value or 0.0
        out.given("fallback's bill per million tokens, USD", self.c1, where)
        self.volume = buyer.mtok_per_year
        out.given("million tokens a year", self.volume, f"{name}, mtok_per_year")
        out.given("horizon, years", buyer.horizon_years, f"{name}, horizon_years")
        out.given(
            "discount a year", buyer.discount_rate_per_year, f"{name}, discount_rate_per_year"
        )
        out.given("moving before re-tuning, USD, median", move.unpriced_usd, f"{name}, switch")
        out.given(
            "measured re-tuning and evaluation, USD",
            move.measured_usd,
            f"{where}, stages and finetune",
        )
        self.switch = move.unpriced_usd + move.measured_usd
        self.quality = move.quality_usd_per_year
        out.given(
            "quality lost, USD a year",
            self.quality,
            f"accuracy of both; {name}, switch.usd_per_accuracy_point_year",
        )
        self.hazard = out.from_column("withdrawal_hazard_per_year") or 0.0
        draws = out.row.hazard
        self.jumps = [(t, float(np.median(p))) for t, p in draws.jumps] if draws else []
        for years, chance in self.jumps:
            out.given(f"leaves in {years:.2f} years", f"probability {shown(chance)}", "registry")
        out.step(f"draws: {out.table.judge.risk.draws:,}; the table shows their median, 5%, 95%")

    def adjusted(self) -> float:
        """Expected cost with the risk of withdrawal, USD per million tokens."""
        found = resilience.expected_usd_per_mtok(
            self.c,
            self.c1,
            self.volume,
            self.switch,
            self.hazard,
            self.buyer.horizon_years,
            self.buyer.discount_rate_per_year,
            self.quality,
            self.jumps,
        )
        return float(found)

    def said(self) -> str:
        """The terms, for a line."""
        terms = {"c": self.c, "c1": self.c1, "R": self.switch, "h": self.hazard}
        return ", ".join(f"{name}={shown(value)}" for name, value in terms.items())


def _switch(out: Working) -> None:
    move, plan = out.row.move, out.table.judge.buyer.switch
    assert move is not None
    where = f"buyer/{out.table.judge.buyer.profile}.yaml, switch"
    for field in (
        "engineering_days",
        "usd_per_engineering_day",
        "contracts_usd",
        "downtime_days",
        "lost_usd_per_mtok",
    ):
        value = getattr(plan, field)
        text = f"{value.low:g} to {value.high:g}" if hasattr(value, "low") else shown(value)
        out.given(field.replace("_", " "), text, where)
    out.given("people, contracts, downtime, USD, median of the draws", move.unpriced_usd, where)
    out.given(
        "measured re-tuning and evaluation of the fallback, USD",
        move.measured_usd,
        f"{move.fallback.name}/cell.json, stages and finetune",
    )
    out.gives(
        f"{shown(move.unpriced_usd)} + {shown(move.measured_usd)}",
        move.unpriced_usd + move.measured_usd,
    )


def _adjusted(out: Working) -> None:
    t = _Terms(out)
    out.untried(
        f"at the middle of everything: c* with {t.said()}",
        f"{shown(t.adjusted())} USD",
    )
    if out.column.key == "below_fallback_share":
        out.step("share of the draws in which c* < c1 + q / V")


def _even(out: Working) -> None:
    t = _Terms(out)
    even = resilience.break_even_hazard(
        t.c,
        t.c1,
        t.volume,
        t.switch,
        t.quality,
        t.buyer.horizon_years,
        t.buyer.discount_rate_per_year,
        t.jumps,
    )
    out.untried(
        f"at the middle of everything: (({shown(t.c1)} - {shown(t.c)}) x {shown(t.volume)} +"
        f" {shown(t.quality)}) / {shown(t.switch)}{', less the known days' if t.jumps else ''}",
        f"{shown(even)} a year",
    )


def _warm(out: Working) -> None:
    t, plan = _Terms(out), out.table.judge.buyer.switch
    leaves = resilience.leaves_within(t.hazard, t.buyer.horizon_years, t.jumps)
    worth = resilience.warm_fallback_usd(
        t.switch, plan.warm_share, leaves, plan.warm_fallback_usd_per_year, t.buyer.horizon_years
    )
    out.untried(
        f"at the middle of everything: {shown(t.switch)} x (1 - {plan.warm_share:g}) x"
        f" {shown(leaves)} - {shown(plan.warm_fallback_usd_per_year)} x {t.buyer.horizon_years:g}",
        f"{shown(worth)} USD",
    )


def _recovery(out: Working) -> None:
    days, profile = out.table.judge.buyer.switch.downtime_days, out.table.judge.buyer.profile
    out.given(
        "days without a usable model, 5% and 95% points",
        f"{days.low:g} to {days.high:g}",
        f"buyer/{profile}.yaml, switch.downtime_days",
    )
    out.step(f"median, 5% and 95% of {out.table.judge.risk.draws:,} draws through these points")


def _ranked(out: Working) -> None:
    """The closed form at the middles, where a fallback stands by; else the bill as it is."""
    if out.row.move is not None:
        t = _Terms(out)
        out.gives(f"c* with {t.said()}", t.adjusted())
        return
    bill = basis(out.row)
    value = out.from_column(bill)
    reason = out.row.figure("risk_adjusted_usd_per_mtok_total").reason
    out.step(f"no fallback ({reason}), so nothing is added")
    if value is not None:
        out.gives(f"column {bill} as it stands", value)


def _kind(out: Working) -> None:
    out.from_column(basis(out.row))
    out.step(f"a permitted, safer fallback: {out.row.text('fallback')}")


def _rank(out: Working) -> None:
    """Who else stands in the ranking, with what cost."""
    own = out.from_column("ranked_usd_per_mtok")
    rivals = [row for row in out.table.rows if contest(row) == contest(out.row)]
    able = sorted((row for row in rivals if not why_not(row)), key=by_cost)
    costs = [row.figure("ranked_usd_per_mtok").value for row in able]
    place = next((i for i, row in enumerate(able) if row is out.row), 0)
    for i, (row, usd) in enumerate(zip(able, costs, strict=True)):
        near = i < _FIRST or abs(i - place) <= _NEXT
        if near and row is not out.row:
            out.given(row.text("model"), f"{shown(usd)} USD", f"{row.folder.name}, the same column")
    if len(able) > _FIRST + 2 * _NEXT + 1:
        out.step(f"named: the first {_FIRST} and the nearest of {len(able)}; all: summary.csv")
    out.step(f"{len(rivals) - len(able)} of {len(rivals)} cells of this workload are not ranked")
    if own is not None:
        cheaper = sum(usd is not None and usd < own for usd in costs)
        out.gives(f"1 + {cheaper} that cost less", 1.0 + cheaper)


EXPLAINERS: dict[str, Explainer] = {
    "fallback": _fallback,
    "switch_cost_usd": _switch,
    "break_even_hazard_per_year": _even,
    "risk_adjusted_usd_per_mtok_total": _adjusted,
    "risk_adjusted_usd_per_mtok_output": _adjusted,
    "below_fallback_share": _adjusted,
    "warm_fallback_usd": _warm,
    "recovery_days": _recovery,
    "ranked_usd_per_mtok": _ranked,
    "ranked_cost_kind": _kind,
    "cost_rank": _rank,
}
