"""Columns of what a forced withdrawal would cost, and what the risk of it adds to a bill."""

import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import elicited, resilience
from harness.config.judge import JudgeConfig, Range
from harness.report.priced import evaluation_usd
from harness.report.rows import Figure, Move, Row, barred, basis
from harness.risk.hazard import HazardDraws
from harness.stats import quantiles

Array = npt.NDArray[np.float64]
_Z95 = 1.959963984540054
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
        groups[machine, row.text("workload"), basis(row)].append(row)
    for (*_, counted), group in groups.items():
        able = sorted((row for row in group if _can_stand_in(row)), key=_bill)
        # The least hazard among the cheapest k falls with k, so the first below a rate is found
        # by bisection.
        least = np.minimum.accumulate([_hazard(row) for row in able]) if able else np.empty(0)
        for row in group:
            _withdrawal(row, able, least, leaving)
            for other, column in ADJUSTED_BY.items():
                if other != counted:
                    row.values[column] = Figure(reason=f"not applicable: reckoned by {counted}")


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
    own, rate = row.figure(basis(row)), row.figure("withdrawal_hazard_per_year")
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
        not barred(row)
        and row.figure(basis(row)).value is not None
        and row.figure("withdrawal_hazard_per_year").value is not None
    )


def _bill(row: Row) -> float:
    return row.figure(basis(row)).value or 0.0


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
    own = row.figure(basis(row))
    source = f"{own.source}; fallback {fallback.cell.cell_id}; buyer {buyer.profile}"
    below = np.mean(np.asarray(adjusted) < c1 + worse / buyer.mtok_per_year)
    row.values |= {
        "switch_cost_usd": _shown(leaving.moving_spread, n, source, shift=measured),
        "break_even_hazard_per_year": _break_even(even, source),
        ADJUSTED_BY[basis(row)]: _of(adjusted, source),
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
    figure, risk = row.figure(basis(row)), judge.risk
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
