"""The way from the raw records to one figure of the table."""

import functools
from collections.abc import Callable

from rapidfuzz import fuzz, process

from harness.errors import ConfigError
from harness.report.columns import BY_KEY, Column
from harness.report.explain import (
    imported,
    judged,
    priced,
    samples,
    settings,
    speed,
    withdrawal,
)
from harness.report.explain.explained import Explained, Explainer, Working, cell_rows, figure_text
from harness.report.glossary import glossary
from harness.report.join import Table
from harness.report.rows import Figure, Row
from harness.risk.load import load_registry
from harness.risk.registry import Registry

EXPLAINERS: dict[str, Explainer] = {
    **settings.EXPLAINERS,
    **speed.EXPLAINERS,
    **samples.EXPLAINERS,
    **priced.EXPLAINERS,
    **judged.EXPLAINERS,
    **withdrawal.EXPLAINERS,
}
_NEAR = 3


def explain(table: Table, model: str, column: str) -> list[Explained]:
    """How a column came about, for each cell of the model (its name, its repo or a cell id).

    Raises FactError for a model that is not in the table, ConfigError for a column that there is
    not.
    """
    shown, folders = column_named(column), table.judge.risk.registry_dirs
    facts = functools.cache(lambda: load_registry(folders))
    return [explained(table, row, shown, facts) for row in cell_rows(table, model)]


def explained(table: Table, row: Row, column: Column, facts: Callable[[], Registry]) -> Explained:
    """One column of one row; `facts` gives the registry that the table was judged by."""
    out, told = Working(table, row, column, facts), row.values[column.key]
    figure = told if isinstance(told, Figure) else Figure()
    missing = isinstance(told, Figure) and told.value is None
    brought = row.cell.imported
    if brought is None or not imported.explain(out, brought):
        (settings.absent if missing else EXPLAINERS[column.key])(out)
        imported.origin(out)
    about = glossary().columns[column.key]
    return Explained(
        column=column.key,
        title=column.title,
        unit=column.unit,
        model=row.text("model"),
        cell_id=row.cell.cell_id,
        folder=str(row.folder),
        shown=figure_text(told) if isinstance(told, Figure) else str(told),
        value=figure.value,
        low=figure.low,
        high=figure.high,
        n=figure.n,
        reason=figure.reason,
        meaning=about.meaning,
        formula=about.formula,
        steps=tuple(out.steps),
        inputs=tuple(out.inputs),
        checks=tuple(out.checks),
    )


def column_named(name: str) -> Column:
    """The column of that key, or of that title. Raises ConfigError with the nearest names."""
    for column in BY_KEY.values():
        if name.lower() in (column.key, column.title.lower()):
            return column
    found = process.extract(name.lower(), list(BY_KEY), scorer=fuzz.WRatio, limit=_NEAR)
    near = " or ".join(key for key, _, _ in found)
    raise ConfigError(f"{name}: no such column; did you mean {near}? docs/metrics.md has them all")
