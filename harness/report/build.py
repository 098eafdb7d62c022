"""Join the sweeps and write every file of a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.config.judge import JudgeConfig
from harness.report import markdown, tables
from harness.report.join import join_all
from harness.report.page import write as page
from harness.report.workbook import write as workbook


@dataclass(frozen=True)
class Written:
    """Where the report lies, and the lines for the terminal."""

    html: Path
    console: str


def write(sweeps: Sequence[Path], judges: Sequence[JudgeConfig], out: Path) -> Written:
    """Write summary.csv, .parquet, .md and .xlsx and report.html into `out`, for each buyer.

    The judges differ in their buyer only; the first one's is the main one.
    """
    joined = join_all(sweeps, judges)
    out.mkdir(parents=True, exist_ok=True)
    tables.write_csv(joined, out / "summary.csv")
    tables.write_parquet(joined, out / "summary.parquet")
    markdown.write_markdown(joined, out / "summary.md")
    workbook.write_xlsx(joined, out / "summary.xlsx")
    page.write_html(joined, out / "report.html")
    return Written(out / "report.html", tables.console(joined[0]))
