"""What is known of each list before a row of it is read: issuer, format, address, and its gaps."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from harness.errors import FactError
from harness.fields import Frozen
from harness.risk.load import shipped_folder


class ListInfo(Frozen):
    """One list of the catalogue."""

    title: str = Field(min_length=2)
    issuer: str = Field(min_length=2)
    format: str = Field(description="Key of a reader")
    address: str | None = Field(description="Where `fetch` gets it; None: there is no file to get")
    contains_not: str = Field(
        min_length=10, description="What a clean result on this list says nothing about"
    )
    terms: str = Field(min_length=4, description="Licence of the data")
    columns_read: str = Field(min_length=4, description="Where its columns were read, and when")


def folder() -> Path:
    """Where the catalogue and the shipped snapshots lie."""
    return shipped_folder() / "lists"


@cache
def catalogue() -> Mapping[str, ListInfo]:
    """All lists by key. Raises FactError with the key for an entry that does not hold."""
    path = folder() / "catalogue.yaml"
    found = {}
    for key, body in yaml.safe_load(path.read_text("utf-8")).items():
        try:
            found[key] = ListInfo.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise FactError(f"{path}: {key}: {where}: {first['msg']}") from error
    return found


def silent_about(list_keys: Iterable[str]) -> tuple[str, ...]:
    """One line per list: what it does not contain. Belongs beside every clean result.

    A list outside the catalogue is somebody's own, of which nothing is known but its rows.
    """
    known = catalogue()
    return tuple(
        f"{key} ({known[key].title}) does not contain {known[key].contains_not}"
        if key in known
        else f"{key} (a list of your own) speaks of its own entries and of nothing else"
        for key in dict.fromkeys(list_keys)
    )
