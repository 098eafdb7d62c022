"""YAML files -> Registry, or one error that names file, line, key and fix.

A folder holds `sources`, `parties`, `instruments`, `jurisdictions` and `models`, each as
`<name>.yaml` or as a folder `<name>/*.yaml`. A fact names its source by its key in `sources`.
"""

import datetime as dt
import json
from collections.abc import Container, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import Field, ValidationError

from harness.errors import FactError
from harness.fields import Frozen
from harness.risk.facts import Fact, Facts, PastDay
from harness.risk.lineage import cycle
from harness.risk.registry import Instrument, Jurisdiction, Model, Party, Registry
from harness.risk.standing import covers

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
    published: PastDay | None = Field(description="None: it carries no date")
    read: PastDay
    review_by: dt.date = Field(description="Default for the facts taken from it")


class _Entry:
    """One top-level entry of a file, with its place."""

    def __init__(self, path: Path, key: str, body: Any, node: yaml.Node) -> None:
        self.path, self.key, self.body, self.node = path, key, body, node

    def where(self, location: Sequence[str | int] = ()) -> str:
        """`file:line: key` of the deepest part of `location` that the text has."""
        return f"{self.path}:{_line(self.node, location)}: {self.key}"

    def fault(self, location: Sequence[str | int], what: str) -> FactError:
        """The error with its place."""
        return FactError(f"{self.where(location)}: {_dotted(location)}: {what}")


def shipped_folder() -> Path:
    """Where the registry of the package lies."""
    return Path(str(resources.files("harness.risk").joinpath("data")))


def load_registry(further: Sequence[Path] = ()) -> Registry:
    """The shipped registry, with a company's own folders laid over it entry by entry.

    Raises FactError with file, line and key for a fact that does not hold to the schema, for a
    source that is not listed, a date in the future, a dangling reference, a check that denies a
    listing or a lineage cycle.
    """
    places: dict[str, _Entry] = {}
    sources: dict[str, dict[str, Any]] = {}
    found: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
    folders = (shipped_folder(), *further)
    for folder in folders:
        if not folder.is_dir():
            raise FactError(f"{folder}: no such folder; risk.registry_dirs names it")
        if folder is not folders[0]:  # the package's own also holds lists, rulings and templates
            _refuse_unread(folder)
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
    _check_checks(registry, places)
    round_ = cycle(registry)
    if round_:
        entry = places[f"models/{round_[0]}"]
        raise entry.fault(("bases",), f"lineage cycle: {' -> '.join(round_)}")
    return registry


def _refuse_unread(folder: Path) -> None:
    """A file that no reader opens, such as model.yaml for models.yaml, must not pass in silence."""
    names = ("sources", *_KINDS, "rulings")
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.startswith((".", "README")):
            continue
        inner = path.relative_to(folder).parts
        if path.suffix != ".yaml" or len(inner) > 2 or Path(inner[0]).stem not in names:
            raise FactError(
                f"{path}: nothing reads it; facts lie in {', '.join(names)}, each as <name>.yaml"
                " or as a folder <name>/*.yaml"
            )


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
        line = error.object[: error.start].count(b"\n") + 1
        raise FactError(f"{path}:{line}: not UTF-8: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(error.problem or error.context).split())
        raise FactError(f"{path}:{mark.line + 1 if mark else 1}: no YAML: {said}") from error
    except yaml.YAMLError as error:
        raise FactError(f"{path}:1: no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(node, yaml.MappingNode):
        raise FactError(f"{path}:1: expected a mapping from key to entry")
    for key, value in node.value:
        yield _Entry(path, _text(key, path), _plain(value, path), value)


def _text(key: yaml.Node, path: Path) -> str:
    if not isinstance(key, yaml.ScalarNode):
        raise FactError(f"{path}:{key.start_mark.line + 1}: a key is text, not a list or mapping")
    return str(key.value)


def _plain(node: yaml.Node, path: Path) -> Any:
    """A node as plain data; dates stay text, and so does whatever a fact says."""
    if isinstance(node, yaml.MappingNode):
        plain: dict[str, Any] = {}
        said = {"source", "confidence"} & {str(key.value) for key, _ in node.value}
        for key, value in node.value:
            name = _text(key, path)
            if name in plain:
                raise FactError(f"{path}:{key.start_mark.line + 1}: {name} given more than once")
            fact = name == "value" and said and isinstance(value, yaml.ScalarNode)
            plain[name] = (value.value or None) if fact else _plain(value, path)
        return plain
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path) for item in node.value]
    match node.tag.rsplit(":", 1)[-1]:
        case "null":
            return None
        case "bool" if node.value.lower() in ("true", "false"):
            return node.value.lower() == "true"  # `no` is text: Norway
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
    if {"source", "confidence"} & set(body) or ("value" in body and "evidence" not in body):
        key = body.get("source")
        if key is None:
            raise entry.fault(location, "a fact needs a source")
        if not isinstance(key, str) or key not in sources:
            raise entry.fault((*location, "source"), f"no source {key!r}; add it to sources")
        source = sources[key]
        about = {name: source[name] for name in ("publisher", "published", "read", "review_by")}
        return about | body | {"source": source["address"]}
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
    context = {"today": dt.date.today()}
    try:
        return schema.model_validate_json(json.dumps(body, default=str), context=context)
    except ValidationError as error:
        # A key with a typo is also a key that is missing: the first names the line.
        problems = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        location = [part for part in problems[0]["loc"] if part != "found"]
        raise entry.fault(location, problems[0]["msg"]) from error


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


Reference = tuple[tuple[str | int, ...], str, str, Container[str]]


def _check_references(registry: Registry, places: dict[str, _Entry]) -> None:
    for kind in _KINDS:
        for key, entry in getattr(registry, kind).items():
            for location, what, named, known in _references(registry, entry):
                if named not in known:
                    where = places[f"{kind}/{key}"]
                    raise where.fault(location, f"no {what} {named!r} in the registry")


def _references(registry: Registry, entry: Frozen) -> Iterator[Reference]:
    """What the entry names: where, what it is, its key, and the keys that there are."""
    match entry:
        case Model():
            yield from _named("developer", [entry.developer], "party", registry.parties)
            yield from _named("licensor", entry.licensor.found, "party", registry.parties)
            yield from _named("api_operators", entry.api_operators, "party", registry.parties)
            yield from _named("hosts", entry.hosts, "party", registry.parties)
            for i, base in enumerate(entry.bases):
                yield ("bases", i, "model"), "model (dangling base)", base.model, registry.models
        case Party():
            for name in ("headquarters", "incorporation", "control"):
                found = getattr(entry, name).found
                yield from _named(name, found, "jurisdiction", registry.jurisdictions)
            for i, owner in enumerate(entry.owners):
                yield ("owners", i, "party"), "party", owner.party, registry.parties
            for i, listing in enumerate(entry.listings):
                where = ("listings", i, "instrument")
                yield where, "instrument", listing.instrument, registry.instruments
            series = {each.series for each in registry.instruments.values()}
            for i, check in enumerate(entry.checks):
                for j, key in enumerate(check.instruments):
                    known = series | set(registry.instruments)
                    yield ("checks", i, "instruments", j), "instrument or series", key, known
        case Instrument() if entry.affiliates_under:
            yield ("affiliates_under",), "instrument", entry.affiliates_under, registry.instruments


def _named(
    name: str, facts: Sequence[Fact], what: str, known: Container[str]
) -> Iterator[Reference]:
    for i, fact in enumerate(facts):
        if fact.known:
            yield (name, i, "value"), what, fact.value, known


def _check_checks(registry: Registry, places: dict[str, _Entry]) -> None:
    """Refuse a check that says not found while a listing says found: it would clear whoever loses
    the listing."""
    for party in registry.parties.values():
        for i, check in enumerate(party.checks):
            for listing in party.listings:
                instrument = registry.instruments[listing.instrument]
                denied = covers(registry, check, instrument) and check.overlaps(listing)
                if check.evidence.known and denied:
                    raise places[f"parties/{party.key}"].fault(
                        ("checks", i),
                        f"not found under {instrument.key}, which lists it since {listing.since}:"
                        " leave that instrument out, or give the check its since or until",
                    )
