"""summary.xlsx: a memo to decide from, a sheet per question, assumptions that may be changed."""

from collections.abc import Sequence
from pathlib import Path

from harness.report.join import Table
from harness.report.workbook.assumptions import write as write_assumptions
from harness.report.workbook.book import Book
from harness.report.workbook.memo import Memo
from harness.report.workbook.money import Money
from harness.report.workbook.plan import Plan
from harness.report.workbook.risk import Risk, write_facts
from harness.report.workbook.sheets import (
    TABLES,
    Cells,
    write_figures,
    write_glossary,
    write_provenance,
)


def write_xlsx(tables: Sequence[Table], path: Path) -> None:
    """Write the workbook for these buyers; they have the same cells, the first is the main one."""
    plan = Plan(tables)
    with Book(path) as book:
        money, risk, cells = Money(book, plan), Risk(book, plan), Cells(book, plan)
        Memo(book, plan, money, risk).write()
        write_assumptions(book, plan)
        for name in TABLES:
            cells.write(name)
        risk.write()
        write_facts(book, plan)
        money.write()
        write_figures(book, plan)
        write_provenance(book, plan)
        write_glossary(book)
