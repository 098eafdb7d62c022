"""Parties, entries and rulings for the tests of screening."""

import datetime as dt
from typing import Any

from harness.risk.lists.entry import Entry
from harness.risk.registry import Identifier, Name, Owner, Party, Registry
from harness.risk.screening.rulings import Ruling
from tests.risk import making


def party(
    key: str,
    *names: str,
    kind: Any = "legal",
    ticker: str | None = None,
    owners: tuple[Owner, ...] = (),
) -> Party:
    """A party with names of one kind."""
    about = making.fact().model_dump(exclude={"value"})
    return making.party(
        key,
        names=tuple(Name(value=name, kind=kind, **about) for name in names),
        identifiers=(Identifier(value=ticker, kind="lei", **about),) if ticker else (),
        owners=owners,
    )


def registry(*parties: Party) -> Registry:
    """These parties, and a model of the first."""
    return making.registry(making.model(maker=parties[0].key), parties=parties)


def entry(name: str, *aliases: str, **changes: Any) -> Entry:
    """A row of a list."""
    given: dict[str, Any] = {
        "list_key": "us-1260h",
        "edition": "2026-06-08",
        "program": "",
        "row": 2,
        "name": name,
        "aliases": aliases,
    }
    return Entry(**given | changes)


def ruling(of: Entry, party: str, said: str = "not_same", **changes: Any) -> Ruling:
    """A decision on that entry as it reads now."""
    given: dict[str, Any] = {
        "list_key": of.list_key,
        "entry": of.name,
        "entry_text_sha256": of.text_sha256,
        "party": party,
        "ruling": said,
        "by": "a tester",
        "on": dt.date(2026, 11, 25),
        "why": "made up for tests",
    }
    return Ruling(**given | changes)
