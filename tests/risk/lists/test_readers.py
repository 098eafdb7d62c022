"""Each published format gives the entries that it prints."""

import datetime as dt
import json
import os
import time
from pathlib import Path

import pytest

from harness.errors import FactError
from harness.risk.lists.entry import Entry
from harness.risk.lists.readers import CSL_COLUMNS, DOD_1260H_COLUMNS, read
from tests.risk.lists.making import ENTITY_LIST, company, csl, csl_of, dod, fcc, simple, table


def entries_of(
    tmp_path: Path, format: str, text: str, edition: str | None = None
) -> tuple[Entry, ...]:
    path = tmp_path / "list"
    path.write_text(text, encoding="utf-8")
    return read(format, path, "a-list", edition)


def test_the_screening_list_has_29_columns() -> None:
    # Counted in the header line of the published file.
    assert len(CSL_COLUMNS) == len(set(CSL_COLUMNS)) == 29


def test_a_screening_list_row_is_read_with_all_its_names(tmp_path: Path) -> None:
    (entry,) = entries_of(
        tmp_path,
        "csl_csv",
        csl(
            {
                "_id": "9f",
                "name": "Northern Lamp Works 7th Institute (NLW 7)",
                "alt_names": "NLW Seven; Lamp Institute; and Seventh Lamp Works",
                "addresses": "1 Quay Road, Port Sorrow, Northland, NL; PO Box 2, Elsewhere, EX",
                "ids": "Registration ID, C122790; Gender, Male; Passport, X1, NL",
                "start_date": "2018-08-01",
                "source_list_url": "https://example.gov/lists",
                "source_information_url": "https://example.gov/entity-list",
            }
        ),
        "2026-11-01",
    )
    assert entry == Entry(
        list_key="a-list",
        edition="2026-11-01",
        program=ENTITY_LIST,
        row=2,
        name="Northern Lamp Works 7th Institute (NLW 7)",
        aliases=("NLW Seven", "Lamp Institute", "Seventh Lamp Works"),
        identifiers=("Registration ID, C122790", "Passport, X1, NL"),
        countries=("NL", "EX"),
        start=dt.date(2018, 8, 1),
        source_url="https://example.gov/entity-list",
    )


def test_without_a_date_of_its_own_the_edition_is_the_day_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "csl.csv"
    path.write_text(csl_of(["Northern Lamp Works"]))
    noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC).timestamp()
    os.utime(path, (noon, noon))
    assert read("csl_csv", path, "us-csl")[0].edition == "2026-03-02"


def test_the_json_screening_list_takes_its_edition_from_its_latest_import(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "sources_used": [
                {"source": "SDN", "last_imported": "2026-10-30T04:00:00Z"},
                {"source": "EL", "last_imported": "2026-11-02T04:00:00Z"},
            ],
            "results": [
                {
                    "id": "1",
                    "source": ENTITY_LIST,
                    "name": "Northern Lamp Works",
                    "alt_names": ["NLW"],
                    "addresses": [{"address": "1 Quay Road", "country": "NL"}],
                    "ids": [{"type": "Tax ID", "number": "77", "country": "NL"}],
                    "start_date": "2018-08-01",
                    "end_date": None,
                }
            ],
        }
    )
    (entry,) = entries_of(tmp_path, "csl_json", text)
    assert (entry.edition, entry.program, entry.aliases) == ("2026-11-02", ENTITY_LIST, ("NLW",))
    assert (entry.identifiers, entry.countries) == (("Tax ID, 77, NL",), ("NL",))


def test_json_that_is_cut_off_says_so_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"list:2: not JSON .*cut off"):
        entries_of(tmp_path, "csl_json", '{"results": [{"name": "Northern Lamp Works"},\n{"na')


def test_json_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="no results in it"):
        entries_of(tmp_path, "csl_json", '{"error": "try later"}')


def test_an_item_without_a_name_is_refused_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="list: item 2: row without a name"):
        entries_of(tmp_path, "csl_json", '{"results": [{"name": "A"}, {"name": ""}]}')


def test_every_1260h_row_has_the_edition_that_it_starts_with(tmp_path: Path) -> None:
    text = dod(
        ("Acme Holdings Co., Ltd. (Acme)", "2025-01-07", ""),
        ("Acme Holdings Co., Ltd. (Acme)", "2026-06-08", ""),
    )
    first, second = entries_of(tmp_path, "dod_1260h_csv", text)
    assert (first.edition, second.edition) == ("2025-01-07", "2026-06-08")
    assert second.aliases == ("Acme Holdings Co., Ltd.",)
    assert second.program == "Section 1260H"


def test_1260h_aliases_part_at_a_bare_comma_and_not_at_that_of_a_legal_form(
    tmp_path: Path,
) -> None:
    row = {"Name": "Acme", "Alias": "Ac,Me Works; Acme Co., Ltd.", "Start date": "2026-06-08"}
    (entry,) = entries_of(tmp_path, "dod_1260h_csv", table(DOD_1260H_COLUMNS, row))
    assert entry.aliases == ("Ac", "Me Works", "Acme Co., Ltd.")


def test_a_1260h_row_of_no_edition_or_twice_in_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="list:2: row without a Start date"):
        entries_of(tmp_path, "dod_1260h_csv", dod(("Acme", "", "")))
    twice = dod(("Acme", "2026-06-08", ""), ("ACME", "2026-06-08", ""))
    with pytest.raises(FactError, match=r"list:3: name and start date 'ACME' given twice"):
        entries_of(tmp_path, "dod_1260h_csv", twice)


def test_lists_within_a_cell_keep_semicolons_that_are_quoted(tmp_path: Path) -> None:
    text = simple(
        {
            "id": "NK-1",
            "name": "Acme",
            "aliases": 'Acme Works;"Acme; and Sons"',
            "identifiers": "LEI1;REG2",
            "countries": "nl;ex",
            "program_ids": "US-BIS-EL",
            "dataset": "A list",
        }
    )
    (entry,) = entries_of(tmp_path, "opensanctions_simple_csv", text)
    assert entry.aliases == ("Acme Works", "Acme; and Sons")
    assert (entry.identifiers, entry.countries) == (("LEI1", "REG2"), ("nl", "ex"))
    assert (entry.program, entry.edition) == ("US-BIS-EL", "2026-11-01")


def test_the_simple_csv_of_before_the_programmes_is_read_too(tmp_path: Path) -> None:
    lines = simple({"id": "NK-1", "name": "Acme", "dataset": "A list"}).splitlines()
    header = lines[0].split(",")
    at = header.index("program_ids")
    older = "\n".join(
        ",".join(cells[:at] + cells[at + 1 :]) for cells in (line.split(",") for line in lines)
    )
    (entry,) = entries_of(tmp_path, "opensanctions_simple_csv", older)
    assert entry.program == "A list"


ACME = {
    "id": "NK-1",
    "caption": "Acme",
    "schema": "Company",
    "datasets": ["us_trade_csl"],
    "last_seen": "2026-11-03T06:00:00",
    "properties": {
        "name": ["Acme", "Acme B.V."],
        "weakAlias": ["ACM"],
        "previousName": ["Bolt"],
        "leiCode": ["LEI1"],
        "country": ["nl"],
        "sanctions": [
            {
                "id": "s1",
                "properties": {
                    "programId": ["US-BIS-EL"],
                    "startDate": ["2024", "2025-01-16"],
                    "sourceUrl": ["https://example.gov"],
                },
            },
            {"id": "s2", "properties": {"startDate": ["2024-05-01"]}},
        ],
        "ownershipAsset": [
            {"properties": {"owner": [{"caption": "Acme Group", "properties": {}}]}}
        ],
    },
}


def test_a_nested_entity_gives_names_owner_and_first_whole_date(tmp_path: Path) -> None:
    (entry,) = entries_of(tmp_path, "opensanctions_nested_json", json.dumps(ACME) + "\n")
    assert entry == Entry(
        list_key="a-list",
        edition="2026-11-03",
        program="US-BIS-EL",
        row=1,
        name="Acme",
        aliases=("Acme B.V.", "ACM", "Bolt"),
        parent="Acme Group",
        identifiers=("LEI1",),
        countries=("nl",),
        start=dt.date(2024, 5, 1),
        source_url="https://example.gov",
    )


def test_nested_json_that_is_cut_off_or_doubled_is_refused_by_line(tmp_path: Path) -> None:
    line = json.dumps(ACME) + "\n"
    with pytest.raises(FactError, match=r"list:2: not JSON .*cut off"):
        entries_of(tmp_path, "opensanctions_nested_json", line + line[:40])
    with pytest.raises(FactError, match="list:2: id 'NK-1' given twice, first in line 1"):
        entries_of(tmp_path, "opensanctions_nested_json", line + line)


@pytest.mark.parametrize(
    ("text", "makers"),
    [
        (
            "Lamps produced by Acme Works Company, including services provided by such entity.",
            ("Acme Works Company",),
        ),
        (
            "Calls provided by Acme Networks Corp and its wholly-owned subsidiary Bolt (USA) LLC"
            " subject to section 214.",
            ("Acme Networks Corp", "Bolt (USA) LLC"),
        ),
        ("Oil supplied, directly or indirectly, by AO Acme or any of its heirs.", ("AO Acme",)),
        ("Lamps produced in a foreign country, unless approved by the agency.", ()),
    ],
)
def test_the_fcc_text_stays_the_name_and_its_makers_become_aliases(
    tmp_path: Path, text: str, makers: tuple[str, ...]
) -> None:
    (entry,) = entries_of(tmp_path, "fcc_covered_csv", fcc((text, "March 12, 2021")))
    assert (entry.name, entry.aliases) == (text, makers)


def test_an_fcc_row_starts_with_the_first_of_its_dates(tmp_path: Path) -> None:
    text = fcc(("Lamps.", "December 22, 2025Updated:January 7, 2026"))
    (entry,) = entries_of(tmp_path, "fcc_covered_csv", text)
    assert entry.start == dt.date(2025, 12, 22)


def test_a_company_list_needs_a_name_and_nothing_else(tmp_path: Path) -> None:
    (entry,) = entries_of(tmp_path, "company_csv", "name\nAcme\n", "2026-11-01")
    assert (entry.name, entry.edition, entry.program) == ("Acme", "2026-11-01", "")


def test_a_company_list_may_say_everything(tmp_path: Path) -> None:
    text = company(
        {
            "name": "Acme",
            "aliases": "ACM; Bolt",
            "identifiers": "LEI1",
            "programme": "do not buy",
            "start": "2026-01-26",
            "end": "2999-01-01",
            "note": "ask Legal",
        }
    )
    (entry,) = entries_of(tmp_path, "company_csv", text)
    assert (entry.aliases, entry.identifiers) == (("ACM", "Bolt"), ("LEI1",))
    assert (entry.program, entry.edition) == ("do not buy", "2026-01-26")
    assert entry.end == dt.date(2999, 1, 1)


def test_an_end_before_the_start_is_refused(tmp_path: Path) -> None:
    text = company({"name": "Acme", "start": "2026-01-26", "end": "2025-01-01"})
    with pytest.raises(FactError, match="list:2: end 2025-01-01 lies before start"):
        entries_of(tmp_path, "company_csv", text)


def test_a_long_screening_list_is_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "csl.csv"
    path.write_text(csl_of([f"Northern Lamp Works No. {number}" for number in range(20_000)]))
    began = time.process_time()
    assert len(read("csl_csv", path, "us-csl")) == 20_000
    assert time.process_time() - began < 4  # 60,000 full rows take 3.6 s on two busy cores
