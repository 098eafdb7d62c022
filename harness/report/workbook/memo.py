"""The first sheet: what a reader who opens no other must see."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from xlsxwriter.worksheet import Worksheet

from harness.report.columns import BY_KEY
from harness.report.evidence import MARKS, evidence_of
from harness.report.naming import called, content_of
from harness.report.ranked import COUNTED, why_not
from harness.report.rows import Figure
from harness.report.rows import basis as bill_of
from harness.report.tables import DISCLAIMER, NO_LIST_CLAIM, title
from harness.report.verdicts import reasons, uses
from harness.report.workbook.assumptions import UNCHANGED, assumptions, changed
from harness.report.workbook.book import (
    LIVE,
    Book,
    Content,
    Live,
    Look,
    marked,
    named,
    verdict,
)
from harness.report.workbook.money import (
    ADJUSTED,
    BILL,
    NOT_RANKED,
    RANK,
    Choice,
    Contest,
    Money,
)
from harness.report.workbook.plan import Plan
from harness.report.workbook.risk import Risk, middle_score

SHEET = "Decision"
ACCURACY = ("accuracy_en", "accuracy_maths", "accuracy_zh")
_ASKED = (
    *ACCURACY, "output_tok_per_s", "ttft_p50_s", "energy_j_per_output_tok", "finetune_gain",
    "hijack_share", "evasion_gap_en", "withdrawal_hazard_per_year",
)  # fmt: skip
_MOST_NAMED = 6
_LAST = 11  # column up to which running text goes
_NOBODY = "nothing can be ranked: see why below"
_WIDTHS = (25, 15, 22, 26, 13, 14, 15, 13, 12, 13, 15, 13, 18, 10, 13, 13, 24)


class Memo:
    """Question, answer, verdicts, figures, what is missing: from top to bottom."""

    def __init__(self, book: Book, plan: Plan, money: Money, risk: Risk) -> None:
        self.book, self.plan, self.money, self.risk = book, plan, money, risk
        self.buyers = [table.judge.buyer.profile for table in plan.tables]
        # Buyers stand side by side from the fifth column on.
        self.widths = (*_WIDTHS, *([17] * max(0, 4 + len(self.buyers) - len(_WIDTHS))))
        self._line = 0

    def write(self) -> None:
        """The sheet."""
        sheet = self.book.sheet(SHEET, self.widths, (1, 1))
        self.book.put(sheet, 0, 0, "Which open-weight model to run", Look(kind="title"))
        self._line = 2
        self._say(sheet, *self._opening())
        state = Live(changed(sum(1 for _ in assumptions(self.plan))), UNCHANGED)
        self._say(sheet, state, look=Look(kind="strong", wrap=True))
        self._answer(sheet)
        self._verdicts(sheet)
        self._figures(sheet)
        self._missing(sheet)
        self._section(sheet, "How far to trust it")
        self._say(sheet, *self._closing())

    # --- words --------------------------------------------------------------------------------

    def _opening(self) -> list[str]:
        models = {row.text("model_key") for row in self.plan.rows}
        buyers = " or ".join(name.replace("_", " ") for name in self.buyers)
        return [
            f"Question: which of these {len(models)} models may {buyers} run, what does a million"
            " tokens cost once the risk of having to leave the model is counted in, and how good"
            " are its answers?",
            f"Judged on {self.plan.tables[0].day}; {_dates(self.plan)}.",
            *_warnings(self.plan),
            f"{LIVE} before a heading: recomputes when a value on Assumptions is changed. An"
            " underlined figure leads to its evidence. Headings are explained on Glossary.",
            DISCLAIMER,
        ]

    def _closing(self) -> list[str]:
        return [
            f"{LIVE} costs and scores take every input at its middle; in brackets stands the"
            " interval as judged: of the risk-adjusted cost and the risk score 90% of the draws, of"
            " an accuracy 95%. Two models whose intervals overlap may cost the same.",
            "A fallback is the cheapest other model on the same machine and workload that the buyer"
            " may use and that is less likely to be withdrawn; without one the risk-adjusted cost"
            " is the plain one.",
            NO_LIST_CLAIM,
            "Facts behind the verdicts: Risk facts. Dates, versions, prices, buyers: Provenance.",
        ]

    def _say(
        self,
        sheet: Worksheet,
        *texts: str | Live,
        look: Look = Look(wrap=True),  # noqa: B008 - immutable
    ) -> None:
        for text in texts:
            self.book.paragraph(sheet, self._line, text, min(_LAST, len(self.widths) - 1), look)
            self._line += 1

    def _section(self, sheet: Worksheet, text: str) -> None:
        self.book.put(sheet, self._line + 1, 0, text, Look(kind="section"))
        self._line += 2

    # --- tables -------------------------------------------------------------------------------

    def _answer(self, sheet: Worksheet) -> None:
        """For each buyer and workload the first in rank, wherever the assumptions put it."""
        self._section(sheet, "1. The answer: the cheapest that may be used")
        heads = (
            "Workload", "Tokens counted", "Buyer", f"{LIVE} Cheapest with the risk of withdrawal",
            f"{LIVE} Ranked", f"{LIVE} Its cost (USD per million tokens)", "As judged",
        )  # fmt: skip
        self.book.head(sheet, heads, self._line)
        for contest, choices in sorted(
            self.money.contests.items(), key=lambda pair: (pair[0].workload, pair[0].basis)
        ):
            self._line += 1
            self._leader(sheet, contest, choices)
        self._line += 1

    def _leader(self, sheet: Worksheet, contest: Contest, choices: Sequence[Choice]) -> None:
        rows = self.plan.tables[contest.table].rows
        ranked = [choice for choice in choices if self.money.ranks[choice] is not None]
        best = next((choice for choice in ranked if self.money.ranks[choice] == 1), None)
        name = _NOBODY if best is None else named(rows[best.row].text("model"))
        ranks = self.money.span(contest, RANK)
        usd = None if best is None else self.money.adjusted[best]

        def picked(column: int) -> str:
            return f"INDEX({self.money.span(contest, column)},MATCH(1,{ranks},0))"

        cells: tuple[tuple[Content, Look], ...] = (
            (named(contest.workload), Look()),
            (COUNTED[contest.basis], Look()),
            (self.buyers[contest.table], Look()),
            (Live(f'=IFERROR({picked(0)},"{_NOBODY}")', name), Look(kind="strong", live=True)),
            (Live(f"=COUNT({ranks})", len(ranked)), Look(0, live=True)),
            (Live(f'=IFERROR({picked(ADJUSTED)},"")', "" if usd is None else usd),
             Look(3, "estimated", live=True)),
            (name, Look()),
        )  # fmt: skip
        for place, (content, look) in enumerate(cells):
            self.book.put(sheet, self._line, place, content, look)

    def _verdicts(self, sheet: Worksheet) -> None:
        """Each model and way of use once, all buyers beside each other."""
        self._section(sheet, "2. The verdict by buyer")
        shown_as = (name.replace("_", " ") for name in self.buyers)
        heads = ("Model", "Headquarters", "Licence", "Way of use", *shown_as)
        self.book.head(sheet, heads, self._line)
        first, names = self._line + 1, called(self.plan.rows)
        for use, rows in uses(self.plan.tables).items():
            self._line += 1
            texts = (
                named(names[use]),
                rows[0].text("headquarters"),
                rows[0].text("licence"),
                use.way,
            )
            gates = (verdict(row.text("gate")) for row in rows)
            for place, text in enumerate((*texts, *gates)):
                self.book.put(sheet, self._line, place, text, Look(wrap=True))
        columns = 4, len(heads) - 1
        self.book.verdicts(sheet, first, columns, max(self._line, first))
        self._line += 2
        self._reasons(sheet)

    def _reasons(self, sheet: Worksheet) -> None:
        """Why a verdict is not clear, or will not stay so: of each model for all it concerns."""
        told = [
            (model, each)
            for each in reasons(self.plan.tables)
            if each.found
            for model in each.models
        ]
        if not told:
            return
        self.book.head(sheet, ("Model", "Verdict", "For", "Why"), self._line)
        for model, each in told:
            self._line += 1
            cells = (named(model), verdict(each.gate), ", ".join(each.buyers))
            for place, text in enumerate(cells):
                self.book.put(sheet, self._line, place, text, Look(wrap=True))
            last = min(_LAST, len(self.widths) - 1)
            self.book.paragraph(sheet, self._line, each.text, last, first=3)
        self._line += 1

    def _figures(self, sheet: Worksheet) -> None:
        """Cost with risk, accuracy, gate and risk of each choice, for the main buyer."""
        self._section(sheet, f"3. The three figures that matter, for {self.buyers[0]}")
        heads = (
            "Model", "Workload", "Hardware", "Evidence", f"{LIVE} Rank by risk-adjusted cost",
            f"{LIVE} Risk-adjusted cost (USD per million tokens)", "90% of draws, as judged (USD)",
            f"{LIVE} Whole bill (USD per million tokens)", "Tokens counted", "Accuracy (share)",
            "95% interval, and n", "Of what", "Verdict", f"{LIVE} Risk score (0 to 1)",
            "90% of draws, as judged",
            "Models whose risk cannot be told from its", "Why it is not ranked",
        )  # fmt: skip
        self.book.head(sheet, heads, self._line)
        first = self._line + 1
        for i in self.plan.options:
            self._line += 1
            self._choice(sheet, i)
        last = max(self._line, first)
        self.book.first(sheet, first, last, 4)
        for column in (5, 13):
            self.book.bars(sheet, first, last, column)
        self.book.verdicts(sheet, first, (12, 12), last)
        self._line += 1

    def _choice(self, sheet: Worksheet, i: int) -> None:
        row, choice, money = self.plan.rows[i], Choice(0, i), self.money
        origin, basis = evidence_of(row.text("evidence")), bill_of(row)
        missing = Look(kind="missing", wrap=True)
        usd, judged_usd = Look(3, origin, live=True), Look(3, "estimated", live=True)
        lacks = row.figure(basis).reason or "not measured"
        place = money.ranks[choice]
        score = middle_score(row, self.plan.judge, content_of(row))
        adjusted, bill = money.adjusted[choice], money.cases[choice].usd
        judged = row.figure(basis.replace("bill_usd", "risk_adjusted_usd"))
        key = next((key for key in ACCURACY if row.figure(key).value is not None), None)
        cells: dict[int, tuple[Content, Look]] = {
            0: (named(row.text("model")), Look(kind="strong", wrap=True)),
            1: (named(row.text("workload")), Look(wrap=True)),
            2: (named(row.text("hardware")), Look(wrap=True)),
            3: (marked(row.text("evidence").partition(";")[0]), Look(evidence=origin, wrap=True)),
            4: (Live(f"={money.at(choice, RANK)}", NOT_RANKED if place is None else place),
                Look(0, live=True)),
            5: (lacks, missing) if adjusted is None
            else (Live(f"={money.at(choice, ADJUSTED)}", adjusted), judged_usd),
            6: (None if adjusted is None else _ends(judged, 3, "no safer fallback"), Look()),
            7: (lacks, missing) if bill is None
            else (Live(f"={money.at(choice, BILL)}", bill), usd),
            8: (COUNTED[basis], Look()),
            12: (verdict(row.text("gate")), Look()),
            13: ("not assessed", missing) if score is None
            else (Live(f"={self.risk.score_at(0, row)}", score), Look(2, "estimated", live=True)),
            14: (None if score is None else _ends(row.figure("risk_score"), 2, "none"), Look()),
            15: (None if row.judged is None else float(len(row.judged.score.ties)), Look(0)),
            16: (why_not(row) or None, missing),
        }  # fmt: skip
        if key is None:
            reason = row.figure(ACCURACY[0]).reason or "not measured"
            cells[9] = (reason, missing)
        else:
            accuracy = row.figure(key)
            cells[9] = (accuracy.value, Look(BY_KEY[key].digits, origin, linked=True))
            n = "n unknown" if accuracy.n is None else f"n={accuracy.n:,}"
            ends = _ends(accuracy, BY_KEY[key].digits, "none published")
            cells[10] = (f"{ends} {n}", Look(wrap=True))
            cells[11] = (title(BY_KEY[key]), Look(wrap=True))
        links = {
            5: self.plan.link(0, i, basis.replace("bill_usd", "risk_adjusted_usd")),
            7: self.plan.link(0, i, basis),
            9: self.plan.link(0, i, key) if key else None,
            13: self.plan.link(0, i, "risk_score"),
        }
        for column in sorted(cells):
            content, look = cells[column]
            link = links.get(column)
            if link and isinstance(content, Live | float):
                look = look._replace(linked=True)
            self.book.put(sheet, self._line, column, content, look, link)

    def _missing(self, sheet: Worksheet) -> None:
        """What was asked and not measured, with the reason and of which models."""
        self._section(sheet, "4. What was not measured")
        self.book.head(sheet, ("Figure", "Of how many", "Models", "Why"), self._line)
        for key in _ASKED:
            lacking: dict[str, list[str]] = defaultdict(list)
            for i in self.plan.options:
                figure = self.plan.rows[i].figure(key)
                if figure.value is None:
                    lacking[figure.reason or "no reason recorded"].append(
                        self.plan.rows[i].text("model")
                    )
            for reason, models in lacking.items():
                self._line += 1
                of = f"{len(models)} of {len(self.plan.options)} lines of table 3"
                texts = (title(BY_KEY[key]), of, _few(list(dict.fromkeys(models))), reason)
                for place, text in enumerate(texts):
                    self.book.put(sheet, self._line, place, text, Look(wrap=True))
        self._line += 1


def _few(names: Sequence[str]) -> str:
    """Some of the names, and how many more."""
    shown = ", ".join(named(name) for name in names[:_MOST_NAMED])
    left = len(names) - _MOST_NAMED
    return f"{shown} and {left} more" if left > 0 else shown


def _ends(figure: Figure, digits: int, otherwise: str) -> str:
    """An interval as text: it stands as judged."""
    if figure.low is None and figure.high is None:
        return otherwise
    ends = ("unbounded" if e is None else f"{e:,.{digits}f}" for e in (figure.low, figure.high))
    return f"[{', '.join(ends)}]"


def _dates(plan: Plan) -> str:
    own = [row.cell.started_at.date() for row in plan.rows if row.cell.origin is None]
    parts = [f"measured from {min(own)} to {max(own)}"] if own else []
    kinds = Counter(row.cell.origin.evidence for row in plan.rows if row.cell.origin)
    parts += [f"{n} of {len(plan.rows)} cells {kind}" for kind, n in kinds.items()]
    pricing = plan.judge.pricing
    days = [pricing.machines[name].as_of for name in plan.prices]
    parts += [f"prices of {min(days)} to {max(days)}"] if days else []
    return ", ".join(parts)


def _warnings(plan: Plan) -> list[str]:
    found = []
    if any(row.cell.cpu_only for row in plan.rows):
        found.append("CPU figures: they show that the pipeline works, not what a GPU does.")
    kinds = {evidence_of(row.text("evidence")) for row in plan.rows}
    if "imported" in kinds:
        found.append(
            f"{MARKS['imported']} imported: measured by others, with no interval where the source"
            " publishes none."
        )
    found.append(
        f"{MARKS['estimated']} estimated: computed from facts and judgements, not measured, as is"
        " every risk score, hazard and cost of a withdrawal."
    )
    if len(plan.options) < len(plan.rows):
        found.append(
            f"Table 3 has {len(plan.options)} of {len(plan.rows)} cells: the cheapest of each"
            " model, workload, machine and origin."
        )
    if plan.left_out:
        found.append(f"{plan.left_out} such choices more are in summary.csv and summary.parquet.")
    if not plan.whole:
        found.append("The other sheets hold the cells of table 3; summary.csv holds all.")
    return found
