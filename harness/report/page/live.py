"""What the page reckons with: every cell in columns, texts once, and the buyers side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from harness.config.judge import RiskConfig
from harness.config.workload import Content
from harness.report.clean import clean
from harness.report.columns import BY_KEY
from harness.report.evidence import MARKS, evidence_of
from harness.report.join import Table
from harness.report.naming import Kind, content_of, kinds, kinds_called, use_of
from harness.report.ranked import case, machine, why_not
from harness.report.rows import Figure, Row, basis, is_endpoint

TEXTS = ("model", "headquarters", "hardware", "workload", "evidence", "level", "status", "cell_id")
FIGURES = (
    "output_tok_per_s", "ttft_p50_s", "tpot_p50_s",
    "energy_j_per_output_tok", "accuracy_en", "accuracy_maths", "accuracy_zh",
    "cost_usd_per_correct", "cost_usd_per_1000_tasks",
)  # fmt: skip
_DIGITS = 5
_MOST_LINES = 10_000
"""Cells, once and once a buyer, up to which intervals travel to the page; beyond, they stand in
summary.parquet only, for the page stays below 5 MB."""


def payload(tables: Sequence[Table]) -> dict[str, Any]:
    """As JSON for the page's script. Numbers have five significant digits.

    A column in which all is alike is that one value.
    """
    first = tables[0]
    texts = _Texts()
    ends = len(first.rows) * (1 + len(tables)) <= _MOST_LINES
    columns = {key: _column([texts.place(row.text(key)) for row in first.rows]) for key in TEXTS}
    figures = {
        key: _figures([row.figure(key) for row in first.rows], texts, ends) for key in FIGURES
    }
    return {
        "cells": len(first.rows),
        "intervals": ends,
        "marks": MARKS,
        "texts": columns,
        "figures": figures,
        "titles": {key: _title(key) for key in (*TEXTS, *FIGURES)},
        "kind": _column([texts.place(evidence_of(row.text("evidence"))) for row in first.rows]),
        "bill": _figures([row.figure(basis(row)) for row in first.rows], texts, ends),
        "basis": _column([texts.place(basis(row)) for row in first.rows]),
        "machine": _column([texts.place(machine(row)) for row in first.rows]),
        "scales": _column([0 if is_endpoint(row.cell) else 1 for row in first.rows]),
        "done": _column([1 if row.cell.status == "done" else 0 for row in first.rows]),
        "relevance": {content: _relevance(first.judge.risk, content) for content in _contents()},
        "utilisation": first.judge.pricing.used_share,
        "buyers": [_buyer(table, texts, ends) for table in tables],
        "dictionary": texts.all,
    }


class _Texts:
    """A dictionary of texts, made safe to show: each goes to the page once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(clean(text))
        return self._places[text]


def _contents() -> tuple[Content, ...]:
    return get_args(Content)


def _relevance(risk: RiskConfig, content: Content) -> dict[str, float]:
    """What is left of each stated weight for this content, the most relevant factors at 1."""
    cut = {name: weight / risk.weights[name] for name, weight in risk.weights_for(content).items()}
    return {name: round(share / max(cut.values()), 6) for name, share in cut.items()}


def _figures(figures: Sequence[Figure], texts: _Texts, ends: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "value": _column([_rounded(f.value) for f in figures]),
        "reason": _column(
            [None if f.value is not None else texts.place(f.reason or "") for f in figures]
        ),
        "n": _column([f.n for f in figures]),
    }
    if ends:
        found["low"] = _column([_rounded(f.low) for f in figures])
        found["high"] = _column([_rounded(f.high) for f in figures])
    return found


def _column(values: Sequence[Any]) -> Any:
    """The values; or the one value that all of them are."""
    return values[0] if len(set(values)) == 1 else list(values)


def _buyer(table: Table, texts: _Texts, ends: bool) -> dict[str, Any]:
    by_folder = {row.folder: row for row in table.rows}
    places = {folder: place for place, folder in enumerate(by_folder)}
    judged = kinds(table.rows)
    numbers = {kind: number for number, kind in enumerate(judged)}
    given = table.judge.buyer
    costs = [row.figure("ranked_usd_per_mtok") for row in table.rows]
    return {
        "name": given.profile,
        "mtok": given.mtok_per_year,
        "horizon": given.horizon_years,
        "rate": given.discount_rate_per_year,
        "weights": dict(table.judge.risk.weights),
        "gate": _column([texts.place(row.text("gate")) for row in table.rows]),
        "permitted": _column(
            [1 if row.judged and row.judged.assessment.gate.permits else 0 for row in table.rows]
        ),
        "barred": _column([texts.place(why_not(row)) for row in table.rows]),
        "factors": [case(row, by_folder).factors for row in judged.values()],
        "names": [texts.place(name) for name in kinds_called(table.rows).values()],
        "contents": [kind.content for kind in judged],
        "score": _figures([row.figure("risk_score") for row in judged.values()], texts, True),
        "which": _column([numbers.get(Kind(use_of(row), content_of(row))) for row in table.rows]),
        "leave": [_leave(row, by_folder, places) for row in table.rows],
        "cost": _figures(costs, texts, True) if ends else None,
    }


def _leave(row: Row, by_folder: dict[Path, Row], places: dict[Path, int]) -> tuple[Any, ...] | None:
    """Place of the fallback, then what moving to it would mean."""
    left = case(row, by_folder).leave
    if row.move is None or left is None:
        return None
    return (
        places[row.move.fallback],
        _rounded(left.unpriced_usd),
        _rounded(left.measured_usd),
        _rounded(left.quality_usd_per_year),
        _rounded(left.hazard_per_year),
        *((left.jumps,) if left.jumps else ()),
    )


def _title(key: str) -> str:
    column = BY_KEY[key]
    return f"{column.title} ({column.unit})" if column.unit else column.title


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
