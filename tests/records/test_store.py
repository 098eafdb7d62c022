"""harness.records.store: a folder with a cell id for a name is never half a record."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import FactError
from harness.records import store
from tests.builders import cell, failed_cell, write_sweep

ID = "tiny-chat-000000000001"


def test_a_committed_cell_reads_back_equal(tmp_path: Path) -> None:
    made = cell(ID)

    folder = store.commit(store.begin(tmp_path, ID), made)

    assert folder == tmp_path / ID
    assert store.read(folder) == made


def test_a_cell_that_runs_is_not_listed_and_is_due(tmp_path: Path) -> None:
    store.begin(tmp_path, ID)

    assert list(store.cells(tmp_path)) == []
    assert store.status(tmp_path, ID) == "due"


@pytest.mark.parametrize(("made", "status"), [(cell(ID), "done"), (failed_cell(ID), "failed")])
def test_a_recorded_status_is_told(tmp_path: Path, made: Any, status: str) -> None:
    assert store.status(write_sweep(tmp_path, made), ID) == status


def test_a_cell_never_started_is_due(tmp_path: Path) -> None:
    assert store.status(tmp_path / "nowhere", ID) == "due"


def test_what_an_earlier_attempt_left_is_kept(tmp_path: Path) -> None:
    crashed = store.begin(tmp_path, ID)
    (crashed / "requests.parquet").write_text("first")
    store.commit(store.begin(tmp_path, ID), failed_cell(ID))
    store.commit(store.begin(tmp_path, ID), cell(ID))

    attempts = sorted(path.name for path in (tmp_path / "attempts").iterdir())

    assert attempts == [f"{ID}-1", f"{ID}-2"]
    assert (tmp_path / "attempts" / f"{ID}-1" / "requests.parquet").read_text() == "first"
    assert store.read(tmp_path / "attempts" / f"{ID}-2").status == "failed"
    assert store.status(tmp_path, ID) == "done"


def test_a_new_attempt_starts_in_an_empty_folder(tmp_path: Path) -> None:
    (store.begin(tmp_path, ID) / "old.txt").write_text("x")

    assert list(store.begin(tmp_path, ID).iterdir()) == []


def test_cells_come_in_order_of_their_ids_without_attempts(tmp_path: Path) -> None:
    write_sweep(tmp_path, cell("b-x-1"), cell("a-x-1"), cell("c-x-1"), cell("b-x-1"))

    assert [found.cell_id for _, found in store.cells(tmp_path)] == ["a-x-1", "b-x-1", "c-x-1"]


def edit(folder: Path, **changes: Any) -> Path:
    path = folder / store.CELL_FILE
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    return path


def test_a_record_of_another_schema_version_is_refused_by_its_number(tmp_path: Path) -> None:
    path = edit(write_sweep(tmp_path, cell(ID)) / ID, schema_version=99)

    with pytest.raises(FactError, match="schema version 99, this harness reads 2") as caught:
        store.read(path.parent)

    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 1}'])
def test_a_broken_record_is_one_line_with_its_file(tmp_path: Path, text: str) -> None:
    folder = write_sweep(tmp_path, cell(ID)) / ID
    (folder / store.CELL_FILE).write_text(text)

    with pytest.raises(FactError) as caught:
        store.read(folder)

    [line] = str(caught.value).splitlines()
    assert line.startswith(f"{folder / store.CELL_FILE}: ")


@pytest.mark.parametrize("change", [{"mood": "good"}, {"status": "fine"}, {"cpu_only": "yes"}])
def test_a_record_that_breaks_the_schema_is_refused(tmp_path: Path, change: Any) -> None:
    path = edit(write_sweep(tmp_path, cell(ID)) / ID, **change)

    with pytest.raises(FactError, match="not a cell record"):
        store.read(path.parent)


def test_a_folder_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"no cell\.json there"):
        store.read(tmp_path)


def test_text_is_written_whole_readable_by_all_and_nothing_is_left_beside_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "a.txt"

    store.write_text(path, "模型\n")

    assert path.read_text("utf-8") == "模型\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    store.write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        store.write_text(path, "new")

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_table_reads_back_with_lists_and_missing_values(tmp_path: Path) -> None:
    rows = [{"n": 1, "times": [0.5, 1.0], "error": None}, {"n": 2, "times": [], "error": "cut"}]

    store.write_table(tmp_path / "rows.parquet", rows)

    found = pd.read_parquet(tmp_path / "rows.parquet")
    assert [list(times) for times in found["times"]] == [[0.5, 1.0], []]
    assert found["error"].isna().tolist() == [True, False]
    assert os.listdir(tmp_path) == ["rows.parquet"]


def test_no_rows_make_no_table(tmp_path: Path) -> None:
    store.write_table(tmp_path / "rows.parquet", [])

    assert not (tmp_path / "rows.parquet").exists()
