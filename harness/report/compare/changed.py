"""What differs between two cells and between two ways of judging, by cause. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.config.judge import JudgeConfig
from harness.fields import Frozen
from harness.records.schema import Cell
from harness.report.rows import Row
from harness.risk.history import changes
from harness.risk.registry import Registry

AGAIN = "measured again"
OTHERS = "other rows of the sweep"  # a row's own record is the same: it is ranked among others
STATE = "outcome of the run"
EDITED = "record changed since"  # same settings, same start or source file, other content
FILES = "other files of the source"
_GROUPS = {
    "hardware": "hardware",
    "workload": "workload",
    "objectives": "workload",
    "model": "model settings",
    "engine": "engine settings",
}
_REVISION = ("model.source.", "model.key")
_IGNORED = ("sweep", "results_dir", "dry_run", "tracking", "report")
_MACHINE = ("cpu", "cores", "gpus", "memory_bytes", "driver")
_LABELS: Any = {
    "sweep": True, "config": True, "cell_id": True, "started_at": True, "ended_at": True,
    "origin": {"imported_at"},
}  # fmt: skip


class Change(Frozen):
    """One thing that is not the same on both sides."""

    cause: str
    what: str
    before: str
    after: str
    source: str = ""

    def line(self) -> str:
        """As a terminal shows it."""
        moved = f": {self.before} -> {self.after}" if self.before or self.after else ""
        return f"{self.cause}: {self.what}{moved}{f' ({self.source})' if self.source else ''}"


def of_records(a: Cell, b: Cell) -> list[Change]:
    """What differs between two records: machine, load, weights, engine, and that it ran again."""
    found = []
    for name, before, after in different(_settings(a), _settings(b)):
        top = name.partition(".")[0]
        cause = _GROUPS.get(top, "stages and seed")
        if name.startswith(_REVISION):
            cause = "model revision"
        found.append(Change(cause=cause, what=name, before=before, after=after))
    for name, before, after in different(_weights(a), _weights(b)):
        found.append(Change(cause="model revision", what=name, before=before, after=after))
    for name, before, after in different(_versions(a), _versions(b)):
        cause = "engine version" if "vllm" in name or name == "engine" else "software"
        found.append(Change(cause=cause, what=name, before=before, after=after))
    machines = ({k: each.environment.get(k) for k in _MACHINE} for each in (a, b))
    for name, before, after in different(*machines):
        found.append(Change(cause="hardware", what=name, before=before, after=after))
    found += _again(a, b)
    if not found and _content(a) != _content(b):
        found.append(Change(cause=EDITED, what=_parts_of(a, b), before="", after=""))
    return [*found, *_state(a, b)]


def _again(a: Cell, b: Cell) -> Iterator[Change]:
    """Another measurement; of imports, whose start may be that of the import, other files."""
    if a.origin and b.origin:
        files = [
            ", ".join(f"{f.name} {f.sha256[:12]}" for f in o.files) for o in (a.origin, b.origin)
        ]
        if files[0] != files[1]:
            yield Change(cause=FILES, what="files", before=files[0], after=files[1])
    elif (a.cell_id, a.started_at) != (b.cell_id, b.started_at):
        began = [f"{each.started_at:%Y-%m-%d %H:%M}" for each in (a, b)]
        yield Change(cause=AGAIN, what="started", before=began[0], after=began[1])


def _content(cell: Cell) -> dict[str, Any]:
    return cell.model_dump(exclude=_LABELS)


def _parts_of(a: Cell, b: Cell) -> str:
    """Which parts of two records are not the same."""
    one, other = _content(a), _content(b)
    return ", ".join(name for name in one if one[name] != other[name])


def _state(a: Cell, b: Cell) -> Iterator[Change]:
    """What became of the two cells, where it is not the same."""
    for what, before, after in (
        ("status", _status(a), _status(b)),
        ("void levels", _void(a), _void(b)),
    ):
        if before != after:
            yield Change(cause=STATE, what=what, before=before, after=after)


def _status(cell: Cell) -> str:
    return f"{cell.status} ({cell.failure.reason})" if cell.failure else cell.status


def _void(cell: Cell) -> str:
    void = [f"{level.name} ({'; '.join(level.void)})" for level in cell.levels if level.void]
    void += [cell.imported.level] if cell.imported and cell.imported.void else []
    return ", ".join(void) or "none"


def named(found: Sequence[Change]) -> str:
    """The causes of a record's changes as one name: a run that changed several cannot part them."""
    causes = [c for c in dict.fromkeys(each.cause for each in found) if c not in (AGAIN, STATE)]
    again = [AGAIN] if any(each.cause == AGAIN for each in found) else []
    both = [text for text in (" and ".join(causes), *again) if text]
    return ", ".join(both) or (STATE if found else OTHERS)


def of_judging(a: JudgeConfig, b: JudgeConfig, hardware: Sequence[str]) -> list[Change]:
    """What differs between two ways of judging; prices only of the machines named.

    A price that one list alone has is no difference: both sides take it from there.
    """
    found = []
    for cause, name in (("price", "pricing"), ("risk settings", "risk"), ("buyer", "buyer")):
        plain = [_plain(getattr(each, name).model_dump(mode="json")) for each in (a, b)]
        if name == "pricing":
            found += _of_one_list(plain, hardware)
        for key, before, after in different(*plain):
            unused = key.startswith("machines.") and key.split(".")[1] not in hardware
            if not unused and key not in ("as_of", "registry_dirs"):
                what = f"{name}.{key}"
                found.append(Change(cause=cause, what=what, before=before, after=after))
    return found


def _of_one_list(lists: Sequence[dict[str, Any]], hardware: Sequence[str]) -> list[Change]:
    """Take the prices that one list alone has out of it, and say so of those that are used."""
    found = []
    for kind in ("machines", "apis"):
        one, other = (each[kind] for each in lists)
        for name in one.keys() ^ other.keys():
            owner = next(each for each in lists if name in each[kind])
            if name in hardware:
                said = f"only {owner['name']} has it, which serves both sides"
                found.append(
                    Change(
                        cause="price",
                        what=f"pricing.{kind}.{name}",
                        before="",
                        after="",
                        source=said,
                    )
                )
            del owner[kind][name]
    return found


def of_facts(
    registry: Registry, a: JudgeConfig, b: JudgeConfig, days: Sequence[Any]
) -> list[Change]:
    """Dated facts between the two days, and folders of facts that only one side has."""
    found = []
    folders = [", ".join(map(str, each.risk.registry_dirs)) or "none" for each in (a, b)]
    if folders[0] != folders[1]:
        found.append(
            Change(cause="facts", what="risk.registry_dirs", before=folders[0], after=folders[1])
        )
    since, until = sorted(days)
    back = "" if days[0] <= days[1] else "undone, "
    for each in changes(registry, since, until):
        what = f"{back}{each.on} {each.what}"
        found.append(Change(cause="facts", what=what, before="", after="", source=each.source))
    return found


def of_risk(a: Row, b: Row) -> list[Change]:
    """Gate, fallback and factors of one model on both sides."""
    if a.judged is None or b.judged is None:
        return []
    found = []
    if a.text("gate") != b.text("gate"):
        found.append(Change(cause="risk", what="gate", before=a.text("gate"), after=b.text("gate")))
    if a.text("fallback") != b.text("fallback"):
        found.append(
            Change(
                cause="risk", what="fallback", before=a.text("fallback"), after=b.text("fallback")
            )
        )
    one, other = a.judged.assessment.factors, b.judged.assessment.factors
    for before, after in zip(one, other, strict=True):
        if (before.low, before.high) != (after.low, after.high):
            old = {reason.text for reason in before.reasons}
            new = [reason.text for reason in after.reasons if reason.text not in old]
            found.append(
                Change(
                    cause="risk",
                    what=f"factor {after.name}",
                    before=f"[{before.low:g}, {before.high:g}]",
                    after=f"[{after.low:g}, {after.high:g}]",
                    source="; ".join(new),
                )
            )
    return found


def different(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Dotted keys whose values differ, with both."""
    one, other = dict(_flat(a)), dict(_flat(b))
    for key in dict.fromkeys([*one, *other]):
        before, after = one.get(key, "none"), other.get(key, "none")
        if before != after:
            yield key, before, after


def _flat(plain: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            yield f"{prefix}{key}", text


def _plain(dumped: Any) -> dict[str, Any]:
    assert isinstance(dumped, dict)
    return dumped


def _settings(cell: Cell) -> dict[str, Any]:
    return {name: value for name, value in cell.config.items() if name not in _IGNORED}


def _weights(cell: Cell) -> dict[str, str]:
    return {"weights": cell.weights.get("content_id", "not recorded")}


def _versions(cell: Cell) -> dict[str, Any]:
    packages = cell.environment.get("packages")
    found: dict[str, Any] = dict(packages) if isinstance(packages, Mapping) else {}
    if cell.origin is not None:
        found |= {"engine": cell.origin.engine, cell.origin.tool: cell.origin.tool_version}
    return found
