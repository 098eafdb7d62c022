"""What one snapshot of a list says that another does not."""

from collections.abc import Iterable
from typing import NamedTuple

from harness.risk.lists.entry import Entry


class Changes(NamedTuple):
    """Entries that came, that went, and that say something else under the same name."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    changed: tuple[tuple[Entry, Entry], ...]  # as it was, as it is

    def lines(self) -> tuple[str, ...]:
        """One line a change, additions first."""
        return (
            *(f"+ {each.name}{_of(each)}" for each in self.added),
            *(f"- {each.name}{_of(each)}" for each in self.removed),
            *(f"~ {old.name}{_of(old)}: {_differs(old, new)}" for old, new in self.changed),
        )


def changes(old: Iterable[Entry], new: Iterable[Entry]) -> Changes:
    """Compare by name, without regard to case, order, row or edition.

    A name may stand in a list several times. Texts that both sides have cancel out; what is left
    under one name pairs up as changed, and the surplus was added or removed.
    """
    before, after = _by_name(old), _by_name(new)
    added: list[Entry] = []
    removed: list[Entry] = []
    changed: list[tuple[Entry, Entry]] = []
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name, {}), after.get(name, {})
        gone = [entry for text, entry in was.items() if text not in now]
        come = [entry for text, entry in now.items() if text not in was]
        pairs = min(len(gone), len(come))
        changed += zip(gone[:pairs], come[:pairs], strict=True)
        removed += gone[pairs:]
        added += come[pairs:]
    return Changes(tuple(added), tuple(removed), tuple(changed))


def _by_name(entries: Iterable[Entry]) -> dict[str, dict[str, Entry]]:
    """Name -> text -> entry."""
    found: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        found.setdefault(entry.name.casefold(), {}).setdefault(entry.text_sha256, entry)
    return found


def _of(entry: Entry) -> str:
    return f" ({entry.program})" if entry.program else ""


def _differs(old: Entry, new: Entry) -> str:
    told = []
    for field in ("name", "program", "parent"):
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            told.append(f"{field} {was or 'none'} -> {now or 'none'}")
    for field in ("aliases", "identifiers"):
        was, now = set(getattr(old, field)), set(getattr(new, field))
        told += [f"{field} -{each}" for each in sorted(was - now)]
        told += [f"{field} +{each}" for each in sorted(now - was)]
    return ", ".join(told)
