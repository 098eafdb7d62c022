"""Dated, hashed copies of lists: shipped small ones, and a local store that only grows.

`<store>/<list key>/<edition>-<first 12 of sha256>/` holds the file as it came and meta.json.
"""

import datetime as dt
import functools
import os
import shutil
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import platformdirs
import yaml
from pydantic import Field, ValidationError

from harness import fetch
from harness.errors import FactError
from harness.fields import Frozen
from harness.risk.lists.entry import Entry
from harness.risk.lists.read import Format, read

LEAST_SHARE = 0.5  # of the last snapshot's rows; below it a download has to be confirmed


class Known(Frozen):
    """A list that the catalogue knows."""

    title: str
    issuer: str
    format: Format
    address: str | None = Field(description="None: it has no file to download")
    edition: str | None = Field(None, description="Fixed edition to read; None: day of download")
    contains_not: str = Field(description="What a clean result on it says nothing about")
    terms: str = Field(description="Terms of the data")


class Meta(Frozen):
    """What a snapshot is."""

    list_key: str
    format: Format
    edition: str
    source: str
    taken_on: dt.date
    sha256: str
    rows: int
    shipped: bool = False
    note: str = ""


class Snapshot:
    """One copy of a list; its entries are read and checked against the hash when asked for."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self.folder, self.meta = folder, meta

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Raises FactError where the file is not the one that was hashed."""
        path = _file(self.folder)
        if fetch.sha256_file(path) != self.meta.sha256:
            raise FactError(f"{path}: not the file that was kept (sha256 differs); fetch it again")
        return read(self.meta.format, path, self.meta.list_key, self.meta.edition)


def catalogue() -> dict[str, Known]:
    """The lists that have a name here."""
    path = _shipped().joinpath("catalogue.yaml")
    raw = yaml.safe_load(path.read_text("utf-8"))
    return {key: Known.model_validate(body) for key, body in raw.items()}


def known(list_key: str) -> Known:
    """Raises FactError for a list that has no name here."""
    found = catalogue()
    if list_key not in found:
        raise FactError(f"{list_key}: no such list; known: {', '.join(found)}")
    return found[list_key]


def store() -> Path:
    """Where snapshots are kept: $HARNESS_LISTS, or the user's data folder."""
    own = os.environ.get("HARNESS_LISTS")
    return Path(own) if own else platformdirs.user_data_path("harness") / "lists"


def held(list_key: str) -> list[Snapshot]:
    """All snapshots of a list, shipped and kept, oldest edition first."""
    found = []
    for root in (_shipped(), store()):
        for path in sorted((root / list_key).glob("*/meta.json")):
            try:
                meta = Meta.model_validate_json(path.read_text("utf-8"))
            except ValidationError as error:
                raise FactError(f"{path}: {error.errors()[0]['msg']}") from error
            found.append(Snapshot(path.parent, meta))
    return sorted(found, key=lambda s: (s.meta.edition, s.meta.taken_on, not s.meta.shipped))


def latest(list_key: str, as_of: dt.date | None = None) -> Snapshot | None:
    """The newest edition up to that day; None where there is none."""
    fitting = [s for s in held(list_key) if as_of is None or s.meta.edition <= str(as_of)]
    return fitting[-1] if fitting else None


def all_latest(as_of: dt.date | None = None) -> list[Snapshot]:
    """The newest snapshot of every list that has one; a company's own lists included."""
    kept = [folder.name for folder in store().glob("*") if folder.is_dir()]
    keys = dict.fromkeys([*catalogue(), *sorted(kept)])
    return [found for key in keys if (found := latest(key, as_of))]


def add(
    path: Path,
    list_key: str,
    form: Format,
    edition: str,
    source: str,
    *,
    confirm_shrink: bool = False,
) -> Snapshot:
    """Keep a file as a snapshot; the same bytes again add nothing.

    Raises FactError for a file that does not read, and for one with less than half the rows of
    the last snapshot unless confirmed: a broken download must not clear anyone. What was there
    stays in force.
    """
    entries = read(form, path, list_key, edition)
    digest = fetch.sha256_file(path)
    before = latest(list_key)
    if before and before.meta.sha256 == digest:
        return before
    if before and len(entries) < LEAST_SHARE * before.meta.rows and not confirm_shrink:
        raise FactError(
            f"{path}: {len(entries)} rows where edition {before.meta.edition} had"
            f" {before.meta.rows}; that edition stays in force. If the list did shrink:"
            " --confirm-shrink"
        )
    meta = Meta(
        list_key=list_key,
        format=form,
        edition=edition,
        source=source,
        taken_on=dt.date.today(),
        sha256=digest,
        rows=len(entries),
    )
    folder = store() / list_key / f"{edition}-{digest[:12]}"
    with fetch.staged(folder) as work:
        shutil.copyfile(path, work / f"{list_key}{path.suffix}")
        (work / "meta.json").write_text(meta.model_dump_json(indent=1) + "\n", "utf-8")
    return Snapshot(folder, meta)


def silent_about(list_keys: Sequence[str]) -> tuple[str, ...]:
    """What the lists do not contain, a line each; shown beside every clean result."""
    found = catalogue()
    return tuple(
        f"{found[key].title}: says nothing about {found[key].contains_not}"
        for key in list_keys
        if key in found
    )


def changes(old: Sequence[Entry], new: Sequence[Entry]) -> tuple[set[str], set[str], set[str]]:
    """Names that were added, that are gone, and whose text is another."""
    before = {entry.name: entry.text_sha256 for entry in old}
    after = {entry.name: entry.text_sha256 for entry in new}
    both = before.keys() & after.keys()
    return (
        set(after) - set(before),
        set(before) - set(after),
        {name for name in both if before[name] != after[name]},
    )


def _file(folder: Path) -> Path:
    files = [path for path in folder.iterdir() if path.name != "meta.json"]
    if len(files) != 1:
        raise FactError(f"{folder}: expected one list beside meta.json, found {len(files)}")
    return files[0]


def _shipped() -> Path:
    return Path(str(resources.files("harness.risk").joinpath("data", "lists")))
