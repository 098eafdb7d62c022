"""The registry: developers, models and instruments as cited, dated facts.

A fact without a source does not load. `unknown` is a value, never an omission.
"""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from harness.config.judge import Profile
from harness.errors import FactError
from harness.fields import Frozen

Confidence = Literal["official", "reported", "alleged", "inferred"]


class Fact(Frozen):
    """One statement with its evidence."""

    value: str = Field(min_length=1, description="`unknown` where nothing is known")
    source: str = Field(min_length=4, description="Address or document that says so")
    publisher: str = Field(min_length=2)
    published: dt.date | None = Field(description="None: the source carries no date")
    read: dt.date
    confidence: Confidence
    review_by: dt.date = Field(description="After this day the fact counts as stale")

    def stale(self, today: dt.date) -> bool:
        """Whether the fact is past its review date."""
        return today > self.review_by


class Instrument(Frozen):
    """A law, a list edition, an order, a bill."""

    key: str
    title: str
    issuer: str
    kind: Literal["use_ban", "federal_list", "state_list", "allegation", "bill", "rule"]
    status: Literal["in_force", "suspended", "proposed", "withdrawn", "approved_unpublished"]
    valid_from: dt.date | None
    valid_to: dt.date | None
    forbids: str = Field(description="In one sentence, what it forbids to whom")
    gates: dict[Profile, Literal["blocked", "needs_approval", "dated_warning"]] = Field(
        description="What a listing under it means for each buyer; absent: nothing"
    )
    gate_date: dt.date | None = Field(None, description="For dated_warning: the day it bites")
    alternative_reading: bool = Field(
        False,
        description="True: one of several readings of a text; it gates, and raises only the"
        " upper bound of the listing factor",
    )
    evidence: Fact

    def holds(self, day: dt.date) -> bool:
        """Whether it is in force on that day."""
        return (
            self.status == "in_force"
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day < self.valid_to)
        )


class Listing(Frozen):
    """One party's entry under an instrument."""

    instrument: str
    entry: str = Field(description="Name as printed there")
    since: dt.date
    until: dt.date | None
    evidence: Fact


class Developer(Frozen):
    """Who made a model."""

    key: str
    legal_name: str
    aliases: tuple[str, ...]
    headquarters: Fact = Field(description="ISO 3166 alpha-2 of the headquarters")
    ownership: Fact = Field(
        description="foundation | private | state_minority | state_controlled | military | unknown"
    )
    compulsion: Fact = Field(
        description="ordinary_process | compulsion_without_appeal | unknown: may the state compel"
        " it without recourse to a court"
    )
    listings: tuple[Listing, ...]
    listings_checked: Fact = Field(
        description="Which lists were checked and when; `unknown` if none was"
    )


class Base(Frozen):
    """One edge of the lineage: what a model was derived from."""

    model: str = Field(description="Registry key of the ancestor")
    edge: Literal["weights", "distilled_outputs", "architecture_or_tokenizer", "data"]
    grade: Literal["declared", "fingerprinted", "alleged"]
    evidence: Fact


class ModelFacts(Frozen):
    """What is known of one repo."""

    key: str = Field(pattern=r"^[^/\s]+/[^/\s]+$")
    developer: str
    licence: Fact = Field(description="SPDX id or LicenseRef-<name>")
    licence_terms: Fact = Field(
        description="open | attribution_or_use_policy | threshold | authorisation | non_commercial"
        " | unknown"
    )
    excluded_territories: tuple[str, ...] = Field((), description="ISO codes or EU")
    lineage: Fact = Field(description="from_scratch | derived | unknown")
    bases: tuple[Base, ...]
    transparency: Fact = Field(
        description="open_data_code_evals | data_summary | weights_only | nothing | unknown"
    )


class Registry(Frozen):
    """All facts, by key."""

    developers: dict[str, Developer]
    models: dict[str, ModelFacts]
    instruments: dict[str, Instrument]


_FILES: dict[str, type[Frozen]] = {
    "developers": Developer,
    "models": ModelFacts,
    "instruments": Instrument,
}


def load_registry(further: Sequence[Path] = ()) -> Registry:
    """The shipped registry, with a company's own folders laid over it entry by entry.

    Raises FactError with file, line and key for a fact that does not hold to the schema, for a
    date in the future, a dangling reference or a cycle in the lineage.
    """
    shipped = Path(str(resources.files("harness.risk").joinpath("registry")))
    found: dict[str, dict[str, Any]] = {name: {} for name in _FILES}
    for folder in (shipped, *further):
        for name, schema in _FILES.items():
            path = folder / f"{name}.yaml"
            if path.exists():
                found[name] |= _entries(path, schema)
            elif folder == shipped:
                raise FactError(f"{path}: missing")
    registry = Registry(**found)
    _check_references(registry)
    return registry


def _entries(path: Path, schema: type[Frozen]) -> dict[str, Any]:
    text = path.read_text("utf-8")
    try:
        raw = yaml.load(text, yaml.CSafeLoader)
        node = yaml.compose(text, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise FactError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict) or not isinstance(node, yaml.MappingNode):
        raise FactError(f"{path}: expected a mapping from key to entry")
    names = [key.value for key, _ in node.value]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise FactError(f"{path}: {', '.join(doubled)} given more than once")
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    entries: dict[str, Any] = {}
    for key, body in raw.items():
        where = f"{path}:{lines[str(key)]}: {key}"
        try:
            entry = schema.model_validate_json(json.dumps({**body, "key": key}, default=str))
        except (ValidationError, TypeError) as error:
            detail = error.errors()[0] if isinstance(error, ValidationError) else None
            at = ".".join(map(str, detail["loc"])) if detail else "entry"
            raise FactError(f"{where}: {at}: {detail['msg'] if detail else error}") from error
        for fact in facts_of(entry):
            if fact.read > dt.date.today():
                raise FactError(f"{where}: read on {fact.read}, which is in the future")
        entries[str(key)] = entry
    return entries


def facts_of(entry: Any) -> Iterable[Fact]:
    """All facts inside an entry, however deep."""
    if isinstance(entry, Fact):
        yield entry
    elif isinstance(entry, Frozen):
        for name in type(entry).model_fields:
            yield from facts_of(getattr(entry, name))
    elif isinstance(entry, tuple):
        for item in entry:
            yield from facts_of(item)


def _check_references(registry: Registry) -> None:
    for model in registry.models.values():
        if model.developer not in registry.developers:
            raise FactError(f"models.yaml: {model.key}: no developer {model.developer}")
        for base in model.bases:
            if base.model not in registry.models:
                raise FactError(f"models.yaml: {model.key}: dangling base {base.model}")
    for developer in registry.developers.values():
        for listing in developer.listings:
            if listing.instrument not in registry.instruments:
                raise FactError(
                    f"developers.yaml: {developer.key}: no instrument {listing.instrument}"
                )
    for key in registry.models:
        weight_line(registry, key)


def weight_line(registry: Registry, key: str) -> list[tuple[str, ...]]:
    """Paths from a model to itself and to each ancestor by weights, nearest first.

    Same architecture, data or distilled outputs are not a line of weights. Raises FactError for
    a cycle.
    """
    paths: list[tuple[str, ...]] = [(key,)]
    for path in paths:
        for base in registry.models[path[-1]].bases:
            if base.edge != "weights":
                continue
            if base.model in path:
                raise FactError(f"models.yaml: lineage cycle: {' -> '.join((*path, base.model))}")
            paths.append((*path, base.model))
    return paths
