"""The sheets on risk: the score at the reader's weights, and every fact behind each factor."""

from collections.abc import Iterator
from typing import NamedTuple

from xlsxwriter.utility import xl_rowcol_to_cell

from harness import rank
from harness.config.judge import FACTORS
from harness.config.workload import Content
from harness.report.columns import BY_KEY
from harness.report.rows import Row
from harness.report.tables import title
from harness.report.workbook_assumptions import content_of
from harness.report.workbook_book import LIVE, Book, Live, Look, at, clean, named
from harness.report.workbook_plan import Plan
from harness.report.workbook_sheets import figure_cell

SHEET, FACTS = "Risk", "Risk facts"
_NAMES = ("Buyer", "Model", "Repo", "Way of use", "Content")
_TEXTS = ("developer", "headquarters", "jurisdictions", "licence", "gate", "gate_reasons")
_SCORE = len(_NAMES) + len(_TEXTS)
_MIDDLES = _SCORE + 1
_FIGURES = ("risk_score", "risk_score_strict", "risk_rank", "withdrawal_hazard_per_year")
_AFTER = _MIDDLES + len(FACTORS)
_TEXTS_AFTER = ("risk_ties", "risk_sensitivity", "withdrawal_hazard_parts")


class Line(NamedTuple):
    """One model as one buyer would use it; cells that share a judgement share the line."""

    table: int
    first: int  # the first of its rows
    row: Row
    content: Content


def lines(plan: Plan) -> Iterator[Line]:
    """In the order of the tables and of their rows."""
    for number, table in enumerate(plan.tables):
        seen = set()
        for i, row in enumerate(table.rows):
            key = (row.text("model_key"), row.text("deployment"), content_of(row))
            if key not in seen:
                seen.add(key)
                yield Line(number, i, row, content_of(row))


class Risk:
    """The sheet with a line per buyer, model, way of use and content of the workload."""

    def __init__(self, book: Book, plan: Plan) -> None:
        self.book, self.plan = book, plan
        self._lines = list(lines(plan))
        self._places = {
            (line.table, line.row.text("model_key"), line.row.text("deployment"), line.content): i
            for i, line in enumerate(self._lines, start=1)
        }

    def score_at(self, table: int, row: Row) -> str:
        """Where the score of a row's model stands, for a formula."""
        key = (table, row.text("model_key"), row.text("deployment"), content_of(row))
        return at(SHEET, self._places[key], _SCORE)

    def write(self) -> None:
        """The sheet."""
        after = [title(BY_KEY[key]) for key in (*_FIGURES, *_TEXTS_AFTER)]
        heads = (
            *_NAMES, *(title(BY_KEY[key]) for key in _TEXTS), f"{LIVE} Risk score at these weights",
            *(f"Middle of {factor.replace('_', ' ')}" for factor in FACTORS), *after,
        )  # fmt: skip
        widths = (20, 24, 30, 14, 10, 24, 8, 14, 24, 18, 60, 14, *([11] * len(FACTORS)),
                  *([15] * len(_FIGURES)), 40, 60, 60)  # fmt: skip
        sheet = self.book.sheet(SHEET, widths, (1, 2))
        self.book.head(sheet, heads)
        for number, line in enumerate(self._lines, start=1):
            row, buyer = line.row, self.plan.tables[line.table].judge.buyer
            names = (buyer.profile, row.text("model"), row.text("model_key"),
                     row.text("deployment"), line.content)  # fmt: skip
            for place, text in enumerate((*names, *(row.text(key) for key in _TEXTS))):
                self.book.put(sheet, number, place, named(text) if place < 5 else text)
            self.book.put(sheet, number, _SCORE, *self._score(line, number))
            if row.judged is not None:
                for factor in row.judged.assessment.factors:
                    place = _MIDDLES + FACTORS.index(factor.name)
                    self.book.put(sheet, number, place, (factor.low + factor.high) / 2, Look(3))
            for place, key in enumerate(_FIGURES, start=_AFTER):
                of = (line.table, line.first)
                figure_cell(self.book, self.plan, sheet, (number, place), of, key)
            for place, key in enumerate(_TEXTS_AFTER, start=_AFTER + len(_FIGURES)):
                self.book.put(sheet, number, place, row.text(key))
        sheet.autofilter(0, 0, max(len(self._lines), 1), len(heads) - 1)

    def _score(self, line: Line, number: int) -> tuple[Live | str, Look]:
        found = middle_score(line.row, self.plan, line.content)
        if found is None:
            return "not assessed", Look(kind="missing")
        weights = {
            factor: f"weight_{factor}*MAX(behaviour_counts_for_{line.content},0.001)"
            if factor in ("behaviour", "security")
            else f"weight_{factor}"
            for factor in FACTORS
        }
        parts = [
            f"{weights[factor]}*{xl_rowcol_to_cell(number, _MIDDLES + place)}"
            for place, factor in enumerate(FACTORS)
        ]
        formula = f"=({'+'.join(parts)})/({'+'.join(weights.values())})"
        return Live(formula, found), Look(2, live=True)


def middle_score(row: Row, plan: Plan, content: Content) -> float | None:
    """The score at the stated weights with each factor at the middle of its interval."""
    if row.judged is None:
        return None
    factors = {str(f.name): (f.low, f.high) for f in row.judged.assessment.factors}
    weights = plan.judge.risk.weights_for(content)
    return rank.score(factors, {str(name): weight for name, weight in weights.items()})


def write_facts(book: Book, plan: Plan) -> None:
    """Every fact behind every factor, of the first buyer."""
    heads = ("Model", "Factor", "Low", "High", "Finding", "Through", "Confidence", "Publisher",
             "Source", "Published", "Read", "Review by", "Past review")  # fmt: skip
    sheet = book.sheet(FACTS, (26, 16, 7, 7, 70, 40, 12, 30, 50, 12, 12, 12, 11), (1, 2))
    book.head(sheet, heads)
    number = 0
    for line in lines(plan):
        if line.table or line.row.judged is None:
            continue
        for factor in line.row.judged.assessment.factors:
            for reason in factor.reasons:
                number += 1
                fact = reason.fact
                told = (
                    (fact.confidence, fact.publisher, fact.source, str(fact.published or "no date"),
                     str(fact.read), str(fact.review_by))
                    if fact
                    else ("no fact behind it",)
                )  # fmt: skip
                texts = (
                    named(line.row.text("model")), factor.name.replace("_", " "), factor.low,
                    factor.high, clean(reason.text), " from ".join(reason.path), *told,
                )  # fmt: skip
                for place, content in enumerate(texts):
                    book.put(sheet, number, place, content)
                if reason.stale:
                    book.put(sheet, number, 12, "past review", Look(kind="strong"))
    sheet.autofilter(0, 0, max(number, 1), len(heads) - 1)
