"""The sheets with a line per cell, the sheet of figures, provenance and glossary."""

from collections.abc import Sequence

from xlsxwriter.worksheet import Worksheet

from harness.report.columns import BY_KEY, COLUMNS, Column
from harness.report.evidence import MARKS, MEANINGS, evidence_of, figure_evidence
from harness.report.glossary import glossary
from harness.report.rows import Figure, Row
from harness.report.tables import provenance, title
from harness.report.workbook.book import (
    LIVE,
    Book,
    Look,
    clean,
    leads_to,
    marked,
    named,
)
from harness.report.workbook.plan import FIGURES, Plan

LEAD = ("model", "workload", "hardware", "evidence")
TABLES: dict[str, tuple[str, ...]] = {
    "Cost": (
        "bill_usd_per_mtok_total", "bill_usd_per_mtok_output", "split_usd_per_mtok_input",
        "split_usd_per_mtok_cached", "split_usd_per_mtok_output", "blend_usd_per_mtok_7_2_1",
        "blend_usd_per_mtok_3_1", "blend_usd_per_mtok_own", "cost_usd_per_1000_tasks",
        "cost_usd_per_correct", "cost_usd_per_mb_en_input", "cost_usd_per_mb_en_output",
        "cost_usd_per_mb_zh_input", "cost_usd_per_mb_zh_output", "cost_usd_per_mb_code_input",
        "cost_usd_per_mb_code_output", "cost_conditions",
    ),
    "Accuracy": ("accuracy_en", "accuracy_maths", "accuracy_zh", "accuracy_conditions"),
    "Throughput": (
        "level", "output_tok_per_s", "output_tok_per_s_restarts", "ttft_p50_s", "ttft_p99_s",
        "ttfa_p50_s", "itl_p50_s", "itl_p99_s", "tpot_p50_s", "tpot_p99_s", "e2e_p50_s",
        "e2e_p99_s", "goodput_rps", "mfu", "mbu", "headroom", "repeats", "goodput_search",
        "void_levels", "client",
    ),
    "Energy": (
        "energy_j_per_output_tok", "energy_j_per_answer", "idle_power_w",
        "energy_usd_per_mtok_output", "co2e_g_per_mtok_output", "co2e_g_per_answer",
    ),
    "Effort": (
        "finetune_gain", "finetune_seconds", "finetune_tokens", "finetune_peak_memory_gib",
        "finetune_cost_usd",
    ),
    "Behaviour": (
        "evasion_gap_en", "evasion_gap_zh", "evasion_gap_es", "evasion_did_zh",
        "over_refusal_share", "hijack_share", "jailbreak_share", "insecure_code_share",
        "behaviour_conditions",
    ),
    "Cells": ("status", "model_key", "developer", "weights_provenance", "dtype", "cell_id"),
}  # fmt: skip
_MOVING = (*(c.key for c in COLUMNS if c.priced), "energy_usd_per_mtok_output",
           "co2e_g_per_mtok_output", "co2e_g_per_answer")  # fmt: skip
_BESIDE = ("low", "high", "n")
GLOSSARY, PROVENANCE = "Glossary", "Provenance"


def heading(column: Column, *, live: bool) -> str:
    """A column's, with its unit, and the sign of one that recomputes."""
    return f"{LIVE} {title(column)}" if live else title(column)


class Cells:
    """The sheets with a line per cell; of very many cells only those of the memo."""

    def __init__(self, book: Book, plan: Plan) -> None:
        self.book, self.plan = book, plan
        self._columns = {name: self._layout(keys) for name, keys in TABLES.items()}

    def _layout(self, keys: Sequence[str]) -> dict[str, int]:
        """The place of each key's value; a figure's interval and sample size stand right of it."""
        places, place = {}, len(LEAD)
        for key in keys:
            places[key] = place
            place += 1 + len(_BESIDE) if BY_KEY[key].kind == "figure" else 1
        return places

    def write(self, name: str) -> None:
        """One of the sheets."""
        places = self._columns[name]
        widths = [28.0, 14.0, 26.0, 22.0]
        heads: list[tuple[str, str | None]] = [(title(BY_KEY[key]), key) for key in LEAD]
        for key in places:
            column = BY_KEY[key]
            text = heading(column, live=key in _MOVING)
            heads.append((text, key))
            longest = max(map(len, text.split())) + 1.0
            widths.append(40.0 if column.kind == "text" else max(15.0, longest))
            if column.kind == "figure":
                widths += [10.0, 10.0, 7.0]
                heads += [(part, None) for part in _BESIDE]
        sheet = self.book.sheet(name, widths)
        for number, (text, about) in enumerate(heads):
            look = Look(kind="head" if about else "side", wrap=True, linked=about is not None)
            shown = leads_to(f"'{GLOSSARY}'!A{glossary_line(about) + 1}", text) if about else text
            self.book.put(sheet, 0, number, shown, look)
        for line, i in enumerate(self.plan.shown, start=1):
            row = self.plan.rows[i]
            lead(self.book, sheet, line, row)
            for key, place in places.items():
                value = row.values[key]
                if isinstance(value, Figure):
                    self._figure(sheet, (line, place), i, key, value)
                else:
                    self.book.put(sheet, line, place, value)
        sheet.autofilter(0, 0, max(len(self.plan.shown), 1), len(heads) - 1)

    def _figure(
        self, sheet: Worksheet, at: tuple[int, int], i: int, key: str, figure: Figure
    ) -> None:
        column, row = BY_KEY[key], self.plan.rows[i]
        figure_cell(self.book, self.plan, sheet, at, (0, i), key)
        line, place = at
        origin = figure_evidence(row.text("evidence"), column)
        for offset, end in enumerate((figure.low, figure.high), start=1):
            look = Look(column.digits, origin, "side")
            content = self.plan.moving(row, column, end)
            self.book.put(sheet, line, place + offset, content, look)
        self.book.put(sheet, line, place + len(_BESIDE), figure.n, Look(0, kind="side"))


def lead(book: Book, sheet: Worksheet, line: int, row: Row, first: int = 0) -> None:
    """What names a cell at the start of its line."""
    book.put(sheet, line, first, named(row.text("model")), Look(kind="strong"))
    book.put(sheet, line, first + 1, named(row.text("workload")))
    book.put(sheet, line, first + 2, named(row.text("hardware")))
    book.put(sheet, line, first + 3, marked(row.text("evidence")), origin_look(row))


def origin_look(row: Row) -> Look:
    """Of the cell that says where a row's figures come from."""
    return Look(evidence=evidence_of(row.text("evidence")))


def figure_cell(
    book: Book,
    plan: Plan,
    sheet: Worksheet,
    place: tuple[int, int],
    of: tuple[int, int],
    key: str,
) -> None:
    """A figure's value with the link to its evidence, or the reason why there is none.

    `of`: which table, and which of its rows.
    """
    number, i = of
    row, column = plan.tables[number].rows[i], BY_KEY[key]
    figure = row.figure(key)
    link = plan.link(number, i, key)
    if figure.value is None:
        look = Look(kind="missing", linked=link is not None)
        book.put(sheet, *place, figure.reason or "not measured: no reason recorded", look, link)
        return
    content = plan.moving(row, column, figure.value)
    look = Look(
        column.digits,
        figure_evidence(row.text("evidence"), column),
        live=not isinstance(content, float | int),
        linked=link is not None,
    )
    book.put(sheet, *place, content, look, link)


def write_figures(book: Book, plan: Plan) -> None:
    """Every figure as it was judged, with what stands behind it. It does not recompute."""
    heads = (
        "Model", "Workload", "Hardware", "Evidence", "Buyer", "Figure", "Unit",
        "Value, as judged", "Low", "High", "n", "At low price", "At high price", "Interval",
        "Reason", "Source", "Column", "Cell",
    )  # fmt: skip
    widths = (24, 14, 24, 22, 16, 34, 10, 15, 12, 12, 8, 12, 12, 22, 40, 50, 30, 34)
    sheet = book.sheet(FIGURES, widths)
    book.head(sheet, heads)
    number = 0
    for number, each in enumerate(plan.evidence(), start=1):
        row, column, figure = each.row, each.column, each.figure
        lead(book, sheet, number, row)
        buyer = each.table.judge.buyer.profile if column.judged else "all"
        look = Look(column.digits, figure_evidence(row.text("evidence"), column))
        for place, content, form in (
            (4, buyer, Look()),
            (5, column.title, Look()),
            (6, column.unit, Look()),
            (7, figure.value, look),
            (8, figure.low, look),
            (9, figure.high, look),
            (10, figure.n, Look(0)),
            (11, figure.at_low_price, look),
            (12, figure.at_high_price, look),
            (13, _interval(row, figure), Look()),
            (14, figure.reason, Look(kind="missing")),
            (15, figure.source, Look()),
            (16, column.key, Look(kind="side")),
            (17, named(row.cell.cell_id), Look(kind="side")),
        ):
            book.put(sheet, number, place, content, form)
    sheet.autofilter(0, 0, max(number, 1), len(heads) - 1)


def _interval(row: Row, figure: Figure) -> str | None:
    if figure.value is None or figure.low is not None or figure.high is not None:
        return None
    imported = evidence_of(row.text("evidence")) == "imported"
    return "no interval published" if imported else "none"


def write_provenance(book: Book, plan: Plan) -> None:
    """What stands behind the figures, for each buyer."""
    sheet = book.sheet(PROVENANCE, (44, 150))
    book.head(sheet, ("What", "Value"))
    first = provenance(plan.tables[0])
    others = [line for table in plan.tables[1:] for line in provenance(table) if line[0] == "Buyer"]
    for number, (what, value) in enumerate([*first, *others], start=1):
        book.put(sheet, number, 0, named(what))
        book.put(sheet, number, 1, clean(value))


def glossary_line(key: str) -> int:
    """The line of a column in the glossary, counted from 0."""
    return _LINES[key]


_LINES = {column.key: number for number, column in enumerate(COLUMNS, start=1)}


def write_glossary(book: Book) -> None:
    """Every column with its definition, and the words and signs of this file."""
    sheet = book.sheet(GLOSSARY, (40, 12, 80, 80, 34, 34, 16))
    heads = ("Column", "Unit", "Meaning", "Formula", "From", "Key", "Better")
    book.head(sheet, heads)
    found = glossary()
    wrap = Look(wrap=True)
    for number, column in enumerate(COLUMNS, start=1):
        about = found.columns[column.key]
        better = {"low": "lower", "high": "higher", "": ""}[column.better]
        texts = (
            column.title, column.unit or about.unit, about.meaning, about.formula, about.source,
            column.key, better,
        )  # fmt: skip
        for place, text in enumerate(texts):
            book.put(sheet, number, place, text, wrap)
    words = {
        f"{LIVE} before a heading": "recomputes when a value on the sheet Assumptions is changed;"
        " every other figure stands as it was judged",
        **{
            f"{MARKS[kind]} {kind}": f"{meaning}"
            f"{'' if kind == 'measured' else '; the sign stands before every such number'}"
            for kind, meaning in MEANINGS.items()
        },
        "an underlined figure": "leads to its line on the sheet Figures",
        "low, high": "ends of the interval; of what is estimated here 90% of the draws, of all else"
        " 95% of a measurement's sampling; what it holds: the column's formula, docs/metrics.md",
        "n": "sample size: requests, tasks, repeats or, of what is estimated here, draws or facts",
        **{f"{word}: …": meaning for word, meaning in found.reasons.items()},
    }
    for number, (word, meaning) in enumerate(words.items(), start=len(COLUMNS) + 2):
        book.put(sheet, number, 0, word, wrap)
        book.put(sheet, number, 2, meaning, wrap)
