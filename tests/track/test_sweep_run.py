from pathlib import Path

import pandas as pd
import pytest

from harness.errors import FactError
from harness.report.columns import COLUMNS
from harness.track import sweep_run
from tests.builders import cell
from tests.track.conftest import MEASURED, RETRIED, TRACKING, Offline, Tracked


def test_the_reports_run_belongs_to_the_group_of_its_cells(reported: Offline) -> None:
    run = reported.run
    assert (run.run_group, run.job_type, run.display_name) == ("unit", "report", "report of unit")
    assert reported.config["buyers"] == ["us_private"]
    assert reported.exit_codes == [0]


def test_it_holds_the_joined_table_with_numbers_as_numbers_and_reasons_beside_them(
    reported: Offline,
) -> None:
    rows = {row["cell_id"]: row for row in reported.table("summary")}
    assert set(rows) == {MEASURED, RETRIED}
    assert {column.key for column in COLUMNS} <= set(rows[MEASURED])
    assert rows[MEASURED]["output_tok_per_s"] == 10.0
    assert rows[MEASURED]["accuracy_zh"] is None
    assert rows[MEASURED]["accuracy_zh_reason"].startswith("not measured")


def test_it_holds_the_page_as_it_is_without_styles_from_elsewhere(
    tracked: Tracked, reported: Offline
) -> None:
    [page] = (reported.folder / "files" / "media" / "html").glob("report_*.html")
    assert page.read_bytes() == (tracked.folder / "report.html").read_bytes()


def test_it_counts_the_cells_and_the_rows_it_shows(reported: Offline) -> None:
    found = reported.summary
    assert (found["cells"], found["cells_done"], found["cells_failed"]) == (2, 2, 0)
    assert (found["summary_rows_shown"], found["summary_rows_total"]) == (2, 2)


def test_the_reports_files_are_its_artifact(reported: Offline) -> None:
    [artifact] = [a for a in reported.artifacts.values() if a.type == "report"]
    assert {i.path for i in artifact.manifest.contents} == {"report.html", "summary.parquet"}


def test_a_sweep_without_a_report_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"no summary\.parquet and no report\.html; make"):
        sweep_run.log(tmp_path, TRACKING)


def test_the_joined_table_does_not_name_an_endpoints_host() -> None:
    address = "http://gpu-7.internal:8000"
    one = cell(config={"engine": {"kind": "endpoint", "base_url": address, "served_model": "m"}})
    frame = pd.DataFrame({"status": [f"failed in serve: {address} is gone", None], "n": [1.5, 2.0]})

    assert sweep_run._rows(frame, [one]) == [
        ["failed in serve: not recorded is gone", 1.5], [None, 2.0],
    ]  # fmt: skip
