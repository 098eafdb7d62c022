"""The rubric: ten factors, each an interval from 0 (no concern) to 1 (worst) with its reasons.

One rubric for every country. What is unknown spans its range; what is measured comes in as numbers.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from harness.config.judge import FACTORS, BuyerConfig, Deployment, FactorName, RiskConfig
from harness.fields import Frozen
from harness.risk.facts import Fact, Facts
from harness.risk.gates import Gate, Reason, reason
from harness.risk.licences import drift, settled, terms
from harness.risk.lineage import Path, weight_line
from harness.risk.registry import Base, Instrument, InstrumentKind, Model, Party, Registry
from harness.risk.standing import Concerned, concerned, looks

# Anchored levels. docs/risk.md prints the same table.
LISTING: dict[InstrumentKind, float] = {
    "use_ban": 1.0, "national_list": 0.75, "state_list": 0.5, "allegation": 0.25, "bill": 0.25,
    "rule": 0.25,
}  # fmt: skip
UNPUBLISHED = 0.5
NOT_IN_FORCE = 0.25
OWNERSHIP = {
    "foundation": 0.0, "private": 0.25, "state_minority": 0.5, "state_controlled": 0.75,
    "military": 1.0,
}  # fmt: skip
COMPULSION = {"ordinary_process": 0.0, "compulsion_without_appeal": 0.5}
SERVING: dict[Deployment, tuple[float, float]] = {
    "self_hosted": (0.0, 0.0),
    "in_region_cloud": (0.25, 0.25),
    "third_party": (0.5, 0.75),  # a promised region, or an upstream that nobody knows
}
TRANSPARENCY = {
    "open_data_code_evals": 0.0, "data_summary": 0.5, "weights_only": 0.75, "nothing": 1.0,
}  # fmt: skip
_LISTS = ("use_ban", "national_list", "state_list")


class Level(Frozen):
    """A measured factor."""

    low: float
    high: float
    text: str


class Measured(Frozen):
    """Factors that come from runs instead of the registry; None: not measured."""

    behaviour: Level | None = None
    security: Level | None = None
    replaceability: Level | None = None


class Factor(Frozen):
    """One row of the table."""

    name: FactorName
    low: float
    high: float
    reasons: tuple[Reason, ...]


_Rows = list[tuple[float, float, Reason]]


class _View:
    """What the rubric looks at: one model, its ancestors and the parties behind them."""

    def __init__(
        self,
        registry: Registry,
        key: str,
        buyer: BuyerConfig,
        deployment: Deployment,
        risk: RiskConfig,
        day: dt.date,
    ) -> None:
        self.registry, self.buyer, self.deployment = registry, buyer, deployment
        self.risk, self.day = risk, day
        self.line = weight_line(registry, key)
        self.parties, self.roles_unknown = concerned(registry, self.line, deployment)

    def models(self) -> Iterable[tuple[Path, Model]]:
        return ((path, self.registry.models[path[-1]]) for path in self.line)

    def party(self, each: Concerned) -> Party:
        return self.registry.parties[each.party]

    def row(self, low: float, high: float, text: str, path: Path, fact: Fact | None) -> "_Row":
        return low, high, reason(text, path, fact, self.day)


_Row = tuple[float, float, Reason]


def factors(
    registry: Registry,
    key: str,
    buyer: BuyerConfig,
    deployment: Deployment,
    risk: RiskConfig,
    day: dt.date,
    gate: Gate,
    measured: Measured,
) -> tuple[Factor, ...]:
    """All ten factors of the model with this registry key, in the order of the configuration."""
    view = _View(registry, key, buyer, deployment, risk, day)
    rows: Mapping[FactorName, _Rows] = {
        "listing": _listing(view),
        "compulsion": _compulsion(view),
        "licence": _licence(view),
        "licence_drift": _drift(view),
        "lineage": _lineage(view, gate),
        "serving_path": _serving(view),
        "behaviour": _measured(view, measured.behaviour, "harness run behaviour=standard"),
        "security": _measured(view, measured.security, "harness run behaviour=standard"),
        "transparency": _transparency(view),
        "replaceability": _measured(view, measured.replaceability, "a sweep over several models"),
    }
    return tuple(
        Factor(
            name=name,
            low=max(low for low, _, _ in rows[name]),
            high=max(high for _, high, _ in rows[name]),
            reasons=tuple(dict.fromkeys(each for _, _, each in rows[name])),
        )
        for name in FACTORS
    )


def _listing(view: _View) -> _Rows:
    rows = [view.row(0.0, 1.0, text, path, fact) for text, path, fact in view.roles_unknown]
    clean: dict[Fact, _Row] = {}
    for party, instrument, stands in looks(view.registry, view.parties, view.risk, view.day):
        if instrument.reaches_domiciles and not _binds(instrument, view.buyer):
            continue  # a law that names whole countries says nothing to those it does not bind
        status = instrument.status(view.day)
        name = f"{party.party}: {stands.text}: {instrument.title}"
        level = LISTING[instrument.kind]
        if status == "approved_unpublished":
            level = UNPUBLISHED
        elif status in ("proposed", "suspended"):
            level = NOT_IN_FORCE
        if stands.state == "listed":
            low = 0.0 if instrument.alternative_reading or status == "unknown" else level
            text = f"{name} ({status})"
            rows.append(view.row(low, level, text, party.path, stands.fact))
        elif stands.state == "unknown":
            listing = instrument.kind in _LISTS and instrument.effects
            in_force = status in ("in_force", "unknown")
            if instrument.reaches_domiciles or (listing and in_force):
                rows.append(view.row(0.0, level, name, party.path, stands.fact))
        elif stands.fact:
            text = f"{party.party}: {stands.text}"
            clean.setdefault(stands.fact, view.row(0.0, 0.0, text, party.path, stands.fact))
    return rows + list(clean.values()) or [
        view.row(0.0, 0.0, "no list in force", view.line[0], None)
    ]


def _binds(instrument: Instrument, buyer: BuyerConfig) -> bool:
    return any(set(effect.binds) & set(buyer.bound_as) for effect in instrument.effects)


def _compulsion(view: _View) -> _Rows:
    rows = [view.row(0.0, 1.0, text, path, fact) for text, path, fact in view.roles_unknown]
    for each in view.parties:
        party = view.party(each)
        low, high = _level(party.ownership, OWNERSHIP, 1.0)
        text = f"{party.title}: {party.ownership.value.replace('_', ' ')}"
        rows.append(view.row(low, high, text, each.path, party.ownership.best))
        rows += [_law(view, each, seat) for seat in (party.headquarters, party.control)]
    return rows


def _law(view: _View, each: Concerned, seat: Facts) -> _Row:
    """May the state where the party sits, or where its control sits, compel it?"""
    if not seat.best.known:
        return view.row(0.0, 0.5, f"{each.party}: seat unknown", each.path, seat.best)
    law = view.registry.jurisdictions[seat.value].compulsion
    low, high = _level(law, COMPULSION, 0.5)
    text = f"{each.party} in {seat.value}: {law.value.replace('_', ' ')}"
    return view.row(low, high, text, each.path, law.best)


def _licence(view: _View) -> _Rows:
    rows = []
    for path, model in view.models():
        licence, _ = settled(model, view.day)
        for term in terms(licence, view.buyer, view.registry):
            fact = licence.evidence if licence else None
            rows.append(view.row(term.low, term.high, term.text, path, fact))
    return rows


def _drift(view: _View) -> _Rows:
    path, model = next(iter(view.models()))
    low, high, text = drift(model, view.day)
    licence, _ = settled(model, view.day)
    return [view.row(low, high, text, path, licence.evidence if licence else None)]


def _lineage(view: _View, gate: Gate) -> _Rows:
    rows: _Rows = []
    for path, model in view.models():
        fact = model.lineage.best
        declared = any(base.edge == "weights" for base in model.bases)
        if not fact.known or (fact.value == "derived" and not declared):
            rows.append(view.row(0.0, 1.0, "base unknown", path, fact))
        else:
            rows.append(view.row(0.0, 0.0, fact.value.replace("_", " "), path, fact))
        for base in model.bases:
            level = _edge(view, model, base)
            text = f"{base.grade} {base.edge.replace('_', ' ')} from {base.model}"
            if base.model in gate.blocked_ancestors and base.edge == "weights":
                level, text = 1.0, f"{text}, which is blocked for this buyer"
            rows.append(view.row(level, level, text, path, base.evidence))
    return rows


def _edge(view: _View, model: Model, base: Base) -> float:
    if base.edge in ("architecture_or_tokenizer", "data"):
        return 0.0
    if base.grade == "alleged":
        return 0.5
    ancestor = view.registry.models[base.model]
    same_maker = model.developer.known and ancestor.developer.value == model.developer.value
    own, theirs = settled(model, view.day)[0], settled(ancestor, view.day)[0]
    same_terms = own is not None and theirs is not None and own.id == theirs.id
    return 0.0 if same_maker and same_terms else 0.25


def _serving(view: _View) -> _Rows:
    path = view.line[0]
    known = SERVING.get(view.deployment)
    if known:
        return [view.row(*known, view.deployment.replace("_", " "), path, None)]
    facts = view.registry.models[path[-1]].api_operators
    unsure: list[Fact | None] = [fact for fact in facts if not fact.known]
    if not facts:
        unsure.append(None)
    rows = [view.row(0.5, 1.0, "developer's API, operator unknown", path, fact) for fact in unsure]
    # Not by role: an operator that is also the developer is kept under its first role.
    named = {fact.value for fact in facts}
    for each in (each for each in view.parties if each.party in named):
        party = view.party(each)
        for seat in (party.headquarters, party.control):
            low, high, why = _law(view, each, seat)
            rows.append((0.5 + low, 0.5 + high, why))
    return rows


def _measured(view: _View, level: Level | None, how: str) -> _Rows:
    path = view.line[0]
    if level is None:
        return [view.row(0.0, 1.0, f"not measured: {how}", path, None)]
    return [view.row(level.low, level.high, level.text, path, None)]


def _transparency(view: _View) -> _Rows:
    path, model = next(iter(view.models()))
    fact = model.transparency.best
    low, high = _level(model.transparency, TRANSPARENCY, 1.0)
    return [view.row(low, high, fact.value.replace("_", " "), path, fact)]


def _level(facts: Facts, levels: Mapping[str, float], worst: float) -> tuple[float, float]:
    """Level of the fact that stands; unknown spans from none to the worst that it can be."""
    if not facts.best.known:
        return 0.0, worst
    return levels[facts.value], levels[facts.value]
