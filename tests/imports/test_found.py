"""What all readers share: files, numbers, percentiles."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import mlenergy
from harness.imports.found import expand, load_level, number, percentile, read, shape
from tests.imports.test_mlenergy import TASK


def test_packed_files_folders_and_patterns_are_found_each_once(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json.gz").write_bytes(gzip.compress(json.dumps(TASK).encode()))
    (folder / "b.json").write_text(json.dumps(TASK), "utf-8")
    (folder / "notes.md").write_text("not data", "utf-8")

    found = expand([str(folder), str(folder / "b*.json")])

    # the second is also named by the pattern
    assert {path.name: named for path, named in found.items()} == {
        "a.json.gz": False, "b.json": True,
    }  # fmt: skip
    assert mlenergy.read(read(folder / "a.json.gz"))[0].model == "openai/gpt-oss-20b"


def test_a_pattern_may_reach_into_folders(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "run.json"
    deep.parent.mkdir(parents=True)
    deep.write_text("{}", "utf-8")

    assert expand([str(tmp_path / "**" / "*.json")]) == {deep: True}


def test_a_name_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="no file there, and no pattern that fits one"):
        expand([str(tmp_path / "nothing*.json")])


def test_a_packed_file_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.json.gz"
    whole = gzip.compress(json.dumps(TASK).encode())
    for broken in (whole[:40], whole[:12] + b"\x00" * 30 + whole[42:]):
        path.write_bytes(broken)

        with pytest.raises(FactError, match="cannot be read"):
            read(path)


@pytest.mark.parametrize("value", [True, "3", [3], float("inf"), -1])
def test_what_is_no_number_of_a_measurement_is_refused(value: Any) -> None:
    with pytest.raises(FactError, match=r"^here: x: "):
        number({"x": value}, "x", "here")


def test_a_median_needs_no_least_sample_and_a_p99_needs_ours() -> None:
    assert percentile(0.2, 0.5, None, "x")[0] is not None
    assert percentile(0.2, 0.99, 662, "x")[0] is not None
    assert percentile(0.2, 0.99, 661, "x") == (
        None, "not measured: p99 needs 662 observations, the source has 661",
    )  # fmt: skip
    assert percentile(0.0, 0.5, 9, "x") == (
        None, "not measured: the source gives 0 for x, as it does without streaming",
    )  # fmt: skip
    assert percentile(None, 0.5, 9, "x") == (None, "not measured: the source gives no x")


def test_what_a_name_does_not_know_it_says() -> None:
    assert shape(None, 32.4) == "in-unknown-out-32"
    assert [load_level(8, None), load_level(8, 2.5), load_level(None, None)] == [
        "8 in flight", "2.5 requests/s", "all at once",
    ]  # fmt: skip
