"""Bad input: one clear line that names file and line, whatever the format."""

from pathlib import Path

import pytest

from harness.errors import FactError
from harness.risk.lists.readers import CSL_COLUMNS, read
from tests.risk.lists.making import company, csl, csl_of, fcc

GOOD = csl_of(["Northern Lamp Works", "Quiet River Optics"])


def refused(
    tmp_path: Path, content: str | bytes, format: str = "csl_csv", edition: str | None = None
) -> str:
    """The error of a file, without the folder in front; one line always."""
    path = tmp_path / "list.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(FactError) as error:
        read(format, path, "a-list", edition)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{tmp_path}/")
    return message.removeprefix(f"{tmp_path}/")


def test_an_unknown_column_is_named_with_those_of_the_format(tmp_path: Path) -> None:
    message = refused(tmp_path, GOOD.replace("alt_names", "other_names"))
    assert message.startswith("list.csv:1: unknown column 'other_names'")
    assert "alt_names" in message


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    without = "\n".join(line.rsplit(",", 1)[0] for line in GOOD.splitlines())
    assert refused(tmp_path, without) == "list.csv:1: no column ids"


def test_a_column_given_twice_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, "name,name\nAcme,Acme\n", "company_csv")
    assert message == "list.csv:1: column 'name' given twice"


def test_a_last_row_that_is_cut_off_says_so_with_its_line(tmp_path: Path) -> None:
    message = refused(tmp_path, GOOD[: GOOD.rindex("Quiet") + 5])
    assert message.startswith("list.csv:3: 6 cells for 29 columns; the download looks cut off")


def test_a_quotation_that_never_ends_is_a_cut_download(tmp_path: Path) -> None:
    cut = GOOD + 'id-9,"Entity List (EL) - Bureau'
    assert refused(tmp_path, cut).startswith("list.csv:4: ends inside a quotation; the download")


def test_a_short_row_in_the_middle_is_no_cut_download(tmp_path: Path) -> None:
    message = refused(tmp_path, "name,note\nAcme\nBolt,x\n", "company_csv")
    assert message == "list.csv:2: 1 cells for 2 columns"


def test_the_line_of_a_row_counts_line_breaks_inside_earlier_cells(tmp_path: Path) -> None:
    text = company({"name": "Acme", "note": "two\nlines"}, {"name": ""})
    assert refused(tmp_path, text, "company_csv") == "list.csv:4: row without a name"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_is_named_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    message = refused(tmp_path, GOOD.encode(encoding))
    assert message == "list.csv:1: is UTF-16; save it as UTF-8"


def test_latin_1_is_refused_at_the_line_of_the_first_such_byte(tmp_path: Path) -> None:
    content = csl_of(["Northern Lamp Works", "Société du Lac"]).encode("latin-1")
    assert refused(tmp_path, content).startswith("list.csv:3: byte 0xe9 is not UTF-8 (Latin-1?)")


def test_the_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_first_column(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b"\xef\xbb\xbfname\r\nAcme\r\n")
    assert [entry.name for entry in read("company_csv", path, "own")] == ["Acme"]


@pytest.mark.parametrize(
    ("format", "row", "told"),
    [
        ("csl_csv", csl({"_id": "7", "name": "A"}, {"_id": "7", "name": "B"}), "_id '7'"),
        ("company_csv", company({"name": "A"}, {"name": "a"}), "name, programme and start 'a'"),
    ],
)
def test_what_stands_twice_is_refused_with_both_lines(
    tmp_path: Path, format: str, row: str, told: str
) -> None:
    assert refused(tmp_path, row, format) == f"list.csv:3: {told} given twice, first in line 2"


def test_one_number_in_two_lists_of_the_treasury_is_no_duplicate(tmp_path: Path) -> None:
    path = tmp_path / "csl.csv"
    path.write_text(
        csl(
            {"_id": "7", "name": "A", "source": "Foreign Sanctions Evaders (FSE)"},
            {"_id": "7", "name": "A", "source": "Specially Designated Nationals (SDN)"},
        )
    )
    assert len(read("csl_csv", path, "us-csl")) == 2


def test_a_date_in_the_future_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, csl({"name": "A", "start_date": "2999-01-01"}))
    assert message == "list.csv:2: start_date 2999-01-01 is in the future"
    message = refused(tmp_path, fcc(("Lamps.", "January 1, 2999")), "fcc_covered_csv")
    assert message.endswith("2999-01-01 is in the future")
    assert refused(tmp_path, GOOD, edition="2999-01-01").startswith("list.csv: edition 2999-01-01")


def test_an_end_in_the_future_is_how_a_denial_order_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "csl.csv"
    path.write_text(csl({"name": "A", "start_date": "2002-03-04", "end_date": "2056-06-29"}))
    assert str(read("csl_csv", path, "us-csl")[0].end) == "2056-06-29"


def test_what_is_no_iso_date_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, csl({"name": "A", "start_date": "3/4/2002"}))
    assert message == "list.csv:2: start_date '3/4/2002' is no date; write YYYY-MM-DD"


@pytest.mark.parametrize("content", [b"", b"  \n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refused(tmp_path, content).startswith("list.csv: is empty")


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, ",".join(CSL_COLUMNS) + "\n")
    assert message.startswith("list.csv: has a header and no rows")


def test_a_web_page_in_place_of_a_list_is_called_one(tmp_path: Path) -> None:
    message = refused(tmp_path, "<!DOCTYPE html><html><body>Maintenance</body></html>")
    assert message == "list.csv:1: is a web page or XML, not a list; check the address"


def test_an_unknown_format_names_those_there_are(tmp_path: Path) -> None:
    message = refused(tmp_path, GOOD, "excel")
    assert "no reader for format 'excel'; known: csl_csv" in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"none\.csv: no such file"):
        read("csl_csv", tmp_path / "none.csv", "us-csl")
