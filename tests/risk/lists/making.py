"""Small lists of invented companies in the published formats."""

import csv
import io
from collections.abc import Sequence

from harness.risk.lists.readers import (
    COMPANY_COLUMNS,
    CSL_COLUMNS,
    DOD_1260H_COLUMNS,
    FCC_COLUMNS,
    OPENSANCTIONS_COLUMNS,
)

ENTITY_LIST = "Entity List (EL) - Bureau of Industry and Security"


def table(columns: Sequence[str], *rows: dict[str, str]) -> str:
    """CSV text; cells that a row does not name stay empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def csl(*rows: dict[str, str]) -> str:
    """The Consolidated Screening List; without `source` a row is of the Entity List."""
    return table(CSL_COLUMNS, *({"source": ENTITY_LIST} | row for row in rows))


def csl_of(names: Sequence[str]) -> str:
    """Entity List rows with these names and nothing else."""
    return csl(*({"_id": f"id-{number}", "name": name} for number, name in enumerate(names)))


def dod(*rows: tuple[str, str, str]) -> str:
    """Section 1260H rows: name, start, end; the short name in brackets is left out of the clean."""
    made = (
        {"Name": name, "Clean Name": name.split(" (")[0], "Start date": start, "End date": end}
        for name, start, end in rows
    )
    return table(DOD_1260H_COLUMNS, *made)


def fcc(*rows: tuple[str, str]) -> str:
    """FCC rows: text, date as the FCC prints it."""
    return table(FCC_COLUMNS, *(dict(zip(FCC_COLUMNS, row, strict=True)) for row in rows))


def simple(*rows: dict[str, str]) -> str:
    """OpenSanctions' simple CSV, as of 2026-11-01."""
    columns = (*OPENSANCTIONS_COLUMNS[:11], "program_ids", *OPENSANCTIONS_COLUMNS[11:])
    return table(columns, *({"last_seen": "2026-11-01T06:00:00"} | row for row in rows))


def company(*rows: dict[str, str]) -> str:
    """A company's own list with all columns."""
    return table(("name", *COMPANY_COLUMNS), *rows)
