"""Write a cell once, atomically; open, list, query.

A cell is written in `<sweep>/.running-<cell id>` and renamed to `<sweep>/<cell id>` when its
`cell.json` is complete, so a folder with a cell id for a name is never half a record. What an
earlier attempt left moves to `<sweep>/attempts/`: nothing measured is lost.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from harness.errors import FactError
from harness.records.schema import SCHEMA_VERSION, Cell

CELL_FILE = "cell.json"
_RUNNING = ".running-"


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, sync it, rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as Parquet under a temporary name, then rename; no file for no rows."""
    if not rows:
        return
    partial = path.with_name(f".{path.name}.partial")
    pd.DataFrame(rows).to_parquet(partial, index=False)
    os.replace(partial, path)


def begin(sweep_dir: Path, cell_id: str) -> Path:
    """A fresh working folder for one attempt; an earlier attempt's is kept under attempts/."""
    work = sweep_dir / f"{_RUNNING}{cell_id}"
    for leftover in (work, sweep_dir / cell_id):
        if leftover.exists():
            _keep_attempt(sweep_dir, cell_id, leftover)
    work.mkdir(parents=True)
    return work


def commit(work: Path, cell: Cell) -> Path:
    """Write `cell.json` and give the folder its final name."""
    write_text(work / CELL_FILE, cell.model_dump_json(indent=1) + "\n")
    final = work.with_name(cell.cell_id)
    work.rename(final)
    return final


def _keep_attempt(sweep_dir: Path, cell_id: str, folder: Path) -> None:
    attempts = sweep_dir / "attempts"
    attempts.mkdir(exist_ok=True)
    number = 1 + sum(1 for path in attempts.glob(f"{cell_id}-*"))
    folder.rename(attempts / f"{cell_id}-{number}")


def read(cell_dir: Path) -> Cell:
    """The record in a cell's folder. Raises FactError naming the file when it cannot be read."""
    path = cell_dir / CELL_FILE
    try:
        text = path.read_text("utf-8")
        cell = Cell.model_validate_json(text)
    except FileNotFoundError:
        raise FactError(f"{cell_dir}: no {CELL_FILE} there") from None
    except (ValueError, ValidationError) as error:
        _refuse_other_version(path, _version(path))
        raise FactError(f"{path}: not a cell record: {str(error).splitlines()[0]}") from error
    _refuse_other_version(path, cell.schema_version)
    return cell


def _version(path: Path) -> object:
    """The version that an unreadable record gives itself; ours where it gives none we can read."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except ValueError:
        return SCHEMA_VERSION
    return raw.get("schema_version", "none") if isinstance(raw, dict) else SCHEMA_VERSION


def _refuse_other_version(path: Path, version: object) -> None:
    if version != SCHEMA_VERSION:
        raise FactError(f"{path}: schema version {version}, this harness reads {SCHEMA_VERSION}")


def cells(sweep_dir: Path) -> Iterator[tuple[Path, Cell]]:
    """All complete records of a sweep, in order of cell id."""
    for path in sorted(sweep_dir.glob(f"[!.]*/{CELL_FILE}")):
        yield path.parent, read(path.parent)


def status(sweep_dir: Path, cell_id: str) -> str:
    """done, failed or interrupted as recorded; due when there is no record."""
    folder = sweep_dir / cell_id
    return read(folder).status if (folder / CELL_FILE).exists() else "due"
