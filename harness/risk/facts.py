"""The registry: developers, models and instruments as cited, dated facts.

A fact without a source does not load. `unknown` is a value, never an omission.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from harness.fields import Frozen
from harness.errors import FactError

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
    gates: dict[
        Literal[
            "us_federal_civilian",
            "us_defence_contractor",
            "us_state_texas",
            "us_private",
            "eu_private",
        ],
        Literal["blocked", "needs_approval", "dated_warning"],
    ] = Field(description="What a listing under it means for each buyer; absent: nothing")
    gate_date: dt.date | None = Field(None, description="For dated_warning: the day it bites")
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
    repackaged_by_third_party: bool = False


class Registry(Frozen):
    """All facts, by key."""

    developers: dict[str, Developer]
    models: dict[str, ModelFacts]
    instruments: dict[str, Instrument]
