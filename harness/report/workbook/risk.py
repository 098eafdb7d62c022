"""The sheets on risk: the score at the reader's weights, and every fact behind each factor."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from xlsxwriter.utility import xl_rowcol_to_cell

from harness import rank
from harness.config.judge import FACTORS, JudgeConfig
from harness.config.workload import Content
from harness.report.columns import BY_KEY
from harness.report.naming import content_of
from harness.report.rows import Row, barred
from harness.report.tables import title
from harness.report.workbook.book import LIVE, Book, Live, Look, at, clean, named, span, verdict
from harness.report.workbook.money import NOT_RANKED
from harness.report.workbook.plan import Plan
from harness.report.workbook.sheets import figure_cell
from harness.risk.assess import Assessment
from harness.risk.gates import Reason

SHEET, FACTS = "Risk", "Risk facts"
_NAMES = ("Buyer", "Model", "Repo", "Way of use", "Content")
_TEXTS = ("developer", "headquarters", "jurisdictions", "licence", "gate", "gate_reasons")
_GATE = len(_NAMES) + _TEXTS.index("gate")
_SCORE = len(_NAMES) + len(_TEXTS)
_RANK = _SCORE + 1
_MAY = _RANK + 1
_MIDDLES = _MAY + 1
_FIGURES = ("risk_score", "risk_score_strict", "risk_rank", "withdrawal_hazard_per_year")
_AFTER = _MIDDLES + len(FACTORS)
_TEXTS_AFTER = ("risk_ties", "risk_sensitivity", "withdrawal_hazard_parts", "risk_factors")
_LEAST_RELEVANCE = 0.001  # as RiskConfig.weights_for has it


class Line(NamedTuple):
    """One model as one buyer would use it; cells that share a judgement share the line."""

    table: int
    first: int  # the first of its rows
    row: Row
    content: Content
    scored: float | None  # None: none of its cells may be ranked


class Risk:
    """The sheet with a line per buyer, model, way of use and content of the workload."""

    def __init__(self, book: Book, plan: Plan) -> None:
        self.book, self.plan = book, plan
        self.lines = list(lines(plan))
        self._places = {
            _key(line.table, line.row): number for number, line in enumerate(self.lines, start=1)
        }
        groups: dict[tuple[int, Content], list[int]] = defaultdict(list)
        for number, line in enumerate(self.lines, start=1):
            groups[line.table, line.content].append(number)
        self._span = {key: (numbers[0], numbers[-1]) for key, numbers in groups.items()}

    def score_at(self, table: int, row: Row) -> str:
        """Where the score of a row's model stands, for a formula."""
        return at(SHEET, self._places[_key(table, row)], _SCORE)

    def write(self) -> None:
        """The sheet."""
        after = [title(BY_KEY[key]) for key in (*_FIGURES, *_TEXTS_AFTER)]
        heads = (
            *_NAMES, *(title(BY_KEY[key]) for key in _TEXTS), f"{LIVE} Risk score at these weights",
            f"{LIVE} Rank, 1 = safest", "Is ranked (1) or not (0)",
            *(f"Middle of {factor.replace('_', ' ')}" for factor in FACTORS), *after,
        )  # fmt: skip
        widths = (20, 24, 30, 14, 10, 24, 12, 14, 24, 22, 60, 14, 12, 10, *([12] * len(FACTORS)),
                  *([15] * len(_FIGURES)), 40, 60, 60, 60)  # fmt: skip
        sheet = self.book.sheet(SHEET, widths, (1, 2))
        self.book.head(sheet, heads)
        for number, line in enumerate(self.lines, start=1):
            row, buyer = line.row, self.plan.tables[line.table].judge.buyer
            names = (buyer.profile, row.text("model"), row.text("model_key"),
                     row.text("deployment"), line.content)  # fmt: skip
            texts = {key: row.text(key) for key in _TEXTS}
            texts["gate"] = verdict(texts["gate"])
            for place, text in enumerate((*names, *texts.values())):
                self.book.put(sheet, number, place, named(text) if place < len(_NAMES) else text)
            self.book.put(sheet, number, _SCORE, *self._score(line, number))
            self.book.put(sheet, number, _RANK, self._rank(line, number), Look(0, live=True))
            self.book.put(sheet, number, _MAY, float(line.scored is not None), Look(0))
            if row.judged is not None:
                middles = {f.name: (f.low + f.high) / 2 for f in row.judged.assessment.factors}
                for place, factor in enumerate(FACTORS, start=_MIDDLES):
                    self.book.put(sheet, number, place, middles[factor], Look(3, "estimated"))
            for place, key in enumerate(_FIGURES, start=_AFTER):
                of = (line.table, line.first)
                figure_cell(self.book, self.plan, sheet, (number, place), of, key)
            for place, key in enumerate(_TEXTS_AFTER, start=_AFTER + len(_FIGURES)):
                self.book.put(sheet, number, place, row.text(key))
        last = max(len(self.lines), 1)
        self.book.verdicts(sheet, 1, (_GATE, _GATE), last)
        self.book.bars(sheet, 1, last, _SCORE)
        self.book.first(sheet, 1, last, _RANK)
        sheet.autofilter(0, 0, last, len(heads) - 1)

    def _score(self, line: Line, number: int) -> tuple[Live | str, Look]:
        found = middle_score(line.row, self.plan.tables[line.table].judge, line.content)
        if found is None:
            return "not assessed", Look(kind="missing")
        cut = f"MAX(behaviour_counts_for_{line.content},{_LEAST_RELEVANCE})"
        weights = {
            factor: f"{name}*{cut}" if factor in ("behaviour", "security") else name
            for factor, name in self.plan.weights[line.table].items()
        }
        parts = [
            f"{weights[factor]}*{xl_rowcol_to_cell(number, place)}"
            for place, factor in enumerate(FACTORS, start=_MIDDLES)
        ]
        formula = f"=({'+'.join(parts)})/({'+'.join(weights.values())})"
        return Live(formula, found), Look(2, "estimated", live=True)

    def _rank(self, line: Line, number: int) -> Live | str:
        """1 + how many rivals are safer: of the same buyer and content, and able to be ranked."""
        if line.scored is None:
            return NOT_RANKED
        first, last = self._span[line.table, line.content]
        rivals = (each.scored for each in self.lines[first - 1 : last])
        place = 1 + sum(score is not None and score < line.scored for score in rivals)
        own = xl_rowcol_to_cell(number, _SCORE)
        scores, ranked = (span(SHEET, first, last, column) for column in (_SCORE, _MAY))
        return Live(f"=SUMPRODUCT(({ranked}=1)*({scores}<{own}))+1", place)


def lines(plan: Plan) -> Iterator[Line]:
    """By buyer and content, in the order of the rows."""
    for number, table in enumerate(plan.tables):
        found: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for i, row in enumerate(table.rows):
            found[_key(number, row)].append(i)
        for members in sorted(found.values(), key=lambda m: content_of(table.rows[m[0]])):
            row = table.rows[members[0]]
            able = any(not barred(table.rows[i]) for i in members)
            score = middle_score(row, table.judge, content_of(row)) if able else None
            yield Line(number, members[0], row, content_of(row), score)


def _key(table: int, row: Row) -> tuple[object, ...]:
    name = row.text("model_key") if row.judged is None else id(row.judged)
    return table, name, row.text("deployment"), content_of(row)


def middle_score(row: Row, judge: JudgeConfig, content: Content) -> float | None:
    """The score at the stated weights with each factor at the middle of its interval."""
    if row.judged is None:
        return None
    factors = {str(f.name): (f.low, f.high) for f in row.judged.assessment.factors}
    weights = judge.risk.weights_for(content)
    return rank.score(factors, {str(name): weight for name, weight in weights.items()})


# --- facts -----------------------------------------------------------------------------------


class _Finding(NamedTuple):
    """What was found on one factor, or what put the gate where it is, for some of the buyers."""

    model: str
    use: str
    question: str
    low: float | None
    high: float | None
    reason: Reason


def write_facts(book: Book, plan: Plan) -> None:
    """Every fact behind every gate and factor, once for the buyers that it concerns alike."""
    heads = ("Model", "Way of use", "Buyers", "Question", "Low", "High", "Finding", "Through",
             "Instrument", "From", "Confidence", "Publisher", "Source", "Published", "Read",
             "Review by", "Past review")  # fmt: skip
    widths = (26, 14, 20, 16, 7, 7, 70, 40, 20, 12, 12, 30, 50, 12, 12, 12, 12)
    sheet = book.sheet(FACTS, widths, (1, 2))
    book.head(sheet, heads)
    found: dict[_Finding, dict[str, None]] = defaultdict(dict)
    for line in lines(plan):
        if line.row.judged is not None:
            buyer = plan.tables[line.table].judge.buyer.profile
            for finding in _findings(line.row, line.row.judged.assessment):
                found[finding][buyer] = None
    number = 0
    for number, (finding, buyers) in enumerate(found.items(), start=1):
        reason, fact = finding.reason, finding.reason.fact
        told = (
            (fact.confidence, fact.publisher, fact.source, str(fact.published or "no date"),
             str(fact.read), str(fact.review_by))
            if fact
            else ("no fact behind it",)
        )  # fmt: skip
        cells = (
            named(finding.model), finding.use,
            "all" if len(buyers) == len(plan.tables) else ", ".join(buyers),
            finding.question, finding.low, finding.high, clean(reason.text),
            " from ".join(reason.path), reason.instrument,
            str(reason.bites_on) if reason.bites_on else None, *told,
        )  # fmt: skip
        for place, content in enumerate(cells):
            book.put(sheet, number, place, content)
        if reason.stale:
            book.put(sheet, number, len(heads) - 1, "past review", Look(kind="strong"))
    sheet.autofilter(0, 0, max(number, 1), len(heads) - 1)


def _findings(row: Row, found: Assessment) -> Iterator[_Finding]:
    names = row.text("model"), row.text("deployment")
    for question, reasons in (("gate", found.gate.reasons), ("pending", found.gate.pending)):
        for reason in reasons:
            yield _Finding(*names, question, None, None, reason)
    for factor in found.factors:
        for reason in factor.reasons:
            yield _Finding(*names, factor.name.replace("_", " "), factor.low, factor.high, reason)
