"""summary.md: the answer, the gates with their reasons, every column, and what stands behind it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.records.store import write_text
from harness.report import leads
from harness.report.chosen import in_detail
from harness.report.clean import markdown as safe
from harness.report.columns import COLUMNS, Column
from harness.report.evidence import MARKS, MEANINGS, figure_evidence
from harness.report.join import Table
from harness.report.naming import called
from harness.report.ranked import COUNTED
from harness.report.rows import Figure, Row
from harness.report.tables import (
    DISCLAIMER,
    MOST_SIDE_BY_SIDE,
    cell_text,
    provenance,
    title,
)
from harness.report.verdicts import gate, plain, reasons, uses


def write_markdown(tables: Sequence[Table], path: Path) -> None:
    """The answer and the gates of every buyer first, then one column a cell, then its sources.

    Further buyers follow with what depends on the buyer.
    """
    first = tables[0]
    chosen = {id(row) for row in in_detail(first.rows, MOST_SIDE_BY_SIDE)}
    shown = [i for i, row in enumerate(first.rows) if id(row) in chosen]
    lines = ["# Summary", "", DISCLAIMER, ""]
    if any(row.cell.cpu_only for row in first.rows):
        lines += ["**CPU figures: they show that the pipeline works, not what a GPU does.**", ""]
    lines += ["## The cheapest that may be used", "", *_answer(tables), ""]
    lines += ["## Verdicts", "", *_verdicts(tables), ""]
    lines += [f"## Figures, for {plain(first)}", ""]
    if len(first.rows) > len(shown):
        lines += [
            f"{len(shown)} of {len(first.rows)} cells: the cheapest of each model and workload,"
            " each model once before any twice; all: summary.csv",
            "",
        ]
    lines += [*(f"- {MARKS[kind]} {kind}: {meaning}" for kind, meaning in MEANINGS.items()), ""]
    lines += _side_by_side([first.rows[i] for i in shown], COLUMNS)
    judged = [column for column in COLUMNS if column.judged]
    for table in tables[1:]:
        rows = [table.rows[i] for i in shown]
        lines += ["", f"## Buyer {table.judge.buyer.profile}", "", *_side_by_side(rows, judged)]
    lines += ["", "## Behind the figures", ""]
    lines += [f"- {safe(name)}: {safe(text)}" for name, text in provenance(first)]
    write_text(path, "\n".join(lines) + "\n")


def _answer(tables: Sequence[Table]) -> list[str]:
    """Per workload and buyer the cheapest with the risk of withdrawal, and how firm that is."""
    heads = ("Workload", "Tokens counted", "Buyer", "Cheapest", "USD per million",
             "Stays cheapest in", "May be ranked")  # fmt: skip
    lines = [_line(heads), _rule(len(heads))]
    contests = zip(*(leads.contests(table) for table in tables), strict=True)
    for each in contests:
        for table, contest in zip(tables, each, strict=True):
            found = contest.leader
            told = (
                ("none", "none", "none")
                if found is None
                else (
                    found.name,
                    f"{MARKS['estimated']} {found.usd:.3g}",
                    f"{found.share:.0%} of {leads.MOST_DRAWS:,} draws"
                    if len(contest.shares) > 1
                    else "no rival",
                )
            )
            able = f"{len(contest.shares)} of {contest.models} models"
            texts = (contest.workload, COUNTED[contest.basis], plain(table), *told, able)
            lines.append(_line(map(safe, texts)))
    return lines


def _verdicts(tables: Sequence[Table]) -> list[str]:
    """Each model and way of use once: every buyer's gate, then each reason once."""
    heads = ("Model", "Repo", "Way of use", *map(plain, tables))
    lines, names = [_line(heads), _rule(len(heads))], called(tables[0].rows)
    for use, rows in uses(tables).items():
        lines.append(_line(map(safe, (names[use], use.repo, use.way, *map(gate, rows)))))
    why = [
        f"- {safe(', '.join(each.models))}, {safe(each.gate)} for {', '.join(each.buyers)}:"
        f" {safe(each.text)}"
        for each in reasons(tables)
        if each.found
    ]
    return [*lines, *(["", "Why:", "", *why] if why else [])]


def _side_by_side(rows: Sequence[Row], columns: Iterable[Column]) -> list[str]:
    heads = [safe(row.text("model")) for row in rows]
    return [
        _line(["", *heads]),
        _rule(1 + len(heads)),
        *(_line([title(c), *(_signed(row, c) for row in rows)]) for c in columns),
    ]


def _signed(row: Row, column: Column) -> str:
    """What a row shows, a number that is not our measurement with its sign.

    Brackets round two numbers make no link, and escaped ones are hard to read.
    """
    text, value = cell_text(row, column), row.values[column.key]
    if not isinstance(value, Figure) or value.value is None:
        return safe(text)
    kind = figure_evidence(row.text("evidence"), column)
    return text if kind == "measured" else f"{MARKS[kind]} {text}"


def _rule(columns: int) -> str:
    return f"|{'---|' * columns}"


def _line(cells: Iterable[str]) -> str:
    """A row of a Markdown table; unpadded, since one long fact would widen every row."""
    return f"| {' | '.join(cells)} |"
