"""Join the sweeps and write every file of a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.config.judge import JudgeConfig
from harness.report import page, tables
from harness.report.join import join


@dataclass(frozen=True)
class Written:
    """Where the report lies, and the lines for the terminal."""

    html: Path
    console: str


def write(sweeps: Sequence[Path], judge: JudgeConfig, out: Path) -> Written:
    """Write summary.csv, summary.md, summary.xlsx and report.html into `out`."""
    table = join(sweeps, judge)
    out.mkdir(parents=True, exist_ok=True)
    tables.write_csv(table, out / "summary.csv")
    tables.write_markdown(table, out / "summary.md")
    tables.write_xlsx(table, out / "summary.xlsx")
    page.write_html(table, out / "report.html")
    return Written(out / "report.html", tables.console(table))
