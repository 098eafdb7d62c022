"""The sheet on resilience: what each choice costs with the risk of withdrawal, and its rank."""

from collections import defaultdict

from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from harness import rank
from harness.report import live
from harness.report.columns import BY_KEY
from harness.report.rows import Row
from harness.report.tables import title
from harness.report.workbook_assumptions import HAZARD
from harness.report.workbook_book import (
    LIVE,
    Book,
    Content,
    Live,
    Look,
    at,
    evidence_of,
    named,
    span,
)
from harness.report.workbook_plan import Plan
from harness.report.workbook_sheets import figure_cell, lead

SHEET = "Resilience"
_HEADS = (
    f"{LIVE} Rank", f"{LIVE} Risk-adjusted cost per million tokens (USD)",
    f"{LIVE} Whole bill per million tokens (USD)", "Counted", "May be ranked (1) or not (0)",
    "Why not", "Fallback", f"{LIVE} Fallback's bill (USD)", "Moving, without re-tuning (USD)",
    f"{LIVE} Re-tuning and evaluation (USD)", "Lower quality (USD a year)",
    "Hazard, as judged (1/year)",
)  # fmt: skip
_FIGURES = (
    "risk_adjusted_usd_per_mtok_total", "risk_adjusted_usd_per_mtok_output",
    "break_even_hazard_per_year", "switch_cost_usd", "below_fallback_share", "warm_fallback_usd",
    "recovery_days",
)  # fmt: skip
_LEAD = 4
RANK, ADJUSTED, BILL, BASIS, MAY, WHY, FALLBACK, C1, UNPRICED, MEASURED, QUALITY, RATE = range(
    _LEAD, _LEAD + len(_HEADS)
)


class Money:
    """One line per choice: the cheapest cell of each model, workload, machine and origin."""

    def __init__(self, book: Book, plan: Plan) -> None:
        self.book, self.plan = book, plan
        self._by_folder = {row.folder: row for row in plan.rows}
        self.cases = {i: live.case(plan.rows[i], self._by_folder) for i in plan.options}
        buyer = live.buyer(plan.tables[0])
        self.adjusted = {
            i: rank.adjusted(case, buyer, rank.Knobs()) for i, case in self.cases.items()
        }
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i in plan.options:
            groups[self._group(plan.rows[i])].append(i)
        self.ranks: dict[int, int | None] = {}
        for members in groups.values():
            places = rank.order(
                [self.adjusted[i] for i in members], [self.cases[i] for i in members]
            )
            self.ranks |= dict(zip(members, places, strict=True))
        self.line = {i: number for number, i in enumerate(plan.options, start=1)}

    def at(self, i: int, column: int) -> str:
        """Where a choice's value stands, for a formula."""
        return at(SHEET, self.line[i], column)

    def write(self) -> None:
        """The sheet."""
        heads = (
            *(title(BY_KEY[key]) for key in ("model", "workload", "hardware", "evidence")),
            *_HEADS, *(f"{title(BY_KEY[key])}, median over draws" for key in _FIGURES),
        )  # fmt: skip
        widths = (26, 14, 26, 22, 12, 16, 14, 14, 10, 34, 30, 14, 14, 14, 12, 12,
                  *([16] * len(_FIGURES)))  # fmt: skip
        sheet = self.book.sheet(SHEET, widths)
        self.book.head(sheet, heads)
        for i, number in self.line.items():
            row, case = self.plan.rows[i], self.cases[i]
            origin = evidence_of(row.text("evidence"))
            money = Look(3, origin, live=True)
            lead(self.book, sheet, number, row)
            self._put(number, sheet, RANK, self._rank(i, number), Look(0, live=True))
            self._put(number, sheet, ADJUSTED, self._adjusted(i, number), money)
            self._put(number, sheet, BILL, self._bill(row), money)
            basis = live.basis(row)
            self._put(number, sheet, BASIS, basis.rpartition("_")[2].replace("total", "all"))
            may = case.done and case.permitted and case.usd is not None
            self._put(number, sheet, MAY, float(may))
            why = None if may else f"{row.text('gate')}; {row.text('status')}"
            self._put(number, sheet, WHY, why, Look(kind="missing"))
            self._leave(sheet, number, row, case, money)
            for place, key in enumerate(_FIGURES, start=RATE + 1):
                figure_cell(self.book, self.plan, sheet, (number, place), (0, i), key)
        sheet.autofilter(0, 0, max(len(self.line), 1), len(heads) - 1)

    def _put(
        self,
        number: int,
        sheet: Worksheet,
        place: int,
        content: Content,
        look: Look = Look(),  # noqa: B008 - immutable
    ) -> None:
        self.book.put(sheet, number, place, content, look)

    def _leave(self, sheet: Worksheet, number: int, row: Row, case: rank.Case, money: Look) -> None:
        leave, move = case.leave, row.move
        if leave is None or move is None:
            self._put(number, sheet, FALLBACK, row.text("fallback"))
            return
        fallback = self._by_folder[move.fallback]
        self._put(number, sheet, FALLBACK, named(row.text("fallback")))
        self._put(number, sheet, C1, self._bill(fallback), money)
        self._put(number, sheet, UNPRICED, leave.unpriced_usd, Look(0))
        paid = self.plan.paid_time(fallback)
        spent: Content = leave.measured_usd
        if paid and leave.measured_usd:
            spent = Live(
                f"={leave.measured_usd / paid.now:.17G}*{paid.formula}", leave.measured_usd
            )
        self._put(number, sheet, MEASURED, spent, Look(2, live=True))
        self._put(number, sheet, QUALITY, leave.quality_usd_per_year, Look(0))
        self._put(number, sheet, RATE, leave.hazard_per_year, Look(4))

    def _bill(self, row: Row) -> Content:
        key = live.basis(row)
        figure = row.figure(key)
        if figure.value is None:
            return figure.reason
        return self.plan.moving(row, BY_KEY[key], figure.value)

    def _adjusted(self, i: int, number: int) -> Content:
        """The closed form of harness.resilience, each known day a step of survival."""
        value, case = self.adjusted[i], self.cases[i]
        if value is None:
            return self.plan.rows[i].figure(live.basis(self.plan.rows[i])).reason
        own = xl_rowcol_to_cell(number, BILL)
        leave = case.leave
        if leave is None:
            return Live(f"={own}", value)
        buyer = self.plan.judge.buyer
        years, rate, volume = (
            buyer.horizon_years, buyer.discount_rate_per_year, buyer.mtok_per_year,
        )  # fmt: skip
        h = f"({xl_rowcol_to_cell(number, RATE)}*{HAZARD})"
        total = f"({h}+{rate:.17G})"

        def annuity(length: float) -> str:
            return f"IF({total}=0,{length:.17G},(1-EXP(-{total}*{length:.17G}))/{total})"

        in_use, jumped, left, begun = [], [], "1", 0.0
        steps = sorted(jump for jump in leave.jumps if 0 < jump[0] < years)
        for end, chance in [*steps, (years, 0.0)]:
            start = f"{left}*EXP(-{total}*{begun:.17G})"
            in_use.append(f"{start}*{annuity(end - begun)}")
            if chance:
                jumped.append(f"{left}*EXP(-{total}*{end:.17G})*{chance:.17G}")
            left = f"{left}*{1 - chance:.17G}"
            begun = end
        used = f"({'+'.join(in_use)})"
        exits = "+".join([f"{h}*{used}", *jumped])
        whole = years if rate == 0 else (1 - 2.718281828459045 ** (-rate * years)) / rate
        c1, unpriced, measured, quality = (
            xl_rowcol_to_cell(number, place) for place in (C1, UNPRICED, MEASURED, QUALITY)
        )
        formula = (
            f"=({own}*{used}+({c1}+{quality}/{volume:.17G})*({whole:.17G}-{used})"
            f"+({unpriced}+{measured})*({exits})/{volume:.17G})/{whole:.17G}"
        )
        return Live(formula, value)

    def _rank(self, i: int, number: int) -> Content:
        """1 + how many of the same workload, counted alike, that may be ranked cost less."""
        last = len(self.line)

        def column(place: int) -> str:
            return span(SHEET, 1, last, place)

        def own(place: int) -> str:
            return str(xl_rowcol_to_cell(number, place))

        cheaper = (
            f"SUMPRODUCT(({column(1)}={own(1)})*({column(BASIS)}={own(BASIS)})*"
            f"({column(MAY)}=1)*({column(ADJUSTED)}<{own(ADJUSTED)}))+1"
        )
        place = self.ranks[i]
        shown = "not ranked" if place is None else place
        return Live(f'=IF({own(MAY)}=1,{cheaper},"not ranked")', shown)

    def _group(self, row: Row) -> tuple[str, str]:
        return row.text("workload"), live.basis(row)
