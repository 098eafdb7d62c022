"""Published lists -> entries, one reader per format. Bad input is one line with file and line."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from harness.errors import FactError
from harness.risk.lists.entry import Entry

Format = Literal[
    "csl_csv", "dod_1260h_csv", "opensanctions_simple_csv", "opensanctions_nested_json",
    "fcc_covered_csv", "company_csv",
]  # fmt: skip
# The Consolidated Screening List's 29 columns, in the order in which it is published.
CSL_COLUMNS = (
    "_id", "source", "entity_number", "type", "programs", "name", "title", "addresses",
    "federal_register_notice", "start_date", "end_date", "standard_order", "license_requirement",
    "license_policy", "call_sign", "vessel_type", "gross_tonnage", "gross_registered_tonnage",
    "vessel_flag", "vessel_owner", "remarks", "source_list_url", "alt_names", "citizenships",
    "dates_of_birth", "nationalities", "places_of_birth", "source_information_url", "ids",
)  # fmt: skip
DOD_COLUMNS = (
    "Name", "Clean Name", "Alias", "Previous Name", "Parent Name", "Note", "Start date",
    "End date", "Source Url",
)  # fmt: skip
FCC_COLUMNS = ("covered_equipment_or_services", "date_of_inclusion_on_covered_list")
COMPANY_COLUMNS = ("name", "aliases", "identifiers", "programme", "start", "end", "note")
_SIMPLE_NEEDED = ("id", "schema", "name", "aliases", "countries", "identifiers", "dataset")
_SIMPLE_KNOWN = (
    *_SIMPLE_NEEDED, "birth_date", "addresses", "sanctions", "phones", "emails", "program_ids",
    "first_seen", "last_seen", "last_change",
)  # fmt: skip
_JOINED = "; "
_COMPANY_SCHEMATA = ("Company", "Organization", "LegalEntity", "PublicBody")
_IDENTIFIERS = ("leiCode", "registrationNumber", "uscCode", "ticker", "isinCode", "cikCode")


def read(form: Format, path: Path, list_key: str, edition: str) -> tuple[Entry, ...]:
    """All entries of a file. `edition` is the ISO date of what is held to be current.

    Raises FactError: unknown or missing column, truncated file, wrong encoding, a row without a
    name, ids given twice, a date in the future, no entry at all.
    """
    if form not in get_args(Format):
        raise FactError(f"{path}: no format {form!r}; known: {', '.join(get_args(Format))}")
    text = _text(path)
    entries = tuple(_READERS[form](text, path, list_key, edition))
    if not entries:
        raise FactError(f"{path}: no entry of edition {edition} in it")
    return entries


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FactError(f"{path}:1: UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FactError(f"{path}:{line}: not UTF-8 (byte {error.start}); save it so") from error
    if not text.strip():
        raise FactError(f"{path}: empty")
    return text


# --- CSV -------------------------------------------------------------------------------------


def _rows(
    text: str, path: Path, needed: tuple[str, ...], known: tuple[str, ...], *, whole: bool
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and row. `whole`: exactly the known columns in that order."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader)
        strange = [name for name in header if name not in known]
        missing = [name for name in needed if name not in header]
        if strange:
            raise FactError(f"{path}:1: unknown column {strange[0]!r}; the format has changed")
        if missing:
            raise FactError(f"{path}:1: column {missing[0]!r} is missing")
        if whole and tuple(header) != known:
            raise FactError(f"{path}:1: the columns are in another order than published")
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise FactError(
                    f"{path}:{reader.line_num}: {len(row)} of {len(header)} columns; truncated?"
                )
            yield reader.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise FactError(f"{path}:{reader.line_num}: {error}; truncated?") from error
    if not text.endswith("\n"):
        raise FactError(f"{path}:{reader.line_num}: no end of line; the download was cut")


def _csl(text: str, path: Path, list_key: str, edition: str) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for line, row in _rows(text, path, CSL_COLUMNS, CSL_COLUMNS, whole=True):
        if row["_id"]:
            _once(seen, row["_id"], path, line)
        yield _entry(
            path,
            line,
            list_key=list_key,
            edition=edition,
            program=row["source"],
            name=row["name"],
            aliases=_split(row["alt_names"]),
            identifiers=_split(row["ids"]),
            countries=_split(row["nationalities"]),
            start=_day(row["start_date"], path, line),
            end=_day(row["end_date"], path, line, future=True),
            source_url=row["source_list_url"] or None,
        )


def _dod_1260h(text: str, path: Path, list_key: str, edition: str) -> Iterator[Entry]:
    """The edition is exactly the rows that start on its day; older rows are never closed there."""
    for line, row in _rows(text, path, DOD_COLUMNS, DOD_COLUMNS, whole=True):
        start = _day(row["Start date"], path, line)
        if start is None or str(start) != edition:
            continue
        also = [row["Clean Name"], *_split(row["Alias"]), *_split(row["Previous Name"])]
        yield _entry(
            path,
            line,
            list_key=list_key,
            edition=edition,
            program="Section 1260H",
            name=row["Name"],
            aliases=tuple(dict.fromkeys(a for a in also if a and a != row["Name"])),
            parent=row["Parent Name"] or None,
            start=start,
            end=_day(row["End date"], path, line, future=True),
            source_url=row["Source Url"] or None,
        )


def _fcc(text: str, path: Path, list_key: str, edition: str) -> Iterator[Entry]:
    """Categories of equipment, not names: kept as text, to be read by a person."""
    for line, row in _rows(text, path, FCC_COLUMNS, FCC_COLUMNS, whole=True):
        # Later updates of a category are run together behind its first date.
        given = row["date_of_inclusion_on_covered_list"].split("Updated:")[0]
        yield _entry(
            path,
            line,
            list_key=list_key,
            edition=edition,
            program="FCC Covered List",
            name=row["covered_equipment_or_services"],
            start=_day(given, path, line, form="%B %d, %Y"),
        )


def _company(text: str, path: Path, list_key: str, edition: str) -> Iterator[Entry]:
    for line, row in _rows(text, path, ("name",), COMPANY_COLUMNS, whole=False):
        yield _entry(
            path,
            line,
            list_key=list_key,
            edition=edition,
            program=row.get("programme", ""),
            name=row["name"],
            aliases=_split(row.get("aliases", "")),
            identifiers=_split(row.get("identifiers", "")),
            start=_day(row.get("start", ""), path, line),
            end=_day(row.get("end", ""), path, line, future=True),
        )


def _simple(text: str, path: Path, list_key: str, edition: str) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for line, row in _rows(text, path, _SIMPLE_NEEDED, _SIMPLE_KNOWN, whole=False):
        _once(seen, row["id"], path, line)
        if row["schema"] not in _COMPANY_SCHEMATA:
            continue
        yield _entry(
            path,
            line,
            list_key=list_key,
            edition=edition,
            program=row["dataset"],
            name=row["name"],
            aliases=_split(row["aliases"], ";"),
            identifiers=_split(row["identifiers"], ";"),
            countries=_split(row["countries"], ";"),
        )


# --- JSON ------------------------------------------------------------------------------------


def _nested(text: str, path: Path, list_key: str, edition: str) -> Iterator[Entry]:
    """One JSON object a line, with `id`, `schema` and lists of values under `properties`."""
    seen: dict[str, int] = {}
    for line, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            item = json.loads(raw)
            key, schema, values = item["id"], item["schema"], item["properties"]
        except (ValueError, KeyError, TypeError) as error:
            raise FactError(f"{path}:{line}: not a whole entity ({error}); truncated?") from error
        _once(seen, key, path, line)
        if schema not in _COMPANY_SCHEMATA:
            continue
        names = [*values.get("name", ()), item.get("caption", "")]
        also = [
            alias
            for name in ("name", "alias", "weakAlias", "previousName")
            for alias in values.get(name, ())
        ]
        yield _entry(
            path,
            line,
            list_key=list_key,
            edition=edition,
            program="; ".join(item.get("datasets", ())),
            name=names[0],
            aliases=tuple(dict.fromkeys(alias for alias in also if alias != names[0])),
            identifiers=tuple(v for name in _IDENTIFIERS for v in values.get(name, ())),
            countries=tuple(values.get("country", ())),
        )


# --- shared ----------------------------------------------------------------------------------


def _entry(path: Path, line: int, **fields: Any) -> Entry:
    fields["name"] = fields["name"].strip()
    if not fields["name"]:
        raise FactError(f"{path}:{line}: a row without a name")
    try:
        return Entry(row=line, **fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise FactError(f"{path}:{line}: {where}: {first['msg']}") from error


def _split(text: str, mark: str = _JOINED) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(mark) if part.strip())


def _once(seen: dict[str, int], key: str, path: Path, line: int) -> None:
    if key in seen:
        raise FactError(f"{path}:{line}: id {key} stands twice, first on line {seen[key]}")
    seen[key] = line


def _day(
    text: str, path: Path, line: int, *, form: str = "%Y-%m-%d", future: bool = False
) -> dt.date | None:
    if not text.strip():
        return None
    try:
        day = dt.datetime.strptime(text.strip(), form).date()
    except ValueError as error:
        raise FactError(f"{path}:{line}: {text!r} is no date of the form {form}") from error
    if day > dt.date.today() and not future:
        raise FactError(f"{path}:{line}: {day} is in the future")
    return day


_READERS: dict[Format, Callable[[str, Path, str, str], Iterator[Entry]]] = {
    "csl_csv": _csl,
    "dod_1260h_csv": _dod_1260h,
    "opensanctions_simple_csv": _simple,
    "opensanctions_nested_json": _nested,
    "fcc_covered_csv": _fcc,
    "company_csv": _company,
}
