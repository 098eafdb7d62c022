"""Records + judgements -> one table; each figure keeps its sample size, interval and record."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.config.judge import JudgeConfig
from harness.errors import FactError
from harness.records import store
from harness.report.behaved import behaved
from harness.report.columns import COLUMNS
from harness.report.judged import judged, withdrawal
from harness.report.measured import compared, measured
from harness.report.priced import priced
from harness.report.rows import Figure, Row
from harness.risk.gates import check_buyer
from harness.risk.load import load_registry


@dataclass(frozen=True)
class Table:
    """What a report shows."""

    rows: list[Row]
    judge: JudgeConfig
    day: dt.date
    sweeps: list[Path]

    def frame(self) -> pd.DataFrame:
        """Flat: a figure gives its value and <key>_low, _high, _n; a missing value its reason.

        A figure that a price makes also gives <key>_at_low_price and _at_high_price.
        """
        records = []
        for row in self.rows:
            flat: dict[str, Any] = {}
            for column in COLUMNS:
                value = row.values[column.key]
                if not isinstance(value, Figure):
                    flat[column.key] = value
                    continue
                flat[column.key] = value.reason if value.value is None else value.value
                parts = ["low", "high", "n"]
                parts += ["at_low_price", "at_high_price"] if column.priced else []
                flat |= {f"{column.key}_{part}": getattr(value, part) for part in parts}
            records.append(flat)
        return pd.DataFrame(records).astype(object)


def join(sweeps: Sequence[Path], judge: JudgeConfig) -> Table:
    """Read the sweeps' records and judge them.

    Raises FactError for a sweep without records and for a machine without a price.
    """
    day = judge.risk.as_of or dt.date.today()
    registry = load_registry(judge.risk.registry_dirs)
    check_buyer(registry, judge.buyer)
    rows: list[Row] = []
    for sweep in sweeps:
        found = list(store.cells(sweep))
        if not found:
            raise FactError(f"{sweep}: no cell records there (a folder of results/ is expected)")
        for folder, cell in found:
            row = Row(cell, folder)
            measured(row)
            priced(row, judge)
            behaved(row)
            rows.append(row)
    compared(rows)
    judged(rows, registry, judge, day)
    withdrawal(rows, judge)
    return Table(rows, judge, day, list(sweeps))
