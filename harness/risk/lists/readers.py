"""Readers: one published format each -> entries. What is malformed is one error with its line.

Dates of publication differ: some formats carry them row by row (Section 1260H, the FCC's list, a
company's own), some for the whole file, some not at all. An entry's `edition` is its own date if
the row has one, else the file's: the one given, the one in the file, or the day of the file.
"""

import csv
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from harness.errors import FactError
from harness.risk.lists.entry import Entry
from harness.risk.lists.tables import (
    Place,
    Unique,
    decoded,
    named,
    past_day,
    refuse_future,
    rows,
    text_of,
)
from harness.risk.lists.tables import day as a_day

Keeps = Literal["whole", "editions", "periods"]

CSL_COLUMNS = (
    *("_id", "source", "entity_number", "type", "programs", "name", "title", "addresses"),
    *("federal_register_notice", "start_date", "end_date", "standard_order"),
    *("license_requirement", "license_policy", "call_sign", "vessel_type", "gross_tonnage"),
    *("gross_registered_tonnage", "vessel_flag", "vessel_owner", "remarks", "source_list_url"),
    *("alt_names", "citizenships", "dates_of_birth", "nationalities", "places_of_birth"),
    *("source_information_url", "ids"),
)
DOD_1260H_COLUMNS = (
    *("Name", "Clean Name", "Alias", "Previous Name", "Parent Name", "Note"),
    *("Start date", "End date", "Source Url"),
)
OPENSANCTIONS_COLUMNS = (
    *("id", "schema", "name", "aliases", "birth_date", "countries", "addresses", "identifiers"),
    *("sanctions", "phones", "emails", "dataset", "first_seen", "last_seen", "last_change"),
)
FCC_COLUMNS = ("covered_equipment_or_services", "date_of_inclusion_on_covered_list")
COMPANY_COLUMNS = ("aliases", "identifiers", "programme", "start", "end", "note")

# Labels in the CSL's `ids` of what identifies nobody.
_NO_IDENTIFIER = re.compile(
    r"(?i)^(gender|secondary sanctions|executive order|transactions|website|email|phone|fax|"
    r"additional sanctions|effective date|organization (type|established)|target type|"
    r"nationality|listing date|subject to)"
)
# Properties of FollowTheMoney that hold identifiers of companies.
_FTM_IDENTIFIERS = (
    *("leiCode", "registrationNumber", "uscCode", "taxNumber", "vatCode", "innCode", "ogrnCode"),
    *("idNumber", "dunsCode", "uniqueEntityId", "cageCode", "swiftBic", "bikCode", "isinCode"),
    *("ticker", "imoNumber"),
)
_FTM_ALIASES = ("name", "alias", "weakAlias", "previousName", "abbreviation")
_FTM_COUNTRIES = ("country", "jurisdiction", "mainCountry", "nationality")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_US_DAY = re.compile(rf"({'|'.join(_MONTHS)}) (\d{{1,2}}), (\d{{4}})")
_FCC_MAKERS = (
    re.compile(
        r"(?:produced|provided|supplied)(?:, directly or indirectly,)? by (.+?)"
        r"(?:,? (?:including|to the extent|subject to|or any of its|and its)\b|\.?$)"
    ),
    re.compile(r"wholly-owned subsidiary (.+?) subject to\b"),
)


class Format(NamedTuple):
    """How a format is read, and what of it holds on a day.

    `keeps`: `whole`: all rows, from the edition on. `editions`: rows from start to end, and an
    edition that prints most names again replaces all earlier rows. `periods`: rows from start to
    end.
    """

    reader: Callable[[Path, Place, str, str], Iterator[Entry]]
    keeps: Keeps


def read(
    format: str, path: Path, list_key: str, edition: str | None = None, *, label: str = ""
) -> tuple[Entry, ...]:
    """All entries of the file, in the order of the file.

    `edition`: ISO date of the file, for formats that carry none; default: the day on which the
    file was last changed. `label`: what errors call the file; default: its path.

    Raises FactError with file and line for anything that is not what the format says.
    """
    if format not in FORMATS:
        raise FactError(f"{path}: no reader for format {format!r}; known: {', '.join(FORMATS)}")
    place = Place(label or str(path))
    if not path.is_file():
        raise place.fault(None, "no such file")
    if edition:
        given = a_day(edition, place, 0, "edition")
        assert given is not None
        refuse_future(given, place, None, "edition")
    return tuple(FORMATS[format].reader(path, place, list_key, edition or ""))


def _file_day(path: Path) -> str:
    changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date()
    return min(changed, dt.date.today()).isoformat()


# --- US Consolidated Screening List ------------------------------------------------------------


def _csl_csv(path: Path, place: Place, list_key: str, edition: str) -> Iterator[Entry]:
    edition = edition or _file_day(path)
    ids = Unique(place, "_id")
    for line, cells in rows(text_of(path, place), place, CSL_COLUMNS):
        name = named(cells["name"], place, line)
        if cells["_id"]:  # those of the Treasury are unique only within a list
            ids.add((cells["source"], cells["_id"]), line, cells["_id"])
        places = (address.rsplit(",", 1)[-1].strip() for address in _split(cells["addresses"]))
        codes = [code for code in places if len(code) == 2 and code.isupper()]
        yield Entry(
            list_key=list_key,
            edition=edition,
            program=cells["source"],
            row=line,
            name=name,
            aliases=_others(name, map(_after_and, _split(cells["alt_names"]))),
            identifiers=_distinct(
                each for each in _split(cells["ids"]) if not _NO_IDENTIFIER.match(each)
            ),
            countries=_distinct(
                [*codes, *_split(cells["nationalities"]), *_split(cells["citizenships"])]
            ),
            start=past_day(cells["start_date"], place, line, "start_date"),
            end=a_day(cells["end_date"], place, line, "end_date"),
            source_url=cells["source_information_url"] or cells["source_list_url"] or None,
        )


def _csl_json(path: Path, place: Place, list_key: str, edition: str) -> Iterator[Entry]:
    try:
        whole = json.loads(text_of(path, place))
    except json.JSONDecodeError as error:
        raise place.fault(
            error.lineno, f"not JSON ({error.msg}); the download looks cut off, fetch it again"
        ) from error
    results = whole.get("results") if isinstance(whole, dict) else None
    if not isinstance(results, list) or not results:
        raise place.fault(None, "no results in it; is it the Consolidated Screening List?")
    edition = edition or _import_day(whole, place) or _file_day(path)
    ids = Unique(place, "id")
    for number, item in enumerate(results, start=1):
        where = Place(f"{place.label}: item {number}")
        if not isinstance(item, dict):
            raise where.fault(None, "is no object")
        name = named(_text(item, "name"), where, 0)
        program = _text(item, "source")
        if found := _text(item, "id"):
            ids.add((program, found), number, found)
        addresses = [each for each in item.get("addresses") or () if isinstance(each, dict)]
        numbers = [each for each in item.get("ids") or () if isinstance(each, dict)]
        yield Entry(
            list_key=list_key,
            edition=edition,
            program=program,
            row=number,
            name=name,
            aliases=_others(name, map(_after_and, _texts(item, "alt_names"))),
            identifiers=_distinct(
                ", ".join(filter(None, (_text(each, k) for k in ("type", "number", "country"))))
                for each in numbers
                if not _NO_IDENTIFIER.match(_text(each, "type"))
            ),
            countries=_distinct(
                [
                    *(_text(each, "country") for each in addresses),
                    *_texts(item, "nationalities"),
                    *_texts(item, "citizenships"),
                ]
            ),
            start=past_day(_text(item, "start_date"), where, 0, "start_date"),
            end=a_day(_text(item, "end_date"), where, 0, "end_date"),
            source_url=_text(item, "source_information_url")
            or _text(item, "source_list_url")
            or None,
        )


def _import_day(whole: dict[str, Any], place: Place) -> str:
    """The latest day of import in `sources_used`, which has one for each list; empty if none."""
    days = [
        str(value)[:10]
        for used in whole.get("sources_used") or ()
        if isinstance(used, dict)
        for key, value in used.items()
        if "import" in key and re.match(r"\d{4}-\d{2}-\d{2}", str(value))
    ]
    if not days:
        return ""
    found = past_day(max(days), place, 0, "day of import")
    return found.isoformat() if found else ""


# --- Section 1260H -----------------------------------------------------------------------------


def _dod_1260h_csv(path: Path, place: Place, list_key: str, edition: str) -> Iterator[Entry]:
    """Rows of all editions; an empty end date does not mean that the row still holds."""
    listed = Unique(place, "name and start date")
    for line, cells in rows(text_of(path, place), place, DOD_1260H_COLUMNS):
        name = named(cells["Name"], place, line)
        start = past_day(cells["Start date"], place, line, "Start date")
        if start is None:
            raise place.fault(line, "row without a Start date, so of no edition")
        listed.add((name.casefold(), start), line, name)
        aliases = (
            cells["Clean Name"],
            *_aliases(cells["Alias"]),
            *_aliases(cells["Previous Name"]),
        )
        yield Entry(
            list_key=list_key,
            edition=start.isoformat(),
            program="Section 1260H",
            row=line,
            name=name,
            aliases=_others(name, aliases),
            parent=cells["Parent Name"] or None,
            start=start,
            end=past_day(cells["End date"], place, line, "End date"),
            source_url=cells["Source Url"] or None,
        )


# --- OpenSanctions -----------------------------------------------------------------------------


def _opensanctions_simple_csv(
    path: Path, place: Place, list_key: str, edition: str
) -> Iterator[Entry]:
    table = list(rows(text_of(path, place), place, OPENSANCTIONS_COLUMNS, ("program_ids",)))
    seen = [cells["last_seen"][:10] for _, cells in table if cells["last_seen"]]
    edition = edition or _latest(seen, place, "last_seen") or _file_day(path)
    ids = Unique(place, "id")
    for line, cells in table:
        name = named(cells["name"], place, line)
        ids.add(cells["id"], line, cells["id"])
        yield Entry(
            list_key=list_key,
            edition=edition,
            program=cells.get("program_ids") or cells["dataset"],
            row=line,
            name=name,
            aliases=_others(name, _inner(cells["aliases"])),
            identifiers=_distinct(_inner(cells["identifiers"])),
            countries=_distinct(_inner(cells["countries"])),
        )


def _opensanctions_nested_json(
    path: Path, place: Place, list_key: str, edition: str
) -> Iterator[Entry]:
    """One object a line. The file may be large, so it is read line by line."""
    items = list(_json_lines(path, place))
    if not items:
        raise place.fault(None, "is empty; the download looks cut off, fetch it again")
    seen = [_text(item, "last_seen")[:10] for _, item in items if item.get("last_seen")]
    edition = edition or _latest(seen, place, "last_seen") or _file_day(path)
    ids = Unique(place, "id")
    for line, item in items:
        said = item.get("properties")
        if not isinstance(said, dict) or not _text(item, "id"):
            raise place.fault(line, "no id and properties; is it targets.nested.json?")
        ids.add(item["id"], line, item["id"])
        names = _texts(said, "name")
        name = named(_text(item, "caption") or next(iter(names), ""), place, line)
        sanctions = [each["properties"] for each in _nested(said, "sanctions")]
        starts = [_whole_day(text) for each in sanctions for text in _texts(each, "startDate")]
        programmes = [
            text
            for each in sanctions
            for text in (*_texts(each, "programId"), *_texts(each, "program"))
        ]
        owners = [
            caption
            for share in _nested(said, "ownershipAsset")
            for owner in _nested(share["properties"], "owner")
            if (
                caption := _text(owner, "caption")
                or next(iter(_texts(owner["properties"], "name")), "")
            )
        ]
        yield Entry(
            list_key=list_key,
            edition=edition,
            program="; ".join(_distinct(programmes or _texts(item, "datasets"))),
            row=line,
            name=name,
            aliases=_others(name, (each for key in _FTM_ALIASES for each in _texts(said, key))),
            parent=next(iter(owners), None),
            identifiers=_distinct(each for key in _FTM_IDENTIFIERS for each in _texts(said, key)),
            countries=_distinct(each for key in _FTM_COUNTRIES for each in _texts(said, key)),
            start=min((each for each in starts if each), default=None),
            source_url=next(
                (text for each in sanctions for text in _texts(each, "sourceUrl")), None
            ),
        )


def _json_lines(path: Path, place: Place) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as stream:
        for line, raw in enumerate(stream, start=1):
            if not raw.strip():
                continue
            try:
                item = json.loads(decoded(raw, place, line))
            except json.JSONDecodeError as error:
                cut = "" if raw.endswith(b"\n") else "; the download looks cut off, fetch it again"
                raise place.fault(line, f"not JSON ({error.msg}){cut}") from error
            if not isinstance(item, dict):
                raise place.fault(line, "not an object; targets.nested.json has one a line")
            yield line, item


# --- FCC covered list, a company's own ---------------------------------------------------------


def _fcc_covered_csv(path: Path, place: Place, list_key: str, edition: str) -> Iterator[Entry]:
    """The list names equipment and services; who makes them stands in the text, if anybody does."""
    texts = Unique(place, "entry")
    for line, cells in rows(text_of(path, place), place, FCC_COLUMNS):
        text, dates = (cells[column] for column in FCC_COLUMNS)
        named(text, place, line)
        found = [
            dt.date(int(year), _MONTHS.index(month) + 1, int(number))
            for month, number, year in _US_DAY.findall(dates)
        ]
        if not found:
            raise place.fault(line, f"{FCC_COLUMNS[1]} {dates!r} has no date like March 12, 2021")
        for each in found:
            refuse_future(each, place, line, FCC_COLUMNS[1])
        texts.add(text, line, text[:60])
        yield Entry(
            list_key=list_key,
            edition=found[0].isoformat(),
            program="FCC Covered List",
            row=line,
            name=text,
            aliases=_others(text, (m[1] for each in _FCC_MAKERS if (m := each.search(text)))),
            start=found[0],
        )


def _company_csv(path: Path, place: Place, list_key: str, edition: str) -> Iterator[Entry]:
    """`name`, and of the other columns those that one has; several values joined by semicolons."""
    edition = edition or _file_day(path)
    listed = Unique(place, "name, programme and start")
    for line, cells in rows(text_of(path, place), place, ("name",), COMPANY_COLUMNS):
        name = named(cells["name"], place, line)
        start = past_day(cells.get("start", ""), place, line, "start")
        end = a_day(cells.get("end", ""), place, line, "end")
        if start and end and end < start:
            raise place.fault(line, f"end {end} lies before start {start}")
        programme = cells.get("programme", "")
        listed.add((name.casefold(), programme, start), line, name)
        yield Entry(
            list_key=list_key,
            edition=start.isoformat() if start else edition,
            program=programme,
            row=line,
            name=name,
            aliases=_others(name, _split(cells.get("aliases", ""))),
            identifiers=_distinct(_split(cells.get("identifiers", ""))),
            start=start,
            end=end,
        )


# --- values ------------------------------------------------------------------------------------


def _split(cell: str) -> list[str]:
    """Values joined by semicolons."""
    return list(filter(None, map(str.strip, cell.split(";")))) if cell else []


def _aliases(cell: str) -> list[str]:
    """Values joined by semicolons, or by commas without a space: "Acme Co., Ltd." is one."""
    return [part for value in re.split(r";|,(?=\S)", cell) if (part := value.strip())]


def _inner(cell: str) -> list[str]:
    """A list within a cell, itself CSV with semicolons."""
    if '"' not in cell:
        return _split(cell)
    return [part for value in next(csv.reader([cell], delimiter=";")) if (part := value.strip())]


def _after_and(name: str) -> str:
    """Without the "and" before the last of a sentence's names."""
    return name.removeprefix("and ")


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, values)))


def _others(name: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in _distinct(names) if each != name)


def _latest(days: Sequence[str], place: Place, column: str) -> str:
    if not days:
        return ""
    found = past_day(max(days), place, 0, column)
    return found.isoformat() if found else ""


def _whole_day(text: str) -> dt.date | None:
    """None for a year or a month alone."""
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return str(value).strip() if value is not None else ""


def _texts(item: dict[str, Any], key: str) -> list[str]:
    value = item.get(key)
    if isinstance(value, str):
        return _split(value)
    values = value if isinstance(value, list) else []
    return [each.strip() for each in values if isinstance(each, str) and each.strip()]


def _nested(item: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Entities within an entity; those that stand there only by id are left out."""
    values = item.get(key)
    found = values if isinstance(values, list) else []
    return [e for e in found if isinstance(e, dict) and isinstance(e.get("properties"), dict)]


FORMATS: dict[str, Format] = {
    "csl_csv": Format(_csl_csv, "whole"),
    "csl_json": Format(_csl_json, "whole"),
    "dod_1260h_csv": Format(_dod_1260h_csv, "editions"),
    "opensanctions_simple_csv": Format(_opensanctions_simple_csv, "whole"),
    "opensanctions_nested_json": Format(_opensanctions_nested_json, "whole"),
    "fcc_covered_csv": Format(_fcc_covered_csv, "periods"),
    "company_csv": Format(_company_csv, "periods"),
}
