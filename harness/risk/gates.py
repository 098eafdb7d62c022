"""What a buyer may do with a model: the worst of what applies, each with instrument and fact."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from harness.config.judge import BuyerConfig, Deployment, RiskConfig
from harness.errors import ConfigError
from harness.fields import Frozen
from harness.risk.facts import Fact
from harness.risk.licences import settled, terms
from harness.risk.lineage import Path, weight_line
from harness.risk.registry import Effect, Registry
from harness.risk.standing import Look, concerned, looks

Verdict = Literal["blocked", "needs_approval", "dated_warning", "unknown", "clear", "not_assessed"]
ORDER: tuple[Verdict, ...] = ("blocked", "needs_approval", "dated_warning", "unknown", "clear")
_PENDING = ("proposed", "suspended", "approved_unpublished")


class Reason(Frozen):
    """Why a gate or a factor stands where it stands."""

    text: str
    path: Path  # from the model down its weights to the one concerned
    fact: Fact | None  # None: no fact, which is the reason, or a measurement named in the text
    stale: bool = False
    verdict: Verdict | None = None  # what it alone would make the gate
    instrument: str | None = None
    bites_on: dt.date | None = None


class Gate(Frozen):
    """What a buyer may do with a model. Never averaged with anything."""

    verdict: Verdict
    days_left: int | None
    reasons: tuple[Reason, ...]
    pending: tuple[Reason, ...]  # instruments that are not in force

    @property
    def permits(self) -> bool:
        """Whether the buyer may use the model today; a dated warning may hide no unknown."""
        return self.verdict in ("clear", "dated_warning") and not any(
            each.verdict == "unknown" for each in self.reasons
        )

    @property
    def blocked_ancestors(self) -> tuple[str, ...]:
        """Ancestors by weights that alone would block the model."""
        hit = [r.path[-1] for r in self.reasons if r.verdict == "blocked" and len(r.path) > 1]
        return tuple(dict.fromkeys(hit))


def check_buyer(registry: Registry, buyer: BuyerConfig) -> None:
    """Raises ConfigError for a tag that no instrument binds: it would gate nothing, silently."""
    effects = [e for i in registry.instruments.values() for e in i.effects]
    known = sorted({tag for effect in effects for tag in effect.binds})
    for tag in buyer.bound_as:
        if tag not in known:
            raise ConfigError(
                f"buyer.bound_as: no instrument binds {tag!r}; known: {', '.join(known)}"
            )


def gate(
    registry: Registry,
    key: str,
    buyer: BuyerConfig,
    deployment: Deployment,
    risk: RiskConfig,
    day: dt.date,
) -> Gate:
    """The gate of the model with this registry key for the buyer, that way of use and day."""
    line = weight_line(registry, key)
    parties, roles_unknown = concerned(registry, line, deployment)
    reasons = [
        reason(text, path, fact, day, verdict="unknown") for text, path, fact in roles_unknown
    ]
    pending: list[Reason] = []
    for look in looks(registry, parties, risk, day):
        for effect in look[1].effects:
            if _applies(effect, buyer, deployment):
                hit = _by_instrument(look, effect, day)
                if hit:
                    (pending if hit.verdict is None else reasons).append(hit)
    for path in line:
        reasons += _by_licence(registry, path, buyer, day)
        lineage = registry.models[path[-1]].lineage
        undeclared = lineage.value == "derived" and not any(
            base.edge == "weights" for base in registry.models[path[-1]].bases
        )
        if not lineage.best.known or undeclared:
            text = "derived from a base that is not known" if undeclared else "lineage unknown"
            reasons.append(reason(text, path, lineage.best, day, verdict="unknown"))
    verdicts = [r.verdict for r in reasons if r.verdict]
    worst: Verdict = min(verdicts, key=ORDER.index, default="clear")
    days = [(r.bites_on - day).days for r in reasons if r.bites_on and r.bites_on > day]
    return Gate(
        verdict=worst,
        days_left=min(days, default=None) if worst == "dated_warning" else None,
        reasons=tuple(
            sorted(dict.fromkeys(reasons), key=lambda r: ORDER.index(r.verdict or "clear"))
        ),
        pending=tuple(dict.fromkeys(pending)),
    )


def _applies(effect: Effect, buyer: BuyerConfig, deployment: Deployment) -> bool:
    return (
        bool(set(effect.binds) & set(buyer.bound_as))
        and deployment in effect.deployments
        and effect.reading in (None, buyer.reading)
    )


def _by_instrument(look: Look, effect: Effect, day: dt.date) -> Reason | None:
    """A reason with a verdict, a pending one without, or None where the party is not found."""
    party, instrument, stands = look
    status = instrument.status(day)
    if stands.state == "not_found":
        return None
    if stands.state == "unknown":
        if status in _PENDING:
            return None
        text = f"{party.party} under {instrument.title}: {stands.text}"
        return _of(text, look, day, verdict="unknown")
    named = f"{stands.text} under {instrument.title}"
    if status in _PENDING:
        return _of(f"{status}: {named}: {effect.text}", look, day)
    if status == "unknown":
        return _of(f"status unknown: {named}: {effect.text}", look, day, verdict="unknown")
    verdict: Verdict = effect.verdict
    if effect.bites_on:
        left = (effect.bites_on - day).days
        named += f", bites on {effect.bites_on} ({left} days)" if left > 0 else ", bites"
        verdict = "dated_warning" if left > 0 else "needs_approval"
    return _of(f"{named}: {effect.text}", look, day, verdict, effect.bites_on)


def _of(
    text: str,
    look: Look,
    day: dt.date,
    verdict: Verdict | None = None,
    bites_on: dt.date | None = None,
) -> Reason:
    party, instrument, stands = look
    return reason(text, party.path, stands.fact, day, verdict, instrument.key, bites_on)


def _by_licence(
    registry: Registry, path: Path, buyer: BuyerConfig, day: dt.date
) -> Sequence[Reason]:
    licence, against = settled(registry.models[path[-1]], day)
    fact = licence.evidence if licence else None
    found = []
    for term in terms(licence, buyer, registry):
        if term.verdict != "clear":
            found.append(reason(term.text, path, fact, day, verdict=term.verdict))
    for other in against:
        text = f"sources disagree: {licence.id if licence else 'none'} stands, not {other.id}"
        found.append(reason(text, path, other.evidence, day, verdict="clear"))
    return found


def reason(
    text: str,
    path: Path,
    fact: Fact | None,
    day: dt.date,
    verdict: Verdict | None = None,
    instrument: str | None = None,
    bites_on: dt.date | None = None,
) -> Reason:
    """A reason that knows whether its fact is past review on that day."""
    return Reason(
        text=text,
        path=path,
        fact=fact,
        stale=fact.stale(day) if fact else False,
        verdict=verdict,
        instrument=instrument,
        bites_on=bites_on,
    )
