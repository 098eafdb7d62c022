"""Where everything stands in the workbook, and what each figure moves with."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.config.judge import FACTORS, FactorName
from harness.report.chosen import by_cost
from harness.report.columns import COLUMNS, Column
from harness.report.join import Table
from harness.report.ranked import contest
from harness.report.rows import Figure, Row, is_endpoint
from harness.report.workbook.book import Content, Live, defined_name

MOST_FIGURES = 20_000
"""Lines of evidence, some 300 cells: more make a file that takes long to write and to open."""
MOST_OPTIONS = 500
"""Lines of the memo for one buyer."""
FIGURES = "Figures"
_NOTHING_BEHIND = ("not measured", "not applicable", "not assessed")
_FIGURE_COLUMNS = tuple(column for column in COLUMNS if column.kind == "figure")
_JUDGED_COLUMNS = tuple(column for column in _FIGURE_COLUMNS if column.judged)
_TARIFFS = {
    "energy_usd_per_mtok_output": "usd_per_kwh",
    "co2e_g_per_mtok_output": "gco2e_per_kwh",
    "co2e_g_per_answer": "gco2e_per_kwh",
}


class Mover(NamedTuple):
    """An assumption, or a quotient of two, that a figure is proportional to."""

    formula: str
    now: float


@dataclass(frozen=True)
class Evidence:
    """One line of the sheet of figures."""

    table: Table
    row: Row
    column: Column
    figure: Figure


class Plan:
    """What the sheets agree on. `rows` are those of the first table; the others have the same."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables
        self.judge = tables[0].judge
        self.rows = tables[0].rows
        self.shown = list(range(len(self.rows)))
        self._evidence = list(itertools.islice(self._lines(), MOST_FIGURES + 1))
        self.whole = len(self._evidence) <= MOST_FIGURES
        per_row = len(_FIGURE_COLUMNS) + (len(tables) - 1) * len(_JUDGED_COLUMNS)
        most = MOST_OPTIONS if self.whole else min(MOST_OPTIONS, MOST_FIGURES // per_row)
        found = _options(self.rows)
        self.left_out = max(len(found) - most, 0)
        self.options = _fair(found, self.rows, most)
        if not self.whole:
            self.shown = sorted(self.options)
            self._evidence = list(self._lines())
        self.weights = _weights(tables)
        self._place = {
            (number, i, each.column.key): line
            for line, (number, i, each) in enumerate(self._evidence)
        }
        self.prices = self._prices()

    def _prices(self) -> dict[str, str]:
        """The name of each machine's price."""
        found: dict[str, str] = {}
        for row in self.rows:
            machine = row.cell.config["hardware"]["name"]
            if not is_endpoint(row.cell) and machine not in found:
                found[machine] = defined_name("usd_per_hour", machine, list(found.values()))
        return found

    # --- what moves ---------------------------------------------------------------------------

    def paid_time(self, row: Row) -> Mover | None:
        """A working hour of the row's machine; None where somebody else's list gives the price."""
        if is_endpoint(row.cell):
            return None
        machine = row.cell.config["hardware"]["name"]
        pricing = self.judge.pricing
        now = pricing.machines[machine].tiers.mid / pricing.used_share
        return Mover(f"{self.prices[machine]}/utilisation", now)

    def mover(self, row: Row, column: Column) -> Mover | None:
        """What a figure of this column is proportional to."""
        if column.priced:
            return self.paid_time(row)
        pricing = self.judge.pricing
        tariffs = {
            "usd_per_kwh": pricing.electricity_usd_per_kwh.value,
            "gco2e_per_kwh": pricing.grid_gco2e_per_kwh.value,
        }
        name = _TARIFFS.get(column.key)
        return Mover(name, tariffs[name]) if name else None

    def moving(self, row: Row, column: Column, number: float | None) -> Content:
        """A figure's value or end as a cell: a formula where an assumption moves it."""
        mover = self.mover(row, column)
        if number is None or mover is None or not math.isfinite(number):
            return number
        return Live(f"={times(number, mover)}", number)

    # --- evidence -----------------------------------------------------------------------------

    def evidence(self) -> Iterator[Evidence]:
        """The lines of the sheet of figures, in order."""
        return (each for _, _, each in self._evidence)

    def _lines(self) -> Iterator[tuple[int, int, Evidence]]:
        """With the number of their table and row. What was not measured has nothing behind it:
        its reason stands in its own place.
        """
        for number, table in enumerate(self.tables):
            for i in self.shown:
                row = table.rows[i]
                for column in _JUDGED_COLUMNS if number else _FIGURE_COLUMNS:
                    figure = row.figure(column.key)
                    if figure.value is None and (figure.reason or "").startswith(_NOTHING_BEHIND):
                        continue
                    yield number, i, Evidence(table, row, column, figure)

    def link(self, table: int, row: int, key: str) -> str | None:
        """Where a figure's evidence stands; None: there is no line of it."""
        line = self._place.get((table, row, key))
        return None if line is None else f"'{FIGURES}'!A{line + 2}"


def times(number: float, mover: Mover) -> str:
    """The part of a formula that is `number` now and moves with the assumption."""
    return f"{number / mover.now:.17G}*{mover.formula}"


def _weights(tables: Sequence[Table]) -> list[dict[FactorName, str]]:
    """The names of each buyer's weights: buyers with equal weights share them."""
    names: list[dict[FactorName, str]] = []
    taken: list[str] = []
    for number, table in enumerate(tables):
        own = table.judge.risk.weights
        twin = next((i for i in range(number) if tables[i].judge.risk.weights == own), None)
        if twin is not None:
            names.append(names[twin])
            continue
        of = f"_{table.judge.buyer.profile}" if number else ""
        made = {factor: defined_name("weight", f"{factor}{of}", taken) for factor in FACTORS}
        taken += made.values()
        names.append(made)
    return names


def _options(rows: Sequence[Row]) -> list[int]:
    """What a buyer chooses between: of each model, workload, machine and origin the cheapest cell.

    By workload and what its cost counts; within it those that may be ranked first, cheapest first.
    """
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        keys = ("workload", "model", "model_key", "hardware", "evidence")
        groups[tuple(row.text(key) for key in keys)].append(i)
    best = [min(group, key=lambda i: by_cost(rows[i])) for group in groups.values()]
    return sorted(best, key=lambda i: (*contest(rows[i]), *by_cost(rows[i])))


def _fair(options: Sequence[int], rows: Sequence[Row], most: int) -> list[int]:
    """The first few of every contest where there are too many, in the order given."""
    seen: Counter[tuple[str, str]] = Counter()
    places: dict[int, int] = {}
    for i in options:
        places[i] = seen[contest(rows[i])]
        seen[contest(rows[i])] += 1
    kept = set(sorted(options, key=lambda i: places[i])[:most])
    return [i for i in options if i in kept]
