"""Text and rows of a downloaded table, or one error that names file and line."""

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import FactError

_CUT = "the download looks cut off, fetch it again"
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Place(NamedTuple):
    """What an error calls the file: its path, or the address it was fetched from."""

    label: str

    def fault(self, line: int | None, text: str) -> FactError:
        """The error of one line, or of the whole file."""
        return FactError(f"{self.label}{f':{line}' if line else ''}: {text}")


class Row(NamedTuple):
    """One record of a table: the line it starts on (header = 1), and its cells by column."""

    line: int
    cells: dict[str, str]


def text_of(path: Path, place: Place) -> str:
    """The file's text.

    Raises FactError for an empty file, for a web page in place of a list, and for any encoding
    but UTF-8 (with or without a byte-order mark).
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise place.fault(None, f"cannot be read: {error.strerror}") from error
    return decoded(raw, place)


def decoded(raw: bytes, place: Place, first_line: int = 1) -> str:
    """`raw` as text; see `text_of`. `first_line`: the line of the file that `raw` starts on."""
    if not raw.strip():
        raise place.fault(None, f"is empty; {_CUT}")
    encoding = _BOMS.get(raw[:2]) or ("UTF-16" if b"\0" in raw[:200] else None)
    if encoding:
        raise place.fault(first_line, f"is {encoding}; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = first_line + raw.count(b"\n", 0, error.start)
        byte = f"byte 0x{raw[error.start]:02x}"
        raise place.fault(line, f"{byte} is not UTF-8 (Latin-1?); save it as UTF-8") from error
    if text.lstrip()[:1] == "<":
        raise place.fault(first_line, "is a web page or XML, not a list; check the address")
    return text


def rows(
    text: str, place: Place, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[Row]:
    """Rows of a CSV table, cells stripped, empty lines left out.

    Columns may stand in any order, but there are no others than `required` and `optional`: a
    renamed column would otherwise read as an empty one.

    Raises FactError for a column unknown, missing or given twice, for a row with more or fewer
    cells than the header, for an open quotation and for a table without rows.
    """
    # Windows and Unix ends of line alike; newline="" leaves them to the csv module.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line, found = 1, 0
    try:
        header = [name.strip() for name in next(reader)]
        _check_header(header, place, required, optional)
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) != len(header):
                    raise place.fault(line, _width(text, reader.line_num, cells, header))
                found += 1
                stripped = map(str.strip, cells)
                yield Row(line, dict(zip(header, stripped, strict=True)))
            line = reader.line_num + 1
    except csv.Error as error:
        cut = "unexpected end" in str(error)
        raise place.fault(
            line, f"ends inside a quotation; {_CUT}" if cut else str(error)
        ) from error
    if not found:
        raise place.fault(None, f"has a header and no rows; {_CUT}")


def _width(text: str, last_line: int, cells: list[str], header: list[str]) -> str:
    told = f"{len(cells)} cells for {len(header)} columns"
    at_end = last_line >= len(text.splitlines())
    return f"{told}; {_CUT}" if at_end and len(cells) < len(header) else told


def _check_header(
    header: list[str], place: Place, required: Sequence[str], optional: Sequence[str]
) -> None:
    for name in header:
        if name not in required and name not in optional:
            known = ", ".join([*required, *optional])
            raise place.fault(1, f"unknown column {name[:60]!r}; this format has {known}")
        if header.count(name) > 1:
            raise place.fault(1, f"column {name!r} given twice")
    missing = [name for name in required if name not in header]
    if missing:
        raise place.fault(1, f"no column {', '.join(missing)}")


def day(text: str, place: Place, line: int, column: str) -> dt.date | None:
    """An ISO date, or None for an empty cell."""
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise place.fault(line, f"{column} {text!r} is no date; write YYYY-MM-DD") from None


def past_day(text: str, place: Place, line: int, column: str) -> dt.date | None:
    """Like `day`, for what cannot lie ahead."""
    found = day(text, place, line, column)
    if found:
        refuse_future(found, place, line, column)
    return found


def refuse_future(found: dt.date, place: Place, line: int | None, what: str) -> None:
    """Raises FactError for a day after today."""
    if found > dt.date.today():
        raise place.fault(line, f"{what} {found} is in the future")


class Unique:
    """Refuses an id that stood in an earlier row."""

    def __init__(self, place: Place, what: str) -> None:
        self._place, self._what = place, what
        self._seen: dict[object, int] = {}

    def add(self, key: object, line: int, shown: str) -> None:
        """Raises FactError naming both lines if `key` was there before."""
        first = self._seen.setdefault(key, line)
        if first != line:
            raise self._place.fault(
                line, f"{self._what} {shown!r} given twice, first in line {first}"
            )


def named(name: str, place: Place, line: int) -> str:
    """The name; raises FactError if there is none, since such a row can never be found."""
    if not name:
        raise place.fault(line, "row without a name")
    return name
