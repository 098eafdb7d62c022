"""summary.xlsx: a memo to decide from, a sheet per question, assumptions that may be changed."""

from collections.abc import Sequence
from pathlib import Path

from harness.report.join import Table
from harness.report.live import basis
from harness.report.tables import DISCLAIMER, NO_LIST_CLAIM
from harness.report.workbook_assumptions import UNCHANGED, assumptions, changed, content_of
from harness.report.workbook_assumptions import write as write_assumptions
from harness.report.workbook_book import LIVE, Book, Live, Look, evidence_of, marked, named
from harness.report.workbook_money import ADJUSTED, BILL, RANK, Money
from harness.report.workbook_plan import Plan
from harness.report.workbook_risk import Risk, middle_score, write_facts
from harness.report.workbook_sheets import (
    TABLES,
    Cells,
    figure_cell,
    write_figures,
    write_glossary,
    write_provenance,
)

DECISION = "Decision"
_ACCURACY = ("accuracy_en", "accuracy_maths", "accuracy_zh")


def write_xlsx(tables: Sequence[Table], path: Path) -> None:
    """Write the workbook for these buyers; the first is the one whose costs and ranks it shows."""
    plan = Plan(tables)
    with Book(path) as book:
        money, risk, cells = Money(book, plan), Risk(book, plan), Cells(book, plan)
        _decision(book, plan, money, risk)
        write_assumptions(book, plan)
        for name in TABLES:
            cells.write(name)
        risk.write()
        write_facts(book, plan)
        money.write()
        write_figures(book, plan)
        write_provenance(book, plan)
        write_glossary(book)


def _decision(book: Book, plan: Plan, money: Money, risk: Risk) -> None:
    """What a reader who opens one sheet must see."""
    buyers = [table.judge.buyer.profile.replace("_", " ") for table in plan.tables]
    widths = (28, 16, 26, 24, *([18] * len(buyers)), 10, 18, 16, 14, 16, 16, 16)
    sheet = book.sheet(DECISION, widths, (0, 0))
    main, rows = plan.tables[0], plan.rows
    book.put(sheet, 0, 0, "Which open-weight model to run", Look(kind="title"))
    lines = [
        f"Question: which of these {len({row.text('model') for row in rows})} models should"
        f" {buyers[0]} run, at what cost, and may it keep it?",
        f"Judged on {main.day}; {_dates(plan)}.",
        f"{LIVE} before a heading: recomputes when the sheet Assumptions is changed. An underlined"
        " figure leads to its evidence.",
        *_warnings(plan),
        DISCLAIMER,
    ]
    for number, text in enumerate(lines, start=2):
        book.put(sheet, number, 0, text)
    line = len(lines) + 2
    state = Live(changed(sum(1 for _ in assumptions(plan))), UNCHANGED)
    book.put(sheet, line, 0, state, Look(kind="strong"))
    line += 2
    heads = (
        "Model", "Workload", "Hardware", "Evidence", *(f"Verdict: {name}" for name in buyers),
        f"{LIVE} Rank by risk-adjusted cost", f"{LIVE} Risk-adjusted cost per million tokens (USD)",
        f"{LIVE} Whole bill per million tokens (USD)", f"{LIVE} Risk score (0 to 1)",
        "HellaSwag, acc_norm (share)", "GSM8K (share)", "Chinese exam (share)",
    )  # fmt: skip
    book.head(sheet, heads, line)
    for i in plan.options:
        line += 1
        row = rows[i]
        origin = evidence_of(row.text("evidence"))
        for place, text in enumerate(("model", "workload", "hardware")):
            book.put(sheet, line, place, named(row.text(text)))
        book.put(sheet, line, 3, marked(row.text("evidence")), Look(evidence=origin))
        for place, table in enumerate(plan.tables, start=4):
            verdict = table.rows[i].text("gate").replace("_", " ")
            strong = not verdict.startswith("clear")
            book.put(sheet, line, place, verdict, Look(kind="strong" if strong else "plain"))
        place = 4 + len(buyers)
        shown = money.ranks[i]
        rank = Live(f"={money.at(i, RANK)}", "not ranked" if shown is None else shown)
        book.put(sheet, line, place, rank, Look(0, live=True))
        missing = row.figure(basis(row)).reason or ""
        for offset, column, value in (
            (1, ADJUSTED, money.adjusted[i]),
            (2, BILL, money.cases[i].usd),
        ):
            if value is None:
                book.put(sheet, line, place + offset, missing, Look(kind="missing"))
            else:
                cell = Live(f"={money.at(i, column)}", value)
                book.put(sheet, line, place + offset, cell, Look(3, origin, live=True))
        score = middle_score(row, plan, content_of(row))
        if score is None:
            book.put(sheet, line, place + 3, "not assessed", Look(kind="missing"))
        else:
            cell = Live(f"={risk.score_at(0, row)}", score)
            book.put(sheet, line, place + 3, cell, Look(2, live=True))
        for offset, key in enumerate(_ACCURACY, start=4):
            figure_cell(book, plan, sheet, (line, place + offset), (0, i), key)
    line += 2
    for text in (
        "Costs and ranks are reckoned at the middle of every interval; medians over draws, with"
        " intervals, stand on Resilience and Figures.",
        f"Not measured: {_not_measured(plan)}.",
        NO_LIST_CLAIM,
    ):
        book.put(sheet, line, 0, text)
        line += 1


def _dates(plan: Plan) -> str:
    own = [row.cell.started_at.date() for row in plan.rows if row.cell.origin is None]
    parts = [f"measured {min(own)} to {max(own)}"] if own else []
    borrowed = sum(row.cell.origin is not None for row in plan.rows)
    parts += [f"{borrowed} cells imported"] if borrowed else []
    pricing = plan.judge.pricing
    used = [pricing.machines[name] for name in plan.prices if name in pricing.machines]
    parts += [f"prices of {min(p.as_of for p in used)}"] if used else []
    return ", ".join(parts)


def _warnings(plan: Plan) -> list[str]:
    found = []
    if any(row.cell.cpu_only for row in plan.rows):
        found.append("CPU figures: they show that the pipeline works, not what a GPU does.")
    if any(row.cell.origin is not None for row in plan.rows):
        found.append("◇ imported: measured by others, no interval where the source has none.")
    if len(plan.options) < len(plan.rows):
        found.append(f"Of {len(plan.rows)} cells the cheapest of each model, workload and machine.")
    return found


def _not_measured(plan: Plan) -> str:
    """Columns of figures that no cell has."""
    empty = [
        key
        for key in (*_ACCURACY, "energy_j_per_output_tok", "finetune_gain", "hijack_share")
        if all(row.figure(key).value is None for row in plan.rows)
    ]
    names = {
        "accuracy_en": "English accuracy", "accuracy_maths": "maths", "accuracy_zh": "Chinese",
        "energy_j_per_output_tok": "energy", "finetune_gain": "fine-tuning",
        "hijack_share": "behaviour and security",
    }  # fmt: skip
    return ", ".join(names[key] for key in empty) or "nothing of the main questions"
