"""The sheet on resilience: what each choice costs with the risk of withdrawal, and its rank."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from harness import rank, resilience
from harness.report import ranked
from harness.report.columns import BY_KEY
from harness.report.evidence import evidence_of
from harness.report.rows import Row, basis
from harness.report.tables import title
from harness.report.workbook.assumptions import HAZARD
from harness.report.workbook.book import (
    LIVE,
    Book,
    Content,
    Live,
    Look,
    at,
    named,
    span,
)
from harness.report.workbook.plan import Plan, times
from harness.report.workbook.sheets import LEAD, figure_cell, lead

SHEET = "Resilience"
NOT_RANKED = "not ranked"
_HEADS = (
    "Buyer", f"{LIVE} Rank", f"{LIVE} Risk-adjusted cost per million tokens (USD)",
    f"{LIVE} Whole bill per million tokens (USD)", "Tokens counted", "May be ranked (1) or not (0)",
    "Why not", "Fallback", f"{LIVE} Fallback's bill (USD)", "Moving, without re-tuning (USD)",
    f"{LIVE} Re-tuning and evaluation (USD)", "Lower quality (USD a year)",
    "Hazard, as judged (1/year)", f"{LIVE} Hazard (1/year)", "Days that are known",
    "Volume (million tokens a year)", "Discounted years of the horizon",
    f"{LIVE} Discounted years in use", f"{LIVE} Discounted chance of leaving",
    f"{LIVE} Break-even hazard (1/year)",
)  # fmt: skip
_FIGURES = (
    "risk_adjusted_usd_per_mtok_total", "risk_adjusted_usd_per_mtok_output",
    "break_even_hazard_per_year", "switch_cost_usd", "below_fallback_share", "warm_fallback_usd",
    "recovery_days",
)  # fmt: skip
_AS_JUDGED = ("ranked_usd_per_mtok", "ranked_cost_kind", "cost_rank")
(
    BUYER, RANK, ADJUSTED, BILL, BASIS, MAY, WHY, FALLBACK, C1, UNPRICED, MEASURED, QUALITY, RATE,
    NOW, DAYS, VOLUME, WHOLE, USED, EXITS, EVEN,
) = range(len(LEAD), len(LEAD) + len(_HEADS))  # fmt: skip


class Choice(NamedTuple):
    """One line: a cell of the memo as one buyer would use it."""

    table: int
    row: int


class Contest(NamedTuple):
    """What is ranked together, since the costs answer one question."""

    table: int
    workload: str
    basis: str


class Money:
    """One line per buyer and choice. Lines of one contest stand together: a rank has one range."""

    def __init__(self, book: Book, plan: Plan) -> None:
        self.book, self.plan = book, plan
        self.contests: dict[Contest, list[Choice]] = defaultdict(list)
        self.cases: dict[Choice, rank.Case] = {}
        self.adjusted: dict[Choice, float | None] = {}
        self.ranks: dict[Choice, int | None] = {}
        self._by_folder: list[Mapping[Path, Row]] = []
        for number, table in enumerate(plan.tables):
            by_folder = {row.folder: row for row in table.rows}
            self._by_folder.append(by_folder)
            buyer = ranked.buyer(table.judge)
            for i in plan.options:
                row, choice = table.rows[i], Choice(number, i)
                case = ranked.case(row, by_folder)
                self.cases[choice] = case
                self.adjusted[choice] = rank.adjusted(case, buyer, rank.Knobs())
                contest = Contest(number, row.text("workload"), basis(row))
                self.contests[contest].append(choice)
        self._line: dict[Choice, int] = {}
        self._span: dict[Choice, tuple[int, int]] = {}
        for members in self.contests.values():
            places = rank.order(
                [self.adjusted[choice] for choice in members],
                [self.cases[choice] for choice in members],
            )
            self.ranks |= dict(zip(members, places, strict=True))
            first = len(self._line) + 1
            for number, choice in enumerate(members, start=first):
                self._line[choice] = number
                self._span[choice] = first, first + len(members) - 1

    def at(self, choice: Choice, column: int) -> str:
        """Where a choice's value stands, for a formula."""
        return at(SHEET, self._line[choice], column)

    def span(self, contest: Contest, column: int) -> str:
        """Where the values of a contest stand, for a formula."""
        return span(SHEET, *self._span[self.contests[contest][0]], column)

    def write(self) -> None:
        """The sheet."""
        heads = (
            *(title(BY_KEY[key]) for key in LEAD),
            *_HEADS, *(f"{title(BY_KEY[key])}, median over draws" for key in _FIGURES),
            *(f"{title(BY_KEY[key])}, as judged" for key in _AS_JUDGED),
        )  # fmt: skip
        widths = (26, 14, 26, 22, 20, 10, 16, 14, 14, 10, 34, 40, 14, 14, 14, 12, 12, 12, 24, 14,
                  14, 14, 14, 14, *([16] * len(_FIGURES)), 16, 40, 16)  # fmt: skip
        sheet = self.book.sheet(SHEET, widths)
        self.book.head(sheet, heads)
        for choice, number in self._line.items():
            self._write(sheet, number, choice)
        last = max(len(self._line), 1)
        self.book.bars(sheet, 1, last, ADJUSTED)
        self.book.first(sheet, 1, last, RANK)
        sheet.autofilter(0, 0, last, len(heads) - 1)

    def _write(self, sheet: Worksheet, number: int, choice: Choice) -> None:
        table = self.plan.tables[choice.table]
        row = table.rows[choice.row]
        origin = evidence_of(row.text("evidence"))
        money, judged = Look(3, origin, live=True), Look(3, "estimated", live=True)
        why = ranked.why_not(row)
        lead(self.book, sheet, number, row)
        cells: dict[int, tuple[Content, Look]] = {
            BUYER: (table.judge.buyer.profile, Look()),
            RANK: (self._rank(choice), Look(0, live=True)),
            ADJUSTED: (self._adjusted(choice), judged),
            BILL: (self._bill(row), money),
            BASIS: (ranked.COUNTED[basis(row)], Look()),
            MAY: (0.0 if why else 1.0, Look(0)),
            WHY: (why or None, Look(kind="missing")),
            FALLBACK: (named(row.text("fallback")), Look()),
            **self._leaving(choice, money),
        }
        for place in sorted(cells):
            content, look = cells[place]
            if place in (ADJUSTED, BILL, EVEN) and not isinstance(content, Live | float):
                look = Look(kind="missing")
            self.book.put(sheet, number, place, content, look)
        for place, key in enumerate(_FIGURES, start=EVEN + 1):
            figure_cell(self.book, self.plan, sheet, (number, place), choice, key)
        for place, key in enumerate(_AS_JUDGED, start=EVEN + 1 + len(_FIGURES)):
            if BY_KEY[key].kind == "text":
                self.book.put(sheet, number, place, row.text(key))
            else:
                figure_cell(self.book, self.plan, sheet, (number, place), choice, key)

    def _leaving(self, choice: Choice, money: Look) -> dict[int, tuple[Content, Look]]:
        """What goes into the cost of a forced withdrawal; nothing where no fallback stands by."""
        row = self.plan.tables[choice.table].rows[choice.row]
        leave, move = self.cases[choice].leave, row.move
        if leave is None or move is None:
            return {}
        fallback = self._by_folder[choice.table][move.fallback]
        buyer = self.plan.tables[choice.table].judge.buyer
        years, discount = buyer.horizon_years, buyer.discount_rate_per_year
        found = resilience.survival(leave.hazard_per_year, years, discount, leave.jumps)
        paid, spent = self.plan.paid_time(fallback), leave.measured_usd
        day = self.plan.tables[choice.table].day
        days = [
            f"in {when:.2f} years from {day} with probability {chance:.2f}"
            for when, chance in leave.jumps
        ]
        own = self._own(choice)
        total = f"({own(NOW)}+{discount:.17G})"
        exits, stays, slow = _known_days(total, years, leave.jumps)
        ends = f"{stays:.17G}*EXP(-{total}*{years:.17G})"
        used = f"IF({total}=0,{slow:.17G},(1-({exits})-{ends})/{total})"
        return {
            C1: (self._bill(fallback), money),
            UNPRICED: (leave.unpriced_usd, Look(0, "estimated")),
            MEASURED: (
                Live(f"={times(spent, paid)}", spent) if paid else spent,
                Look(2, live=True),
            ),
            QUALITY: (leave.quality_usd_per_year, Look(0, "estimated")),
            RATE: (leave.hazard_per_year, Look(4, "estimated")),
            NOW: (
                Live(f"={own(RATE)}*{HAZARD}", leave.hazard_per_year),
                Look(4, "estimated", live=True),
            ),
            DAYS: ("; ".join(days) or "none", Look()),
            VOLUME: (buyer.mtok_per_year, Look(0)),
            WHOLE: (float(found.whole), Look(4)),
            USED: (Live(f"={used}", float(found.in_use)), Look(4, "estimated", live=True)),
            EXITS: (
                Live(f"={own(NOW)}*{own(USED)}+{exits}", float(found.exits)),
                Look(4, "estimated", live=True),
            ),
            EVEN: (self._break_even(choice), Look(4, "estimated", live=True)),
        }

    def _own(self, choice: Choice) -> "_Own":
        return _Own(self._line[choice])

    def _bill(self, row: Row) -> Content:
        key = basis(row)
        figure = row.figure(key)
        if figure.value is None:
            return figure.reason
        return self.plan.moving(row, BY_KEY[key], figure.value)

    def _adjusted(self, choice: Choice) -> Content:
        """The closed form of harness.resilience; the plain cost where nothing safer stands by."""
        value, own = self.adjusted[choice], self._own(choice)
        row = self.plan.tables[choice.table].rows[choice.row]
        if value is None:
            return row.figure(basis(row)).reason
        if self.cases[choice].leave is None:
            return Live(f"={own(BILL)}", value)
        after = f"({own(C1)}+{own(QUALITY)}/{own(VOLUME)})*({own(WHOLE)}-{own(USED)})"
        moving = f"({own(UNPRICED)}+{own(MEASURED)})*{own(EXITS)}/{own(VOLUME)}"
        return Live(f"=({own(BILL)}*{own(USED)}+{after}+{moving})/{own(WHOLE)}", value)

    def _break_even(self, choice: Choice) -> Content:
        """Without known days it has a closed form; with them it stands as judged."""
        case, own = self.cases[choice], self._own(choice)
        leave = case.leave
        if leave is None or case.usd is None:
            return None
        if leave.jumps:
            return "as judged: with known days it has no closed form"
        volume = self.plan.tables[choice.table].judge.buyer.mtok_per_year
        found = resilience.break_even_hazard(
            case.usd, leave.fallback_usd, volume, leave.unpriced_usd + leave.measured_usd,
            leave.quality_usd_per_year,
        )  # fmt: skip
        if found is None:
            return "not applicable: moving to the fallback costs nothing"
        saved = f"({own(C1)}-{own(BILL)})*{own(VOLUME)}+{own(QUALITY)}"
        return Live(f"=({saved})/({own(UNPRICED)}+{own(MEASURED)})", float(found))

    def _rank(self, choice: Choice) -> Content:
        """1 + how many of the contest that may be ranked cost less."""
        own, (first, last) = self._own(choice), self._span[choice]
        may, adjusted = (span(SHEET, first, last, place) for place in (MAY, ADJUSTED))
        cheaper = f"SUMPRODUCT(({may}=1)*({adjusted}<{own(ADJUSTED)}))+1"
        place = self.ranks[choice]
        shown = NOT_RANKED if place is None else place
        return Live(f'=IF({own(MAY)}=1,{cheaper},"{NOT_RANKED}")', shown)


class _Own(NamedTuple):
    """Cells of one line, for its formulas."""

    line: int

    def __call__(self, column: int) -> str:
        return str(xl_rowcol_to_cell(self.line, column))


def _known_days(
    total: str, years: float, jumps: tuple[tuple[float, float], ...]
) -> tuple[str, float, float]:
    """Of the days within the horizon: the discounted chance of leaving on one, as a formula; the
    chance of passing all; and the years in use where neither hazard nor discount is left.

    With P_j the chance of passing the days before day j, time in use adds up to
    (1 - sum of P_j p_j exp(-s t_j) - P exp(-s H)) / s.
    """
    terms, left, slow = [], 1.0, 0.0
    for when, chance in sorted(jump for jump in jumps if 0 < jump[0] < years):
        terms.append(f"{left * chance:.17G}*EXP(-{total}*{when:.17G})")
        slow += left * chance * when
        left *= 1 - chance
    return "+".join(terms) or "0", left, slow + left * years
