"""Records + judgements -> one table; each figure keeps its sample size, interval and record."""

import datetime as dt
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from harness.config.judge import JudgeConfig
from harness.errors import FactError
from harness.records import store
from harness.report import flat
from harness.report.behaved import behaved
from harness.report.imported import imported
from harness.report.judged import judged
from harness.report.measured import compared, measured
from harness.report.priced import priced
from harness.report.ranked import ranked
from harness.report.rows import Row
from harness.report.withdrawal import withdrawal
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
        """Flat, as in summary.csv: a missing value is its reason; see `harness.report.flat`."""
        return flat.readable(self.rows)


def join(sweeps: Sequence[Path], judge: JudgeConfig) -> Table:
    """Read the sweeps' records and judge them for one buyer; see `join_all`."""
    return join_all(sweeps, [judge])[0]


def join_all(sweeps: Sequence[Path], judges: Sequence[JudgeConfig]) -> list[Table]:
    """Read the sweeps' records once and judge them for each buyer: one table a buyer.

    The judges may differ in their buyer only. Raises FactError for a sweep without records and
    for a machine without a price.
    """
    with _no_collection():
        first = judges[0]
        read: list[Row] = []
        for sweep in sweeps:
            found = [Row(cell, folder) for folder, cell in store.cells(sweep)]
            if not found:
                raise FactError(
                    f"{sweep}: no cell records there (a folder of results/ is expected)"
                )
            read += found
        for row in read:
            if row.cell.origin:
                imported(row, first)
                continue
            measured(row)
            priced(row, first)
            behaved(row)
        compared(read)
        return [_judge(read, judge, sweeps) for judge in judges]


def _judge(read: Sequence[Row], judge: JudgeConfig, sweeps: Sequence[Path]) -> Table:
    day = judge.risk.as_of or dt.date.today()
    registry = load_registry(judge.risk.registry_dirs)
    check_buyer(registry, judge.buyer)
    rows = [Row(row.cell, row.folder, values=dict(row.values)) for row in read]
    judged(rows, registry, judge, day)
    withdrawal(rows, judge)
    ranked(rows, judge)
    return Table(rows, judge, day, list(sweeps))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without cycles collected: a million live objects are searched again and again for none."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
