"""The registry's schema: parties, models, instruments, jurisdictions, each made of facts."""

import datetime as dt
from itertools import combinations, pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from harness.config.judge import Bound, Deployment, Reading
from harness.fields import Frozen
from harness.risk.facts import UNKNOWN, Fact, Facts

Status = Literal[
    "in_force", "proposed", "suspended", "withdrawn", "approved_unpublished", "unknown"
]
InstrumentKind = Literal["use_ban", "national_list", "state_list", "allegation", "bill", "rule"]
Ban = Literal["blocked", "needs_approval", "dated_warning"]
Edge = Literal["weights", "distilled_outputs", "architecture_or_tokenizer", "data"]


def _one_of(*answers: str) -> AfterValidator:
    """Each fact on the question gives one of these answers, or `unknown`."""

    def checked(facts: Facts) -> Facts:
        for fact in facts.found:
            if fact.known and fact.value not in answers:
                allowed = ", ".join((*answers, UNKNOWN))
                raise ValueError(f"{fact.value!r} is none of {allowed}")
        return facts

    return AfterValidator(checked)


def _dated(facts: Facts) -> Facts:
    for fact in facts.found:
        if fact.known:
            try:
                dt.date.fromisoformat(fact.value)
            except ValueError:
                raise ValueError(f"{fact.value!r} is no day like 2026-06-08, nor unknown") from None
    return facts


Dated = Annotated[Facts, AfterValidator(_dated)]


class Stretch(Frozen):
    """What holds from one day until another."""

    since: dt.date | None = Field(None, description="First day; None: since before anything here")
    until: dt.date | None = Field(None, description="First day after; None: open")

    def covers(self, day: dt.date) -> bool:
        """Whether that day lies in it."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day < self.until
        )

    def overlaps(self, other: "Stretch") -> bool:
        """Whether some day lies in both."""
        first = max(self.since or dt.date.min, other.since or dt.date.min)
        return first < min(self.until or dt.date.max, other.until or dt.date.max)

    @model_validator(mode="after")
    def _runs_forward(self) -> "Stretch":
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"until {self.until} lies before since {self.since}")
        return self


# --- instruments -----------------------------------------------------------------------------


class Phase(Stretch):
    """A stretch of an instrument's life with one status."""

    since: dt.date | None = Field(description="First day; None: since before anything here")
    status: Status
    evidence: Fact


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
        """The phase of that day; None before its beginning and after its end."""
        return next((phase for phase in self.history if phase.covers(day)), None)

    def status(self, day: dt.date) -> Status | None:
        """Its status on that day; None before its beginning and after its end."""
        phase = self.phase(day)
        return phase.status if phase else None

    @model_validator(mode="after")
    def _history_has_no_gap(self) -> "Instrument":
        for before, after in pairwise(self.history):
            if before.until is None or before.until != after.since:
                raise ValueError(
                    f"history: {before.status} until {before.until}, then {after.status} since"
                    f" {after.since}: each phase begins on the day that the one before it ends"
                )
        return self


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


class Listing(Stretch):
    """One party's entry under an instrument."""

    since: dt.date
    until: dt.date | None = Field(None, description="First day off the list")
    instrument: str
    entry: str = Field(description="Name as printed there")
    evidence: Fact


class Check(Stretch):
    """Instruments under which the party was looked for and not found.

    It may have days of its own: who came off a list is not on it from that day on.
    """

    instruments: tuple[str, ...] = Field(
        min_length=1, description="Keys; the name of a series stands for all its editions"
    )
    evidence: Fact = Field(description="value: `not found`, or `unknown`")

    @model_validator(mode="after")
    def _says_what_it_found(self) -> "Check":
        if self.evidence.known and self.evidence.value != "not found":
            raise ValueError(f"evidence: {self.evidence.value!r} is neither not found nor unknown")
        return self


class Party(Frozen):
    """A developer, licensor, API operator, host or owner."""

    key: str = Field(pattern=r"^[a-z0-9_]+$")
    names: tuple[Name, ...] = Field(min_length=1, description="The first legal one is the title")
    identifiers: tuple[Identifier, ...] = ()
    headquarters: Facts = Field(description="ISO 3166 alpha-2")
    incorporation: Facts = Field(description="ISO 3166 alpha-2 of the top listed or legal entity")
    control: Facts = Field(description="ISO 3166 alpha-2 of who ultimately controls it")
    ownership: Annotated[
        Facts, _one_of("foundation", "private", "state_minority", "state_controlled", "military")
    ]
    founded: Dated
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
    compulsion: Annotated[Facts, _one_of("ordinary_process", "compulsion_without_appeal")] = Field(
        description="May the state compel a company to assist it without recourse to a court"
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

    @model_validator(mode="after")
    def _bounds_fit_the_kind(self) -> "Condition":
        for name, kind, given in (
            ("excludes", "territory", bool(self.excludes)),
            ("above_monthly_users", "users", self.above_monthly_users is not None),
            ("above_usd_per_year", "revenue", self.above_usd_per_year is not None),
        ):
            if given and self.kind != kind:
                raise ValueError(f"{name} belongs to the kind {kind}, not {self.kind}")
        if self.kind == "territory" and not self.excludes:
            raise ValueError("a territory condition needs excludes")
        return self


class Licence(Stretch):
    """Terms of a repo over a stretch of time."""

    id: str = Field(description="SPDX id, or LicenseRef-<name>, or unknown")
    grant: Literal["open", "conditional", "non_commercial", "unknown"] = Field(
        description="open: an OSI-approved licence or its like for weights"
    )
    conditions: tuple[Condition, ...] = ()
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
    released: Dated
    licences: tuple[Licence, ...] = Field(min_length=1, description="Its history, oldest first")
    lineage: Annotated[Facts, _one_of("from_scratch", "derived")]
    bases: tuple[Base, ...] = ()
    transparency: Annotated[
        Facts, _one_of("open_data_code_evals", "data_summary", "weights_only", "nothing")
    ]
    weights_sha256: Facts | None = Field(None, description="None: not looked up")

    @model_validator(mode="after")
    def _one_stretch_of_terms_at_a_time(self) -> "Model":
        for one, other in combinations(self.licences, 2):
            if one.since != other.since and one.overlaps(other):
                raise ValueError(
                    f"licences: {one.id} and {other.id} overlap; give the earlier one its until"
                )
        return self

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

        A key `repo@revision` may be given as the repo. Of two commits the shorter may abbreviate
        the longer, from 7 digits on, unless several entries fit.
        """
        repo, _, asked = repo.partition("@")
        asked = asked or revision or "*"
        named = [m for m in self.models.values() if m.repo == repo and m.revision != "*"]
        shorter = [m for m in named if asked.startswith(m.revision)]
        if shorter:
            return max(shorter, key=lambda m: len(m.revision))
        longer = [m for m in named if m.revision.startswith(asked)]
        if len(asked) >= 7 and len(longer) == 1:
            return longer[0]
        return self.models.get(f"{repo}@*")
