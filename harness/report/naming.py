"""What a judgement of risk is of, and what to call it where names alone do not tell."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.config.workload import Content
from harness.report.rows import Row, is_endpoint


class Use(NamedTuple):
    """One model, as configured, in one way of use."""

    model: str  # the configuration's name: two of one repo are two
    repo: str
    way: str  # of use, by the buyer
    served: str  # by whom
    facts: str  # the entry of the registry; a repo may have one for each of its revisions


class Kind(NamedTuple):
    """What shares a judgement: a use, for one content of the workload."""

    use: Use
    content: Content


def use_of(row: Row) -> Use:
    """A row's. The uses of two buyers differ in their ways only, and stand in the same order."""
    return Use(
        row.text("model"),
        row.text("model_key"),
        row.text("deployment"),
        "an API" if is_endpoint(row.cell) else "a machine",
        row.judged.assessment.model if row.judged else "not assessed",
    )


def content_of(row: Row) -> Content:
    """What the requests are about; records from before it was asked are of chat."""
    found: Content = row.cell.config["workload"].get("content", "chat")
    return found


def called(rows: Iterable[Row]) -> dict[Use, str]:
    """What to call each use: the model, and what tells it from others of that name."""
    uses = list(dict.fromkeys(map(use_of, rows)))
    alike: dict[str, list[Use]] = {}
    for use in uses:
        alike.setdefault(use.model, []).append(use)
    return {use: _told(use, alike[use.model]) for use in uses}


def _told(use: Use, alike: Sequence[Use]) -> str:
    kept: list[int] = []
    for place in range(1, len(use)):
        if len({tuple(other[k] for k in kept) for other in alike}) == len(alike):
            break
        if len({other[place] for other in alike}) > 1:
            kept.append(place)
    return f"{use.model} ({', '.join(use[k] for k in kept)})" if kept else use.model


def kinds(rows: Iterable[Row]) -> dict[Kind, Row]:
    """The first row of each, of the rows that are assessed."""
    found: dict[Kind, Row] = {}
    for row in rows:
        if row.judged is not None:
            found.setdefault(Kind(use_of(row), content_of(row)), row)
    return found


def kinds_called(rows: Sequence[Row]) -> dict[Kind, str]:
    """What to call each kind: its use, and the content where the use has several."""
    names, found = called(rows), kinds(rows)
    contents: dict[Use, int] = {}
    for kind in found:
        contents[kind.use] = contents.get(kind.use, 0) + 1
    return {
        kind: f"{names[kind.use]}, {kind.content}" if contents[kind.use] > 1 else names[kind.use]
        for kind in found
    }
