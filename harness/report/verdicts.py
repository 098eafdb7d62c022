"""Which gate each model meets for each buyer, and each reason once for all whom it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.join import Table
from harness.report.naming import Use, called, use_of
from harness.report.rows import Row


@dataclass(frozen=True)
class Reason:
    """Why some models stand as they do for some buyers."""

    models: tuple[str, ...]
    gate: str
    buyers: tuple[str, ...]
    text: str
    found: bool  # False: clear, since nothing was found or is pending


def plain(table: Table) -> str:
    """Its buyer's name as prose has it."""
    return table.judge.buyer.profile.replace("_", " ")


def gate(row: Row) -> str:
    """A row's, as prose has it."""
    return row.text("gate").replace("_", " ")


def uses(tables: Sequence[Table]) -> dict[Use, list[Row]]:
    """Of each model and way of use its first row, as each buyer has it judged."""
    found: dict[Use, list[Row]] = {}
    for place, row in enumerate(tables[0].rows):
        found.setdefault(use_of(row), [table.rows[place] for table in tables])
    return found


def reasons(tables: Sequence[Table]) -> list[Reason]:
    """All of them; what is clear comes last."""
    names = called(tables[0].rows)
    found: dict[tuple[str, str, bool], dict[str, list[str]]] = {}
    for use, rows in uses(tables).items():
        for table, row in zip(tables, rows, strict=True):
            at = found.setdefault((gate(row), row.text("gate_reasons"), _is_found(row)), {})
            at.setdefault(names[use], []).append(plain(table))
    told = []
    for (standing, text, is_found), models in sorted(
        found.items(), key=lambda e: e[0][0] == "clear"
    ):
        by_buyers: dict[tuple[str, ...], list[str]] = {}
        for model, buyers in models.items():
            by_buyers.setdefault(tuple(buyers), []).append(model)
        told += [
            Reason(tuple(alike), standing, buyers_alike, text, is_found)
            for buyers_alike, alike in by_buyers.items()
        ]
    return told


def _is_found(row: Row) -> bool:
    standing = row.judged.assessment.gate if row.judged else None
    return standing is None or bool(standing.reasons or standing.pending)
