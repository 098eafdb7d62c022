"""The registry's schema: parties, models, instruments, jurisdictions, each made of facts."""

import datetime as dt
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from harness.config.judge import Bound, Deployment, Reading
from harness.fields import Frozen
from harness.risk.facts import Fact, Facts

Status = Literal[
    "in_force", "proposed", "suspended", "withdrawn", "approved_unpublished", "unknown"
]
InstrumentKind = Literal["use_ban", "national_list", "state_list", "allegation", "bill", "rule"]
Ban = Literal["blocked", "needs_approval", "dated_warning"]
Edge = Literal["weights", "distilled_outputs", "architecture_or_tokenizer", "data"]


# --- instruments -----------------------------------------------------------------------------


class Phase(Frozen):
    """A stretch of an instrument's life with one status."""

    status: Status
    since: dt.date | None = Field(description="First day; None: since before anything here")
    until: dt.date | None = Field(None, description="First day after; None: open")
    evidence: Fact

    def covers(self, day: dt.date) -> bool:
        """Whether that day lies in it."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day < self.until
        )


class Effect(Frozen):
    """What an instrument means for some buyers while it is in force."""

    binds: tuple[Bound, ...] = Field(min_length=1, description="Buyers it binds")
    deployments: tuple[Deployment, ...] = Field(min_length=1, description="Ways of use it reaches")
    verdict: Ban
    bites_on: dt.date | None = Field(
        None, description="For dated_warning: the day from which it needs approval"
    )
    reading: Reading | None = Field(
        None, description="Only for buyers who read the text this way; None: for all"
    )
    text: str = Field(min_length=8, description="In one sentence, what it forbids to whom")

    @model_validator(mode="after")
    def _warning_has_a_day(self) -> "Effect":
        if (self.verdict == "dated_warning") != (self.bites_on is not None):
            raise ValueError("bites_on belongs to dated_warning, and dated_warning needs it")
        return self


class Instrument(Frozen):
    """A law, a list edition, an order, a bill."""

    key: str
    title: str
    issuer: str
    kind: InstrumentKind
    jurisdiction: str = Field(description="ISO 3166 code whose law it is, e.g. US, US-TX, CN, EU")
    series: str = Field(description="What its editions have in common, e.g. us-1260h")
    citation: str = Field(description="As counsel would cite it; `unknown` if not found")
    history: tuple[Phase, ...] = Field(min_length=1, description="In order of time")
    reaches_domiciles: tuple[str, ...] = Field(
        (), description="Jurisdictions all of whose companies it reaches by its own text"
    )
    alternative_reading: bool = Field(
        False,
        description="True: one of several readings of a text; it gates, and raises only the"
        " upper bound of the listing factor",
    )
    affiliates: Literal["none", "any", "fifty_percent"] = Field(
        description="Whether a listing reaches companies that the listed one owns"
    )
    affiliates_under: str | None = Field(
        None, description="Instrument whose status decides whether fifty_percent holds"
    )
    effects: tuple[Effect, ...] = Field(description="Empty: it gates nobody")
    other_readings: tuple[str, ...] = Field((), description="Known alternative readings")

    def phase(self, day: dt.date) -> Phase | None:
        """The phase of that day; None before its beginning."""
        return next((phase for phase in reversed(self.history) if phase.covers(day)), None)

    def status(self, day: dt.date) -> Status | None:
        """Its status on that day; None before its beginning."""
        phase = self.phase(day)
        return phase.status if phase else None


# --- parties ---------------------------------------------------------------------------------


class Name(Fact):
    """A name of a party; `value` is the name."""

    kind: Literal[
        "legal", "brand", "chinese", "pinyin", "former", "exchange", "abbreviation",
        "hub_organisation", "subsidiary",
    ]  # fmt: skip


class Identifier(Fact):
    """A registered number of a party; `value` is the number."""

    kind: Literal["lei", "ticker", "uscc", "cik", "isin", "other"]


class Owner(Frozen):
    """A holding in a party."""

    party: str = Field(description="Registry key of the owner")
    share: float | None = Field(None, gt=0, le=1, description="None: known to hold, share unknown")
    evidence: Fact


class Listing(Frozen):
    """One party's entry under an instrument."""

    instrument: str
    entry: str = Field(description="Name as printed there")
    since: dt.date
    until: dt.date | None = Field(None, description="First day off the list")
    evidence: Fact


class Check(Frozen):
    """Instruments under which the party was looked for and not found."""

    instruments: tuple[str, ...] = Field(min_length=1)
    evidence: Fact = Field(description="value: `not found`, or `unknown`")


class Party(Frozen):
    """A developer, licensor, API operator, host or owner."""

    key: str = Field(pattern=r"^[a-z0-9_]+$")
    names: tuple[Name, ...] = Field(min_length=1, description="The first legal one is the title")
    identifiers: tuple[Identifier, ...] = ()
    headquarters: Facts = Field(description="ISO 3166 alpha-2")
    incorporation: Facts = Field(description="ISO 3166 alpha-2 of the top listed or legal entity")
    control: Facts = Field(description="ISO 3166 alpha-2 of who ultimately controls it")
    ownership: Facts = Field(
        description="foundation | private | state_minority | state_controlled | military | unknown"
    )
    founded: Facts = Field(description="ISO date, or unknown")
    owners: tuple[Owner, ...] = ()
    listings: tuple[Listing, ...] = ()
    checks: tuple[Check, ...] = Field((), description="No check, no clean result")
    cohorts: tuple[str, ...] = Field((), description="Groups whose listings are counted together")

    @property
    def title(self) -> str:
        """The name it goes by."""
        return next((n.value for n in self.names if n.kind == "legal"), self.names[0].value)


class Indicator(Frozen):
    """A published country index; shown, never scored: it is another name for the headquarters."""

    name: str
    year: int
    value: float | None
    evidence: Fact


class Jurisdiction(Frozen):
    """A country's law as far as it bears on a company there."""

    key: str = Field(description="ISO 3166 alpha-2")
    name: str
    member_of: tuple[str, ...] = Field((), description="E.g. EU")
    compulsion: Facts = Field(
        description="ordinary_process | compulsion_without_appeal | unknown: may the state compel a"
        " company to assist it without recourse to a court"
    )
    indicators: tuple[Indicator, ...] = ()


# --- models ----------------------------------------------------------------------------------


class Condition(Frozen):
    """One condition of a licence."""

    kind: Literal["users", "revenue", "territory", "field_of_use", "outputs", "naming", "notice"]
    applies_to: Literal["all", "model_service", "product"] = "all"
    above_monthly_users: PositiveInt | None = None
    above_usd_per_year: PositiveFloat | None = None
    excludes: tuple[str, ...] = Field((), description="ISO codes or EU, for `territory`")
    consequence: Literal["blocked", "needs_approval", "duty"]
    text: str = Field(min_length=4)


class Licence(Frozen):
    """Terms of a repo over a stretch of time."""

    id: str = Field(description="SPDX id, or LicenseRef-<name>, or unknown")
    grant: Literal["open", "conditional", "non_commercial", "unknown"] = Field(
        description="open: an OSI-approved licence or its like for weights"
    )
    conditions: tuple[Condition, ...] = ()
    since: dt.date | None = Field(None, description="None: since the release")
    until: dt.date | None = None
    evidence: Fact


class Base(Frozen):
    """One edge of the lineage: what a model was derived from."""

    model: str = Field(description="Registry key of the ancestor")
    edge: Edge
    grade: Literal["declared", "fingerprinted", "alleged"]
    evidence: Fact


class Model(Frozen):
    """What is known of one repo, or of one revision of it."""

    key: str = Field(
        pattern=r"^[^/\s@]+/[^/\s@]+@(\*|[0-9a-f]{7,40})$",
        description="repo@revision; repo@* where the facts name no revision",
    )
    developer: Fact = Field(description="Party key")
    licensor: Facts = Field(description="Party key, or unknown")
    api_operators: tuple[Fact, ...] = Field((), description="Party keys")
    hosts: tuple[Fact, ...] = Field((), description="Party keys of where the weights are kept")
    released: Facts = Field(description="ISO date, or unknown")
    licences: tuple[Licence, ...] = Field(min_length=1, description="Its history, oldest first")
    lineage: Facts = Field(description="from_scratch | derived | unknown")
    bases: tuple[Base, ...] = ()
    transparency: Facts = Field(
        description="open_data_code_evals | data_summary | weights_only | nothing | unknown"
    )
    weights_sha256: Facts | None = Field(None, description="None: not looked up")

    @property
    def repo(self) -> str:
        """Without the revision."""
        return self.key.split("@")[0]

    @property
    def revision(self) -> str:
        """Commit, abbreviated or whole, or `*`."""
        return self.key.split("@")[1]


class Registry(Frozen):
    """All facts, by key."""

    parties: dict[str, Party]
    models: dict[str, Model]
    instruments: dict[str, Instrument]
    jurisdictions: dict[str, Jurisdiction]

    def find(self, repo: str, revision: str | None = None) -> Model | None:
        """Facts on that revision, else on the repo without one; None: not assessed.

        A key `repo@revision` may be given as the repo.
        """
        repo, _, asked = repo.partition("@")
        asked = asked or revision or "*"
        for model in self.models.values():
            known = model.revision
            if model.repo == repo and known != "*" and asked.startswith(known):
                return model
        return self.models.get(f"{repo}@*")
