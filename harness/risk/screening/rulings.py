"""What a person decided about a proposed match: same or not the same, who, when and why.

A ruling holds for one text of one entry. When the list changes the text, someone looks again.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from harness.errors import FactError
from harness.fields import Frozen
from harness.risk.lists.entry import Entry
from harness.risk.load import shipped_folder

FILE_NAME = "rulings.yaml"


class Ruling(Frozen):
    """One decision on one entry and one party."""

    list_key: str = Field(min_length=2)
    entry: str = Field(min_length=1, description="Name as printed")
    entry_text_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Entry.text_sha256")
    party: str = Field(pattern=r"^[a-z0-9_]+$", description="Registry key")
    ruling: Literal["same", "not_same"]
    by: str = Field(min_length=2, description="Who ruled")
    on: dt.date
    why: str = Field(min_length=8)

    def about(self, entry: Entry, party: str | None) -> bool:
        """Whether it is about this entry, whatever its text now, and this party."""
        return (self.list_key, self.entry, self.party) == (entry.list_key, entry.name, party)

    def read(self, entry: Entry) -> bool:
        """Whether it was made on this very text."""
        return self.entry_text_sha256 == entry.text_sha256


class Changed(Frozen):
    """A ruling whose text is no longer in its list."""

    ruling: Ruling
    state: Literal["changed", "gone"]

    @property
    def text(self) -> str:
        """One line with the fix."""
        rule = self.ruling
        what = "has another text now" if self.state == "changed" else "is gone from the list"
        fix = "rule again and give its hash" if self.state == "changed" else "remove the ruling"
        return f"{rule.list_key}: {rule.entry!r} {what}; it was ruled {rule.ruling} for" + (
            f" {rule.party} on {rule.on}; {fix}"
        )


def load_rulings(further: Sequence[Path] = ()) -> tuple[Ruling, ...]:
    """The shipped rulings, with those in a company's own folders over them.

    A folder need not hold any. Raises FactError with file and line for a malformed or repeated one.
    """
    found: dict[tuple[str, str, str], Ruling] = {}
    for folder in (shipped_folder(), *further):
        found |= _read(folder / FILE_NAME)
    return tuple(found.values())


def changed(rulings: Iterable[Ruling], entries: Iterable[Entry]) -> tuple[Changed, ...]:
    """Rulings whose entry has another text now, or none; of the lists that `entries` come from.

    Give the entries of the editions in use: a row of an older edition keeps a ruling alive.
    """
    texts: dict[tuple[str, str], set[str]] = {}
    lists: set[str] = set()
    rulings = tuple(rulings)
    wanted = {(ruling.list_key, ruling.entry) for ruling in rulings}
    for entry in entries:
        lists.add(entry.list_key)
        at = (entry.list_key, entry.name)
        if at in wanted:  # hashing all entries of a large list would take seconds
            texts.setdefault(at, set()).add(entry.text_sha256)
    found = []
    for ruling in rulings:
        known = texts.get((ruling.list_key, ruling.entry), set())
        if ruling.list_key in lists and ruling.entry_text_sha256 not in known:
            found.append(Changed(ruling=ruling, state="changed" if known else "gone"))
    return tuple(found)


def _read(path: Path) -> dict[tuple[str, str, str], Ruling]:
    if not path.exists():
        return {}
    try:
        node = yaml.compose(path.read_text("utf-8"), yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        raise FactError(f"{path}: not UTF-8: {error}") from error
    except yaml.YAMLError as error:
        raise FactError(f"{path}: {' '.join(str(error).split())}") from error
    if node is None:
        return {}
    if not isinstance(node, yaml.SequenceNode):
        raise FactError(f"{path}:{node.start_mark.line + 1}: expected a list of rulings")
    found: dict[tuple[str, str, str], Ruling] = {}
    for item in node.value:
        where = f"{path}:{item.start_mark.line + 1}"
        ruling = _ruling(item, where, path)
        at = (ruling.list_key, ruling.entry_text_sha256, ruling.party)
        if at in found:
            raise FactError(f"{where}: {ruling.entry!r} and {ruling.party} are ruled on twice")
        found[at] = ruling
    return found


def _ruling(item: yaml.Node, where: str, path: Path) -> Ruling:
    if not isinstance(item, yaml.MappingNode):
        raise FactError(f"{where}: expected a ruling with list_key, entry, party, ruling ...")
    lines = {name.value: name.start_mark.line + 1 for name, _ in item.value}
    body = {name.value: value.value for name, value in item.value}
    if len(body) < len(item.value):
        raise FactError(f"{where}: a key of this ruling is given twice")
    try:
        ruling = Ruling.model_validate_strings(body)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "ruling"
        at = f"{path}:{lines[name]}" if name in lines else where
        raise FactError(f"{at}: {name}: {first['msg']}") from error
    if ruling.on > dt.date.today():
        raise FactError(f"{path}:{lines['on']}: on: {ruling.on} is in the future")
    return ruling
