"""Which cells are shown in full where there are too many for all."""

import math
from collections import Counter
from collections.abc import Sequence

from harness.report.ranked import why_not
from harness.report.rows import Row

MOST_IN_DETAIL = 60
"""Cells whose every column and plot stands in the page; the table of all cells has the others."""


def in_detail(rows: Sequence[Row], most: int = MOST_IN_DETAIL) -> list[Row]:
    """All cells where they are few; else the cheapest of each model and workload, while room is.

    Each model has one before any has a second. Those that may be ranked come before the others.
    """
    if len(rows) <= most:
        return list(rows)
    cheapest: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = row.text("model"), row.text("workload")
        if key not in cheapest or by_cost(row) < by_cost(cheapest[key]):
            cheapest[key] = row
    turn: Counter[str] = Counter()
    queue = []
    for row in cheapest.values():
        queue.append((turn[row.text("model")], row))
        turn[row.text("model")] += 1
    queue.sort(key=lambda pair: pair[0])
    chosen = {id(row) for _, row in queue[:most]}
    return [row for row in rows if id(row) in chosen]


def by_cost(row: Row) -> tuple[bool, float]:
    """To sort by: those that may be ranked first, then by cost with the risk of withdrawal."""
    cost = row.figure("ranked_usd_per_mtok").value
    return bool(why_not(row)), math.inf if cost is None else cost
