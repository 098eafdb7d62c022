"""A spreadsheet file in which text is only ever text: formats, cells, links and names."""

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from harness.report.clean import clean as clean_text
from harness.report.evidence import MARKS, Evidence, evidence_of

MOST_CHARACTERS = 32_000  # a cell takes 32,767
_MOST_IN_NAME = 120
LIVE = "ƒ"
"""Before the heading of a column that recomputes; a letter, so that paper shows it too."""


@dataclass(frozen=True, slots=True)
class Live:
    """A formula, and what it gives as long as nobody has changed an assumption."""

    formula: str
    value: float | str


Content = str | float | Live | None


class Look(NamedTuple):
    """How a cell is set; every difference shows without colour."""

    digits: int | None = None  # decimals; None: as it comes
    evidence: Evidence = "measured"
    kind: Literal[
        "plain", "head", "title", "section", "input", "number", "missing", "side", "strong"
    ] = "plain"
    live: bool = False
    linked: bool = False
    wrap: bool = False


_PARAGRAPH = Look(wrap=True)
_PAGE_WIDTH = 190.0  # characters across a landscape A4 page that can still be read
_LINE_POINTS, _MOST_POINTS = 14.0, 400.0  # a row takes 409
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "number": {},
    "head": {"bold": True, "text_wrap": True, "bottom": 2},
    "title": {"bold": True, "font_size": 15},
    "section": {"bold": True, "font_size": 12},
    "strong": {"bold": True},
    "input": {"border": 2, "pattern": 17, "locked": False},
    # A pattern of dots stays one on paper and in grey.
    "missing": {"italic": True, "pattern": 18, "font_color": "#333333"},
    "side": {"italic": True, "font_size": 9},
}


@functools.lru_cache(maxsize=4096)
def clean(text: str, most: int = MOST_CHARACTERS) -> str:
    """Text that a cell can hold and that stays within it; what is cut is said."""
    shown = clean_text(text)
    if len(shown) <= most:
        return shown
    return f"{shown[:most]}… ({len(shown):,} characters; all in summary.csv)"


def named(text: str) -> str:
    """A name of somebody else's, short enough for a column of names."""
    return clean(text, _MOST_IN_NAME)


def marked(text: str) -> str:
    """A row's evidence with its mark."""
    return f"{MARKS[evidence_of(text)]} {clean(text)}"


def verdict(gate: str) -> str:
    """A gate in words, with a sign that tells at a glance and on paper."""
    words = gate.replace("_", " ")
    sign = {"clear": "✓", "blocked": "✗", "unknown": "?", "not assessed": "?"}.get(words, "!")
    return f"{sign} {words}"


def defined_name(prefix: str, name: str, taken: Sequence[str]) -> str:
    """A name that formulas may use: letters, digits and underscores, and no other's."""
    base = f"{prefix}_{re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')[:60]}"
    found, number = base, 2
    while found in taken:
        found, number = f"{base}_{number}", number + 1
    return found


def at(sheet: str, row: int, column: int) -> str:
    """A cell of another sheet, for a formula."""
    return f"'{sheet}'!{xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)}"


def leads_to(place: str, text: str) -> Live:
    """Text that leads to a place in this file. LibreOffice wraps it, as it does no other link."""
    return Live(f'=HYPERLINK("#{place}","{text.replace(chr(34), chr(34) * 2)}")', text)


def span(sheet: str, first: int, last: int, column: int) -> str:
    """Some rows of a column of another sheet, for a formula."""
    ends = (xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True) for row in (first, last))
    return f"'{sheet}'!{':'.join(ends)}"


@dataclass
class Book:
    """The file being written. Rows of a sheet come from top to bottom: a row is not held longer."""

    path: Path
    book: xlsxwriter.Workbook = field(init=False)
    _formats: dict[Look, Format] = field(default_factory=dict)
    _widths: dict[Worksheet, Sequence[float]] = field(default_factory=dict)
    _tallest: tuple[Worksheet | None, int, int] = (None, 0, 1)  # sheet, row, lines of text

    def __post_init__(self) -> None:
        self._partial = self.path.with_name(f".{self.path.name}.partial")
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
        }
        self.book = xlsxwriter.Workbook(str(self._partial), options)

    def __enter__(self) -> "Book":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._partial.unlink(missing_ok=True)
            return
        self.book.close()
        self._partial.replace(self.path)

    def sheet(
        self, name: str, widths: Sequence[float], frozen: tuple[int, int] = (1, 1)
    ) -> Worksheet:
        """A new sheet, set to print on landscape pages, wide ones on several beside each other."""
        sheet: Worksheet = self.book.add_worksheet(name)
        self._widths[sheet] = widths
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.freeze_panes(*frozen)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.fit_to_pages(max(1, round(sum(widths) / _PAGE_WIDTH)), 0)
        sheet.repeat_rows(0)
        if frozen[1]:
            sheet.repeat_columns(0, frozen[1] - 1)
        sheet.set_footer("&L&F, &A&RPage &P of &N")
        return sheet

    def look(self, look: Look) -> Format:
        """The format of a look."""
        if look not in self._formats:
            given = {"valign": "top", **_KINDS[look.kind]}
            if look.digits is not None:
                mark = "" if look.evidence == "measured" else f'"{MARKS[look.evidence]} "'
                places = f".{'0' * look.digits}" if look.digits else ""
                given |= {"num_format": f"{mark}#,##0{places};{mark}-#,##0{places}"}
            elif look.kind in ("plain", "strong", "missing"):
                given |= {"align": "left", "indent": 1}  # else text touches the number before it
            if look.evidence != "measured":
                given |= {"italic": True}
            if look.live:
                given |= {"left": 1}
            if look.linked:
                given |= {"underline": 1}
            if look.wrap:
                given |= {"text_wrap": True}
            self._formats[look] = self.book.add_format(given)
        return self._formats[look]

    def put(
        self,
        sheet: Worksheet,
        row: int,
        column: int,
        content: Content,
        look: Look = Look(),  # noqa: B008 - immutable
        link: str | None = None,
    ) -> None:
        """One cell; `link` is a place in this file, such as 'Figures'!A5."""
        if content is None:
            return
        if look.kind == "plain" and isinstance(content, float):
            look = look._replace(kind="number")
        form = self.look(look)
        shown = content.value if isinstance(content, Live) else content
        if isinstance(shown, str) and (look.wrap or look.kind == "head"):
            self._room(sheet, row, shown, self._widths[sheet][column])
        if link:
            sheet.write_url(row, column, f"internal:{link}", form, string=" ")
        if isinstance(content, Live):
            sheet.write_formula(row, column, content.formula, form, content.value)
        elif isinstance(content, str):
            sheet.write_string(row, column, clean(content), form)
        elif math.isfinite(content):
            sheet.write_number(row, column, content, form)
        else:
            sheet.write_string(row, column, "no finite number", form)

    def head(self, sheet: Worksheet, titles: Sequence[str], row: int = 0) -> None:
        """A line of headings."""
        for place, title in enumerate(titles):
            self.put(sheet, row, place, title, Look(kind="head"))

    def paragraph(
        self,
        sheet: Worksheet,
        row: int,
        content: str | Live,
        last: int,
        look: Look = _PARAGRAPH,
        first: int = 0,
    ) -> None:
        """Running text over the columns from `first` to `last`."""
        shown = str(content.value) if isinstance(content, Live) else clean(content)
        form = self.look(look)
        self._room(sheet, row, shown, sum(self._widths[sheet][first : last + 1]))
        sheet.merge_range(row, first, row, last, "", form)
        if isinstance(content, Live):
            sheet.write_formula(row, first, content.formula, form, content.value)
        else:
            sheet.write_string(row, first, shown, form)

    def bars(self, sheet: Worksheet, first: int, last: int, column: int) -> None:
        """Grey bars behind the numbers of a column: their lengths compare on paper too."""
        rule = {
            "type": "data_bar", "bar_solid": True, "bar_color": "#C8C8C8", "min_type": "num",
            "min_value": 0, "bar_border_color": "#808080", "data_bar_2010": True,
        }  # fmt: skip
        sheet.conditional_format(first, column, last, column, rule)

    def first(self, sheet: Worksheet, first: int, last: int, column: int) -> None:
        """The first rank in bold, framed and on dots, wherever a change of assumptions puts it."""
        form = self.book.add_format({"bold": True, "border": 1, "pattern": 17})
        rule = {"type": "cell", "criteria": "==", "value": 1, "format": form}
        sheet.conditional_format(first, column, last, column, rule)

    def verdicts(self, sheet: Worksheet, first: int, columns: tuple[int, int], last: int) -> None:
        """What may not be used is struck out; what needs a person is bold and framed."""
        struck = self.book.add_format({"bold": True, "font_strikeout": True, "pattern": 17})
        framed = self.book.add_format({"bold": True, "border": 1})
        for text, form in (("✗", struck), ("!", framed), ("?", framed)):
            rule = {"type": "text", "criteria": "begins with", "value": text, "format": form}
            sheet.conditional_format(first, columns[0], last, columns[1], rule)

    def _room(self, sheet: Worksheet, row: int, text: str, width: float) -> None:
        """A row as tall as its longest wrapped text: programs do not all do it by themselves."""
        needed = sum(math.ceil((len(line) + 1) / width) for line in text.split("\n"))
        held = self._tallest[2] if self._tallest[:2] == (sheet, row) else 1
        if needed > held:
            sheet.set_row(row, min(_LINE_POINTS * needed, _MOST_POINTS))
            self._tallest = sheet, row, needed
