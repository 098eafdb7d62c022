"""The cost that a row is ranked by, with the risk of withdrawal, and its place by it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness import rank
from harness.config.judge import JudgeConfig
from harness.report.rows import Figure, Row, barred, basis, is_endpoint
from harness.report.withdrawal import ADJUSTED_BY

COUNTED = {
    "bill_usd_per_mtok_total": "all tokens",
    "bill_usd_per_mtok_output": "output tokens alone",
}


def ranked(rows: Sequence[Row], judge: JudgeConfig) -> None:
    """Fill in the cost with the risk of withdrawal at the middle of everything, and the rank."""
    by_folder = {row.folder: row for row in rows}
    buying, knobs = buyer(judge), rank.Knobs()
    cases = [case(row, by_folder) for row in rows]
    usd = [rank.adjusted(each, buying, knobs) for each in cases]
    contests: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        contests[contest(row)].append(i)
    for members in contests.values():
        places = rank.order([usd[i] for i in members], [cases[i] for i in members])
        for i, place in zip(members, places, strict=True):
            rows[i].values |= _shown(rows[i], usd[i], place)


def _shown(row: Row, usd: float | None, place: int | None) -> dict[str, str | Figure]:
    counted = basis(row)
    bill, adjusted = row.figure(counted), row.figure(ADJUSTED_BY[counted])
    why = why_not(row)
    of = f"per million of {COUNTED[counted]}"
    if row.move is None:
        kind, ends = f"the plain bill {of}: {adjusted.reason}", bill
    else:
        kind, ends = f"with the risk of withdrawal, {of}", adjusted
    return {
        "ranked_cost_kind": kind if usd is not None else f"none: {bill.reason}",
        "ranked_usd_per_mtok": Figure(reason=bill.reason)
        if usd is None
        else Figure(value=usd, low=ends.low, high=ends.high, n=ends.n, source=ends.source),
        "cost_rank": Figure(reason=f"not ranked: {why}")
        if place is None
        else Figure(value=float(place), source="column ranked_usd_per_mtok"),
    }


def why_not(row: Row) -> str:
    """Empty if the row may be ranked by cost, else why not."""
    bill = row.figure(basis(row))
    missing = "" if bill.value is not None else bill.reason or "not measured"
    return barred(row) or missing


def contest(row: Row) -> tuple[str, str]:
    """What a row is ranked within: costs of one workload that count the same tokens."""
    return row.text("workload"), basis(row)


def buyer(judge: JudgeConfig) -> rank.Buyer:
    """Of a buyer what ranking takes."""
    given = judge.buyer
    return rank.Buyer(
        mtok_per_year=given.mtok_per_year,
        horizon_years=given.horizon_years,
        discount_rate_per_year=given.discount_rate_per_year,
        utilisation=judge.pricing.used_share,
    )


def machine(row: Row) -> str:
    """What a row's cost is the price of, by the name that the configuration gives it."""
    return str(row.cell.config["hardware"]["name"])


def case(row: Row, by_folder: Mapping[Path, Row]) -> rank.Case:
    """One row as `harness.rank` sees it."""
    return rank.Case(
        usd=row.figure(basis(row)).value,
        scales=not is_endpoint(row.cell),
        machine=machine(row),
        permitted=row.judged is not None and row.judged.assessment.gate.permits,
        done=row.cell.status == "done",
        factors=None
        if row.judged is None
        else {f.name: (f.low, f.high) for f in row.judged.assessment.factors},
        leave=leave(row, by_folder),
    )


def leave(row: Row, by_folder: Mapping[Path, Row]) -> rank.Leave | None:
    """What a forced withdrawal of a row would mean; None where nothing safer stands by."""
    move, hazard = row.move, row.hazard
    if move is None or hazard is None:
        return None
    fallback = by_folder[move.fallback]
    usd = fallback.figure(basis(fallback)).value
    rate = row.figure("withdrawal_hazard_per_year").value
    if usd is None or rate is None:
        return None
    return rank.Leave(
        fallback_usd=usd,
        fallback_scales=not is_endpoint(fallback.cell),
        unpriced_usd=move.unpriced_usd,
        measured_usd=move.measured_usd,
        quality_usd_per_year=move.quality_usd_per_year,
        hazard_per_year=rate,
        jumps=tuple((float(when), float(np.median(chance))) for when, chance in hazard.jumps),
    )
