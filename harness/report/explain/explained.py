"""What an explanation is: inputs with their files, steps with numbers put in, checks."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process

from harness import cost
from harness.errors import FactError
from harness.fields import Frozen
from harness.records.schema import Cell, Level
from harness.report.chosen import by_cost
from harness.report.columns import Column
from harness.report.join import Table
from harness.report.rows import Figure, Row
from harness.risk.facts import Fact
from harness.risk.registry import Model, Registry
from harness.stats import Estimate

_NEAR = 70.0  # per cent of the letters
_SAME = 1e-6  # relative; what JSON and sums of floats leave


class Input(Frozen):
    """One thing that a figure is made of, and where it stands."""

    what: str
    value: str
    source: str  # a file of the record with the field in it, an option file, or a document


class Check(Frozen):
    """The same computed in another way."""

    what: str
    found: str
    agrees: bool | None  # None: it could not be tried, or a rough middle that need not be equal


class Explained(Frozen):
    """The way from the raw records to one figure or text."""

    column: str
    title: str
    unit: str
    model: str
    cell_id: str
    folder: str  # that files are named from
    shown: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    reason: str | None
    meaning: str
    formula: str
    steps: tuple[str, ...]
    inputs: tuple[Input, ...]
    checks: tuple[Check, ...]

    def lines(self) -> list[str]:
        """As a terminal shows it."""
        unit = f" ({self.unit})" if self.unit else ""
        lines = [f"{self.model}, {self.title}{unit}: {self.shown}"]
        lines.append(f"  cell {self.cell_id}; record in {self.folder}")
        lines.append(f"  meaning: {self.meaning}")
        lines += [f"  formula: {self.formula}"] if self.formula else []
        for head, body in (
            ("inputs", [f"{i.what}: {i.value}   <- {i.source}" for i in self.inputs]),
            ("computed", list(self.steps)),
            ("checked", [f"{_MARK[c.agrees]}: {c.what}: {c.found}" for c in self.checks]),
        ):
            lines += [f"  {head}:", *(f"    {line}" for line in body)] if body else []
        return lines


_MARK = {True: "agrees", False: "DIFFERS", None: "for comparison"}


class Working:
    """A column of a row while its explanation is being written."""

    def __init__(
        self, table: Table, row: Row, column: Column, facts: Callable[[], Registry]
    ) -> None:
        self.table, self.row, self.column = table, row, column
        self.steps: list[str] = []
        self.inputs: list[Input] = []
        self.checks: list[Check] = []
        self._facts = facts

    @property
    def cell(self) -> Cell:
        """The record."""
        return self.row.cell

    @property
    def folder(self) -> Path:
        """Where the record lies."""
        return self.row.folder

    @property
    def figure(self) -> Figure:
        """What the table says; of a figure's column."""
        return self.row.figure(self.column.key)

    @property
    def registry(self) -> Registry:
        """The facts that the table was judged by; read when first asked for."""
        return self._facts()

    @property
    def model(self) -> Model | None:
        """The registry's entry of the model; None: not assessed."""
        config = self.cell.config["model"]
        return self.registry.find(config["key"], config["source"].get("revision"))

    def setting(self, dotted: str) -> Any:
        """A setting of the cell as it was resolved, by its dotted key; None: not there."""
        here: Any = self.cell.config
        for name in dotted.split("."):
            here = here.get(name) if isinstance(here, Mapping) else None
        return here

    def given(self, what: str, value: object, source: str) -> None:
        """Add an input."""
        self.inputs.append(Input(what=what, value=shown(value), source=source))

    def recorded(self, what: str, field: str, value: object, unit: str = "") -> None:
        """Add an input from cell.json, at this field."""
        text = f"{shown(value)} {unit}".strip()
        self.inputs.append(Input(what=what, value=text, source=f"cell.json, {field}"))

    def of_level(self, level: Level, what: str, field: str, unit: str = "") -> None:
        """Add an input that a level of cell.json has, at this dotted field."""
        value: object = level
        for name in field.split("."):
            value = getattr(value, name)
        self.recorded(what, f"levels[{level.name}].{field}", value, unit)

    def work(self, level: Level, *names: str) -> cost.Work:
        """Add the seconds of a level's steady part and these counts of it; what they come to."""
        done, part = cost.work(level), level.window
        if part is None:
            self.of_level(level, "no steady window, so the whole level takes", "duration_s", "s")
        else:
            self.of_level(level, "steady window begins after the first send", "window.start_s", "s")
            self.of_level(level, "steady window ends", "window.end_s", "s")
        for name in names:
            field = "cached_input_tokens" if name == "cached_tokens" else name
            where = field if part is None else f"window.{field}"
            if name == "input_tokens" and done.cached_tokens:
                where += " less cached_input_tokens"
            what = f"{name.replace('_', ' ')}{' not from the cache' * (name == 'input_tokens')}"
            self.recorded(what, f"levels[{level.name}].{where}", getattr(done, name))
        return done

    def fact(self, what: str, fact: Fact) -> None:
        """Add a fact of the registry as an input."""
        self.inputs.append(Input(what=what, value=fact.value, source=cited(fact)))

    def from_column(self, key: str) -> float | None:
        """Add another column of the same row as an input."""
        figure = self.row.figure(key)
        text = figure_text(figure) if figure.value is not None else str(figure.reason)
        self.inputs.append(
            Input(what=f"column {key}", value=text, source=f"harness explain ... {key}")
        )
        return figure.value

    def step(self, text: str) -> None:
        """Add a line of the computation."""
        self.steps.append(text)

    def gives(self, text: str, value: float) -> None:
        """Add the last step, and hold it against what the table says."""
        self.steps.append(f"{text} = {shown(value)}{_unit(self.column)}")
        self.check("the formula with these numbers, against the table", value, self.figure.value)

    def reads(self, text: str, value: float) -> None:
        """Add what the record says as it stands, and hold it against the table."""
        self.steps.append(f"{text}: {shown(value)}{_unit(self.column)}")
        self.check("the record, against the table", value, self.figure.value)

    def check(self, what: str, found: float | None, expected: float | None) -> None:
        """Hold a figure computed in another way against the one expected."""
        if found is None or expected is None:
            self.untried(what, "the raw file is not there or says nothing of it")
            return
        agrees = math.isclose(found, expected, rel_tol=_SAME, abs_tol=1e-12)
        text = f"{shown(found)}" if agrees else f"{shown(found)}, not {shown(expected)}"
        self.checks.append(Check(what=what, found=text, agrees=agrees))

    def same(self, what: str, found: Estimate | None, told: Estimate | None) -> None:
        """Hold value and interval counted again against the record's."""
        self.check(what, found.value if found else None, told.value if told else None)
        for end in ("low", "high"):
            one, other = getattr(found, end, None), getattr(told, end, None)
            if one is not None and other is not None:
                self.check(f"{what}, {end} end of the interval", one, other)

    def untried(self, what: str, found: str) -> None:
        """Add what can be laid beside the figure, or why it could not be computed again."""
        self.checks.append(Check(what=what, found=found, agrees=None))


Explainer = Callable[[Working], None]
"""Writes the explanation of one column."""


def _unit(column: Column) -> str:
    """After a number; what is no unit but says how to read it stands in brackets."""
    if not column.unit:
        return ""
    return f" ({column.unit})" if " " in column.unit else f" {column.unit}"


def shown(value: object) -> str:
    """A value as an explanation prints it: six digits, thousands apart."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def figure_text(figure: Figure) -> str:
    """Value, interval and sample size, as tables write them but with more digits."""
    if figure.value is None:
        return str(figure.reason)
    text = shown(figure.value)
    if figure.low is not None or figure.high is not None:
        ends = ("unbounded" if end is None else shown(end) for end in (figure.low, figure.high))
        text += f" [{', '.join(ends)}]"
    text += "" if figure.n is None else f" n={figure.n:,}"
    if figure.at_low_price is not None and figure.at_high_price is not None:
        text += f"; {shown(figure.at_low_price)} to {shown(figure.at_high_price)} by price"
    return text


def cited(fact: Fact) -> str:
    """Where a fact comes from, in a line."""
    dated = f"published {fact.published}" if fact.published else f"read {fact.read}"
    at = f", {fact.at}" if fact.at else ""
    return f"{fact.confidence}, {fact.publisher}, {dated}: {fact.source}{at}"


def cell_rows(table: Table, model: str) -> list[Row]:
    """The rows of a model, named as in the table, by its repo or by a cell id.

    Those that may be ranked first, cheapest first. Raises FactError with the nearest names, or with
    the models there are.
    """
    found = [
        row
        for row in table.rows
        if model.lower()
        in (row.text("model").lower(), row.text("model_key").lower(), row.cell.cell_id.lower())
    ]
    if found:
        return sorted(found, key=by_cost)
    there = sorted({row.text("model") for row in table.rows})
    keys = {row.text("model_key") for row in table.rows}
    near = process.extract(
        model.lower(), [*there, *keys], scorer=fuzz.ratio, limit=3, score_cutoff=_NEAR
    )
    asked = f"did you mean {' or '.join(name for name, _, _ in near)}? " if near else ""
    named = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
    raise FactError(
        f"{model}: not among the models of {table.sweeps[0]}; {asked}models there: {named}"
    )
