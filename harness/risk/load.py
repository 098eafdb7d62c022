"""YAML files -> Registry, or one error that names file, line, key and fix.

A folder holds `sources`, `parties`, `instruments`, `jurisdictions` and `models`, each as
`<name>.yaml` or as a folder `<name>/*.yaml`. A fact names its source by its key in `sources`.
"""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import Field, ValidationError

from harness.errors import FactError
from harness.fields import Frozen
from harness.risk.facts import Fact, Facts, facts_of
from harness.risk.lineage import check_acyclic
from harness.risk.registry import Instrument, Jurisdiction, Model, Party, Registry

_KINDS: dict[str, type[Frozen]] = {
    "parties": Party,
    "instruments": Instrument,
    "jurisdictions": Jurisdiction,
    "models": Model,
}


class Source(Frozen):
    """A document that facts name by its key."""

    address: str = Field(min_length=4, description="Address or document")
    publisher: str = Field(min_length=2)
    published: dt.date | None = Field(description="None: it carries no date")
    read: dt.date
    review_by: dt.date = Field(description="Default for the facts taken from it")


class _Entry:
    """One top-level entry of a file, with its place."""

    def __init__(self, path: Path, key: str, body: Any, node: yaml.Node) -> None:
        self.path, self.key, self.body, self.node = path, key, body, node

    def where(self, location: Sequence[str | int] = ()) -> str:
        """`file:line: key` of the deepest part of `location` that the text has."""
        return f"{self.path}:{_line(self.node, location)}: {self.key}"


def shipped_folder() -> Path:
    """Where the registry of the package lies."""
    return Path(str(resources.files("harness.risk").joinpath("data")))


def load_registry(further: Sequence[Path] = ()) -> Registry:
    """The shipped registry, with a company's own folders laid over it entry by entry.

    Raises FactError with file, line and key for a fact that does not hold to the schema, for a
    source that is not listed, a date in the future, a dangling reference or a lineage cycle.
    """
    places: dict[str, _Entry] = {}
    sources: dict[str, dict[str, Any]] = {}
    found: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
    folders = (shipped_folder(), *further)
    for folder in folders:
        if not folder.is_dir():
            raise FactError(f"{folder}: no such folder; risk.registry_dirs names it")
        for entry in _entries(folder, "sources"):
            sources[entry.key] = _validated(Source, entry, entry.body).model_dump(mode="json")
    for folder in folders:
        for kind, schema in _KINDS.items():
            for entry in _entries(folder, kind):
                body = _with_sources(entry.body, sources, entry, ())
                if isinstance(body, dict):
                    body = {**_listed(schema, body), "key": entry.key}
                found[kind][entry.key] = _validated(schema, entry, body)
                places[f"{kind}/{entry.key}"] = entry
    registry = Registry(**found)
    _check_references(registry, places)
    check_acyclic(registry)
    return registry


def _entries(folder: Path, kind: str) -> Iterator[_Entry]:
    """Entries of `<kind>.yaml` and `<kind>/*.yaml`; a key may stand only once in a folder."""
    seen: dict[str, str] = {}
    for path in (folder / f"{kind}.yaml", *sorted((folder / kind).glob("*.yaml"))):
        if not path.exists():
            continue
        for entry in _parsed(path):
            if entry.key in seen:
                raise FactError(
                    f"{entry.where()}: given more than once, first at {seen[entry.key]}"
                )
            seen[entry.key] = entry.where()
            yield entry


def _parsed(path: Path) -> Iterator[_Entry]:
    try:
        node = yaml.compose(path.read_text("utf-8"), yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        raise FactError(f"{path}: not UTF-8: {error}") from error
    except yaml.YAMLError as error:
        raise FactError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(node, yaml.MappingNode):
        raise FactError(f"{path}: expected a mapping from key to entry")
    for key, value in node.value:
        yield _Entry(path, key.value, _plain(value, path), value)


def _plain(node: yaml.Node, path: Path) -> Any:
    """A node as plain data; dates and numbers in a fact's value stay text."""
    if isinstance(node, yaml.MappingNode):
        plain: dict[str, Any] = {}
        for key, value in node.value:
            if key.value in plain:
                line = key.start_mark.line + 1
                raise FactError(f"{path}:{line}: {key.value} given more than once")
            plain[key.value] = _plain(value, path)
        return plain
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path) for item in node.value]
    match node.tag.rsplit(":", 1)[-1]:
        case "null":
            return None
        case "bool":
            return node.value.lower() in ("true", "yes", "on")
        case "int" | "float":
            return yaml.safe_load(node.value)
        case _:
            return node.value


def _with_sources(
    body: Any, sources: dict[str, Any], entry: _Entry, location: tuple[str | int, ...]
) -> Any:
    """The body with each fact's source key replaced by the document's address and dates."""
    if isinstance(body, list):
        return [_with_sources(item, sources, entry, (*location, i)) for i, item in enumerate(body)]
    if not isinstance(body, dict):
        return body
    if "source" in body or "confidence" in body:
        key = body.get("source")
        if key is None:
            raise FactError(f"{entry.where(location)}: {_dotted(location)}: a fact needs a source")
        if key not in sources:
            raise FactError(
                f"{entry.where((*location, 'source'))}: {_dotted(location)}: no source {key!r};"
                " add it to sources"
            )
        source = sources[key]
        about = {name: source[name] for name in ("publisher", "published", "read", "review_by")}
        body = about | body | {"source": source["address"]}
        if isinstance(body.get("value"), int | float):
            body["value"] = str(body["value"])
        return body
    return {
        name: _with_sources(item, sources, entry, (*location, name)) for name, item in body.items()
    }


def _listed(schema: type[Frozen], body: dict[str, Any]) -> dict[str, Any]:
    """The body with a single fact on a question as a list of one: YAML may leave the list out."""
    questions = {
        name
        for name, field in schema.model_fields.items()
        if field.annotation is Facts or Facts in get_args(field.annotation)
    }
    return {
        name: {"found": value if isinstance(value, list) else [value]}
        if name in questions and value is not None
        else value
        for name, value in body.items()
    }


def _validated(schema: type[Frozen], entry: _Entry, body: Any) -> Any:
    try:
        made = schema.model_validate_json(json.dumps(body, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        location = [part for part in first["loc"] if part != "found"]
        raise FactError(f"{entry.where(location)}: {_dotted(location)}: {first['msg']}") from error
    today = dt.date.today()
    for fact in facts_of(made):
        _not_in_future(entry, fact.read, "read", today)
        _not_in_future(entry, fact.published, "published", today)
    if isinstance(made, Source):
        _not_in_future(entry, made.read, "read", today)
        _not_in_future(entry, made.published, "published", today)
    return made


def _not_in_future(entry: _Entry, day: dt.date | None, what: str, today: dt.date) -> None:
    if day and day > today:
        raise FactError(f"{entry.where()}: {what} on {day}, which is in the future")


def _line(node: yaml.Node, location: Sequence[str | int]) -> int:
    for part in location:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            child = next((v for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part] if part < len(node.value) else None
        if child is None:
            continue
        node = child
    return int(node.start_mark.line) + 1


def _dotted(location: Sequence[str | int]) -> str:
    return ".".join(map(str, location)) or "entry"


def _check_references(registry: Registry, places: dict[str, _Entry]) -> None:
    for model in registry.models.values():
        where = places[f"models/{model.key}"].where()
        roles: list[Fact] = [model.developer, *model.licensor.found]
        roles += [*model.api_operators, *model.hosts]
        for role in roles:
            _refuse(role.known and role.value not in registry.parties, where, "party", role.value)
        for base in model.bases:
            _refuse(base.model not in registry.models, where, "model (dangling base)", base.model)
    for party in registry.parties.values():
        where = places[f"parties/{party.key}"].where()
        for owner in party.owners:
            _refuse(owner.party not in registry.parties, where, "party", owner.party)
        for listing in party.listings:
            missing = listing.instrument not in registry.instruments
            _refuse(missing, where, "instrument", listing.instrument)
        checkable = {*registry.instruments, *(i.series for i in registry.instruments.values())}
        for check in party.checks:
            for key in check.instruments:
                _refuse(key not in checkable, where, "instrument or series", key)
        _refuse_contradiction(party, registry, where)
        for seat in (*party.headquarters.found, *party.incorporation.found, *party.control.found):
            missing = seat.known and seat.value not in registry.jurisdictions
            _refuse(missing, where, "jurisdiction", seat.value)
    for instrument in registry.instruments.values():
        rule = instrument.affiliates_under
        if rule:
            where = places[f"instruments/{instrument.key}"].where()
            _refuse(rule not in registry.instruments, where, "instrument", rule)


def _refuse_contradiction(party: Party, registry: Registry, where: str) -> None:
    """A check beside an open listing would clear the party the day the listing is lost."""
    checked = {key for check in party.checks for key in check.instruments if check.evidence.known}
    for listing in party.listings:
        series = registry.instruments[listing.instrument].series
        by_series = series in checked and series not in registry.instruments
        if listing.until is None and (listing.instrument in checked or by_series):
            raise FactError(
                f"{where}: listed under {listing.instrument} and checked as not found there;"
                " take one away"
            )


def _refuse(missing: bool, where: str, what: str, key: str) -> None:
    if missing:
        raise FactError(f"{where}: no {what} {key!r} in the registry")
