"""Snapshots: each load of a list, dated and hashed, kept beside those before it.

`<store>/<list key>/<edition>-<first 12 of the SHA-256>/` holds the file as it came and `meta.json`.
The store is `HARNESS_LISTS`, or the user's own data folder. Small snapshots ship with the package
in the same layout and stand in where the store has nothing newer.
"""

import datetime as dt
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import platformdirs
from pydantic import Field, ValidationError

from harness.errors import FactError
from harness.fetch import sha256_file, staged
from harness.fields import Frozen
from harness.risk.lists.catalogue import catalogue, folder, silent_about
from harness.risk.lists.changes import Changes, changes
from harness.risk.lists.entry import Entry
from harness.risk.lists.readers import FORMATS, Keeps, read

__all__ = [
    "Changes",
    "Meta",
    "Snapshot",
    "add",
    "all_latest",
    "changes",
    "history",
    "in_force",
    "latest",
    "silent_about",
    "store",
]

_KEY = re.compile(r"[a-z0-9][a-z0-9-]*")


class Meta(Frozen):
    """What `meta.json` says of a snapshot's file."""

    list_key: str
    format: str
    edition: str = Field(description="ISO date: the newest in the file, or the one given")
    covers_from: str = Field(description="ISO date from which on the file can answer")
    source: str = Field(min_length=1, description="Address, or the file that it was added from")
    fetched_at: dt.datetime
    sha256: str
    bytes: int = Field(ge=0)
    rows: int = Field(ge=1, description="Rows of the file, those of past editions included")
    file: str = Field(min_length=1, description="Name of the file beside meta.json")
    shipped: bool = False
    note: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A file of a list, seen from a day. Its rows are read, and its hash checked, on first use."""

    meta: Meta
    folder: Path
    day: dt.date

    @property
    def list_key(self) -> str:
        """Which list."""
        return self.meta.list_key

    @property
    def shipped(self) -> bool:
        """Whether it came with the package instead of being fetched."""
        return self.meta.shipped

    @property
    def path(self) -> Path:
        """The file as it came."""
        return self.folder / self.meta.file

    @cached_property
    def all_entries(self) -> tuple[Entry, ...]:
        """All rows of the file. Raises FactError if its hash is not the one noted."""
        if not self.path.is_file() or sha256_file(self.path) != self.meta.sha256:
            raise FactError(
                f"{self.path}: is missing or not the file that was added (SHA-256 differs);"
                f" remove {self.folder} and fetch or add the list again"
            )
        return read(self.meta.format, self.path, self.meta.list_key, self.meta.edition)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The rows that hold on the day: those of its edition, or listed and not yet removed."""
        return in_force(self.all_entries, FORMATS[self.meta.format].keeps, self.day)

    @property
    def rows(self) -> int:
        """How many rows hold on the day."""
        return len(self.entries)

    @property
    def edition(self) -> str:
        """The edition in force on the day, as an ISO date."""
        if self.meta.edition <= self.day.isoformat():
            return self.meta.edition
        return max((entry.edition for entry in self.entries), default=self.meta.covers_from)


def store() -> Path:
    """`HARNESS_LISTS`, or `lists` in the user's own data folder. It need not exist."""
    named = os.environ.get("HARNESS_LISTS")
    return Path(named) if named else platformdirs.user_data_path("harness") / "lists"


def latest(list_key: str, as_of: dt.date | None = None) -> Snapshot | None:
    """The newest snapshot that can answer for the day, or None. Default: today.

    Newest by edition, then by the time it was fetched; a shipped one yields to a fetched one of
    the same edition. A file whose edition is newer than the day answers only if it also holds the
    earlier ones and no older file is at hand.
    """
    day = as_of or dt.date.today()
    held = [each for each in _held(list_key, day) if each.meta.covers_from <= day.isoformat()]
    return max(held, key=_rank, default=None)


def all_latest(as_of: dt.date | None = None) -> tuple[Snapshot, ...]:
    """`latest` of every list at hand, by key; what cannot answer for the day is left out."""
    keys = {
        path.name
        for root in (folder(), store())
        if root.is_dir()
        for path in root.iterdir()
        if path.is_dir() and _KEY.fullmatch(path.name)
    }
    found = (latest(key, as_of) for key in sorted(keys))
    return tuple(each for each in found if each)


def history(list_key: str) -> tuple[Snapshot, ...]:
    """All snapshots of a list, oldest edition first."""
    return tuple(sorted(_held(list_key, dt.date.today()), key=_rank))


def add(
    source: Path | bytes,
    list_key: str,
    *,
    format: str | None = None,
    edition: str | None = None,
    address: str | None = None,
    confirm_shrink: bool = False,
) -> Snapshot:
    """Keep a file as the newest snapshot of its list; returns it as of today.

    `format`: default that of the catalogue. `edition`: see `readers.read`. `address`: where the
    file came from; default: its path. The same bytes as in the newest snapshot add nothing.

    Raises FactError, and leaves the snapshot before in force, for a file that the reader refuses
    and for one with fewer than half the rows in force unless `confirm_shrink`: a broken download
    must not clear anybody.
    """
    if not _KEY.fullmatch(list_key):
        raise FactError(f"list key {list_key!r}: use small letters, digits and hyphens")
    format = format or _format_of(list_key)
    if isinstance(source, bytes):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "list"
            path.write_bytes(source)
            return _add(
                path, list_key, format, edition, address or "bytes", list_key, confirm_shrink
            )
    source = Path(source)
    return _add(
        source, list_key, format, edition, address or str(source), source.name, confirm_shrink
    )


def _format_of(list_key: str) -> str:
    known = catalogue()
    if list_key not in known:
        raise FactError(
            f"no list {list_key!r} in the catalogue ({', '.join(known)}); for a list of your own"
            f" name its format, one of {', '.join(FORMATS)}"
        )
    return known[list_key].format


def _add(
    path: Path,
    list_key: str,
    format: str,
    edition: str | None,
    source: str,
    file: str,
    confirm_shrink: bool,
) -> Snapshot:
    today = dt.date.today()
    entries = read(format, path, list_key, edition, label=source)
    newest = edition or max(entry.edition for entry in entries)
    meta = Meta(
        list_key=list_key,
        format=format,
        edition=newest,
        covers_from=min(entry.edition for entry in entries),
        source=source,
        fetched_at=dt.datetime.now(dt.UTC),
        sha256=sha256_file(path),
        bytes=path.stat().st_size,
        rows=len(entries),
        file=file,
    )
    before = latest(list_key, today)
    if before and before.meta.sha256 == meta.sha256:
        return before
    if before and not confirm_shrink:
        held = in_force(entries, FORMATS[format].keeps, today)
        _refuse_shrunk(source, before, len(held))
    target = store() / list_key / f"{newest}-{meta.sha256[:12]}"
    if target.exists():  # it was in force once and is again: only the time is new
        meta = meta.model_copy(update={"file": _meta(target / "meta.json").file})
        renewed = target / ".meta.json"
        renewed.write_text(meta.model_dump_json(indent=1), encoding="utf-8")
        renewed.replace(target / "meta.json")
    with staged(target) as work:
        shutil.copyfile(path, work / file)
        (work / "meta.json").write_text(meta.model_dump_json(indent=1), encoding="utf-8")
    return Snapshot(meta, target, today)


def _refuse_shrunk(source: str, before: Snapshot, rows: int) -> None:
    if 2 * rows < before.rows:
        raise FactError(
            f"{source}: {rows:,} rows in force, the snapshot of {before.edition} has"
            f" {before.rows:,}; less than half looks like a broken download, so that snapshot stays"
            " in force; if the list did shrink, repeat with --confirm-shrink"
        )


def in_force(entries: Sequence[Entry], keeps: Keeps, day: dt.date) -> tuple[Entry, ...]:
    """The entries that hold on a day; see `readers.Format` for `keeps`."""
    if keeps == "whole":
        return tuple(entries)
    begun = [entry for entry in entries if entry.start is None or entry.start <= day]
    if keeps == "editions":
        begun = _since_last_complete(begun)
    return tuple(entry for entry in begun if entry.end is None or entry.end > day)


def _since_last_complete(entries: Sequence[Entry]) -> list[Entry]:
    """Rows of the last edition that prints the whole list, and of those after it.

    The table of Section 1260H does not close rows when a later edition prints the whole list
    again, and before 2025 has only what each edition added. An edition counts as whole if it
    prints at least half of the names then in force; a smaller one adds to what there is.
    """
    held: list[Entry] = []
    for edition in sorted({entry.edition for entry in entries}):
        printed = [entry for entry in entries if entry.edition == edition]
        names = {name for entry in printed for name in _names(entry)}
        first = dt.date.fromisoformat(edition)
        before = [entry for entry in held if entry.end is None or entry.end > first]
        again = [entry for entry in before if not names.isdisjoint(_names(entry))]
        held = printed if 2 * len(again) >= len(before) else held + printed
    return held


def _names(entry: Entry) -> set[str]:
    return {name.casefold() for name in (entry.name, *entry.aliases)}


def _rank(snapshot: Snapshot) -> tuple[bool, str, bool, dt.datetime]:
    meta = snapshot.meta
    past = meta.edition <= snapshot.day.isoformat()
    return past, meta.edition, not meta.shipped, meta.fetched_at


def _held(list_key: str, day: dt.date) -> Iterator[Snapshot]:
    for root in (folder(), store()):
        for place in sorted((root / list_key).glob("[!.]*/")):
            if place.is_dir():
                yield Snapshot(_meta(place / "meta.json"), place, day)


def _meta(path: Path) -> Meta:
    try:
        return Meta.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FactError(
            f"{path}: cannot be read ({error}); remove its folder, then fetch the list again"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "file"
        raise FactError(
            f"{path}: {key}: {first['msg']}; remove its folder, then fetch the list again"
        ) from error
