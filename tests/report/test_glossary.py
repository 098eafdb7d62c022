"""harness.report.glossary: the definitions are those of docs/metrics.md."""

import subprocess
import sys
from pathlib import Path

from harness.report.columns import COLUMNS
from harness.report.glossary import glossary

ROOT = Path(__file__).parents[2]


def test_the_packaged_definitions_are_what_the_metrics_page_gives() -> None:
    script = ROOT / "scripts" / "make_glossary"
    done = subprocess.run([sys.executable, str(script), "--check"], check=False)
    assert done.returncode == 0, "run scripts/make_glossary"


def test_every_column_has_a_meaning_and_a_link_in_a_formula_is_spelled_out() -> None:
    found = glossary()

    assert [column.key for column in COLUMNS if not found.columns[column.key].meaning] == []
    bill = found.columns["bill_usd_per_mtok_total"].formula
    assert bill.startswith("bill per million tokens = seconds of the window x USD per second")
    assert not any("](" in each.formula for each in found.columns.values())
    assert found.reasons["void"].startswith("something was measured")
