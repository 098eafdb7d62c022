"""What the page reckons with: every cell in columns, texts once, and the buyers side by side."""

from collections.abc import Sequence
from typing import Any

from harness.report.columns import BY_KEY
from harness.report.join import Table
from harness.report.ranked import case, machine
from harness.report.rows import Row, basis, is_endpoint

TEXTS = ("model", "headquarters", "hardware", "workload", "evidence", "level", "status", "cell_id")
FIGURES = (
    "risk_score", "withdrawal_hazard_per_year", "output_tok_per_s", "ttft_p50_s", "tpot_p50_s",
    "energy_j_per_output_tok", "accuracy_en", "accuracy_maths", "accuracy_zh",
    "cost_usd_per_correct", "cost_usd_per_1000_tasks",
)  # fmt: skip
_JUDGED = ("risk_score", "withdrawal_hazard_per_year")
_DIGITS = 5
_INTERVALS_UP_TO = 2000
"""Cells up to which intervals travel to the page; beyond, they stand in summary.parquet only."""


def payload(tables: Sequence[Table]) -> dict[str, Any]:
    """As JSON for the page's script. Numbers have five significant digits."""
    first = tables[0]
    texts = _Texts()
    ends = len(first.rows) <= _INTERVALS_UP_TO
    columns = {key: [texts.place(row.text(key)) for row in first.rows] for key in TEXTS}
    figures = {key: _figures(first.rows, key, texts, ends) for key in FIGURES if key not in _JUDGED}
    bills = [row.figure(basis(row)) for row in first.rows]
    return {
        "texts": columns,
        "figures": figures,
        "titles": {key: _title(key) for key in (*TEXTS, *FIGURES)},
        "usd": [_rounded(figure.value) for figure in bills],
        "basis": [texts.place(basis(row)) for row in first.rows],
        "usdReason": [None if f.value is not None else texts.place(f.reason or "") for f in bills],
        "usdLow": [_rounded(f.low) for f in bills] if ends else None,
        "usdHigh": [_rounded(f.high) for f in bills] if ends else None,
        "machine": [texts.place(machine(row)) for row in first.rows],
        "scales": [0 if is_endpoint(row.cell) else 1 for row in first.rows],
        "done": [1 if row.cell.status == "done" else 0 for row in first.rows],
        "weights": dict(first.judge.risk.weights),
        "utilisation": first.judge.pricing.used_share,
        "buyers": [_buyer(table, texts, ends) for table in tables],
        "dictionary": texts.all,
    }


def ways(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """What to call each model and way of use: the model, and the way where it has several."""
    found = dict.fromkeys((row.text("model"), row.text("deployment")) for row in rows)
    names = [model for model, _ in found]
    return {
        (model, way): f"{model} ({way})" if names.count(model) > 1 else model
        for model, way in found
    }


class _Texts:
    """A dictionary of texts: each goes to the page once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(text)
        return self._places[text]


def _figures(rows: Sequence[Row], key: str, texts: _Texts, ends: bool) -> dict[str, Any]:
    figures = [row.figure(key) for row in rows]
    found: dict[str, Any] = {
        "value": [_rounded(f.value) for f in figures],
        "reason": [None if f.value is not None else texts.place(f.reason or "") for f in figures],
    }
    if ends:
        found["low"] = [_rounded(f.low) for f in figures]
        found["high"] = [_rounded(f.high) for f in figures]
    return found


def _buyer(table: Table, texts: _Texts, ends: bool) -> dict[str, Any]:
    by_folder = {row.folder: row for row in table.rows}
    places = {folder: place for place, folder in enumerate(by_folder)}
    kinds: dict[str, int] = {}
    factors: list[Any] = []
    names: list[int] = []
    called = ways(table.rows)
    which: list[int | None] = []
    leaves: list[Any] = []
    for row in table.rows:
        seen = case(row, by_folder)
        if seen.factors is None:
            which.append(None)
        else:
            name = f"{row.text('model_key')} {row.text('deployment')}"
            if name not in kinds:
                kinds[name] = len(factors)
                factors.append(seen.factors)
                names.append(texts.place(called[row.text("model"), row.text("deployment")]))
            which.append(kinds[name])
        move, left = row.move, seen.leave
        leaves.append(
            None
            if move is None or left is None
            else [
                places[move.fallback],
                _rounded(left.unpriced_usd),
                _rounded(left.measured_usd),
                _rounded(left.quality_usd_per_year),
                _rounded(left.hazard_per_year),
                *([[list(jump) for jump in left.jumps]] if left.jumps else []),
            ]
        )
    given = table.judge.buyer
    return {
        "name": given.profile,
        "mtok": given.mtok_per_year,
        "horizon": given.horizon_years,
        "rate": given.discount_rate_per_year,
        "gate": [texts.place(row.text("gate")) for row in table.rows],
        "permitted": [
            1 if row.judged and row.judged.assessment.gate.permits else 0 for row in table.rows
        ],
        "factors": factors,
        "names": names,
        "which": which,
        "leave": leaves,
        "figures": {key: _figures(table.rows, key, texts, ends) for key in _JUDGED},
    }


def _title(key: str) -> str:
    column = BY_KEY[key]
    return f"{column.title} ({column.unit})" if column.unit else column.title


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
