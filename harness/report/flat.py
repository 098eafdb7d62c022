"""The table as flat columns with pinned names, for spreadsheets, pandas and other programs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.report.columns import COLUMNS, Column
from harness.report.rows import Figure, Row

VERSION = 1
"""Of the columns. Raised when one is renamed, removed or means something else; not when added."""


def parts(column: Column) -> tuple[str, ...]:
    """What stands beside a figure's value, each as `<key>_<part>`."""
    if column.kind == "text":
        return ()
    by_price = ("at_low_price", "at_high_price") if column.priced else ()
    return ("low", "high", "n", *by_price)


_PARTS = tuple((column, parts(column)) for column in COLUMNS)


def names() -> list[str]:
    """Columns of summary.csv, in order."""
    found = ["summary_version"]
    for column in COLUMNS:
        found += [column.key, *(f"{column.key}_{part}" for part in parts(column))]
    return found


def line(row: Row) -> list[Any]:
    """One line of summary.csv: where a figure is missing, its column holds the reason."""
    found: list[Any] = [VERSION]
    for column, beside in _PARTS:
        value = row.values[column.key]
        if isinstance(value, Figure):
            found.append(value.reason if value.value is None else value.value)
            found += [getattr(value, part) for part in beside]
        else:
            found.append(value)
    return found


def readable(rows: Sequence[Row]) -> pd.DataFrame:
    """Lines of summary.csv as a frame of objects."""
    return pd.DataFrame([line(row) for row in rows], columns=names(), dtype=object)


def typed(rows: Sequence[Row]) -> pd.DataFrame:
    """As in summary.parquet: numbers are numbers, and a missing one has `<key>_reason`."""
    found: dict[str, list[Any]] = {"summary_version": [VERSION] * len(rows)}
    for column in COLUMNS:
        values = [row.values[column.key] for row in rows]
        if column.kind == "text":
            found[column.key] = values
            continue
        figures = [value for value in values if isinstance(value, Figure)]
        found[column.key] = [figure.value for figure in figures]
        for part in parts(column):
            found[f"{column.key}_{part}"] = [getattr(figure, part) for figure in figures]
        found[f"{column.key}_reason"] = [figure.reason for figure in figures]
        found[f"{column.key}_source"] = [figure.source or None for figure in figures]
    frame = pd.DataFrame(found)
    return frame.astype({name: kind for name, kind in _types().items() if name in frame})


def _types() -> dict[str, str]:
    kinds = {"summary_version": "int32"}
    for column in COLUMNS:
        if column.kind == "text":
            kinds[column.key] = "string"
            continue
        kinds[column.key] = "float64"
        kinds |= {f"{column.key}_{part}": "float64" for part in parts(column)}
        kinds |= {f"{column.key}_n": "Int64"}
        kinds |= {f"{column.key}_{part}": "string" for part in ("reason", "source")}
    return kinds


def schema() -> dict[str, Any]:
    """JSON Schema of a line of summary.csv, and the further columns of summary.parquet."""
    properties: dict[str, Any] = {"summary_version": {"const": VERSION}}
    for column in COLUMNS:
        about = {"title": column.title, **({"unit": column.unit} if column.unit else {})}
        if column.kind == "text":
            properties[column.key] = {**about, "type": "string"}
            continue
        reason = "a string is the reason why there is no number"
        properties[column.key] = {**about, "type": ["number", "string"], "$comment": reason}
        for part in parts(column):
            kind = "integer" if part == "n" else "number"
            properties[f"{column.key}_{part}"] = {"type": [kind, "null"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of a harness summary: one cell judged for one buyer",
        "version": VERSION,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "x-parquet": _types(),
    }
