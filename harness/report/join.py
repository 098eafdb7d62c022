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
from harness.records.schema import Cell
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
from harness.risk.registry import Registry


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
    with no_collection():
        read = priced_rows(records(sweeps), judges[0])
        registry = load_registry(judges[0].risk.registry_dirs)
        return [judge_rows(read, registry, judge, sweeps) for judge in judges]


Records = Sequence[tuple[Path, Cell]]
"""Cells with their folders."""


def records(sweeps: Sequence[Path]) -> Records:
    """The cells of the sweeps. Raises FactError for a sweep without any."""
    read: list[tuple[Path, Cell]] = []
    for sweep in sweeps:
        found = list(store.cells(sweep))
        if not found:
            raise FactError(f"{sweep}: no cell records there (a folder of results/ is expected)")
        read += found
    return read


def priced_rows(found: Records, judge: JudgeConfig) -> list[Row]:
    """What follows from records and prices alone, whatever the day, the buyer and the facts."""
    rows = [Row(cell, folder) for folder, cell in found]
    for row in rows:
        if row.cell.origin:
            imported(row, judge)
            continue
        measured(row)
        priced(row, judge)
        behaved(row)
    compared(rows)
    return rows


def judge_rows(
    read: Sequence[Row], registry: Registry, judge: JudgeConfig, sweeps: Sequence[Path]
) -> Table:
    """The table of priced rows, which stay as they are, for the facts and the buyer."""
    day = judge.risk.as_of or dt.date.today()
    check_buyer(registry, judge.buyer)
    rows = [Row(row.cell, row.folder, values=dict(row.values)) for row in read]
    judged(rows, registry, judge, day)
    withdrawal(rows, judge)
    ranked(rows, judge)
    return Table(rows, judge, day, list(sweeps))


@contextmanager
def no_collection() -> Iterator[None]:
    """Without cycles collected: a million live objects are searched again and again for none."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
