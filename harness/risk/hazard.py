"""Hazard of a forced withdrawal: sum over events of (rate x P(forced off | event)). Pure.

One rule for every country: the cohorts behind the rates are data. An event that has happened is not
counted again; what remains is P spread over the horizon, -ln(1 - P) / years, or P on the day on
which its instrument begins to bite. An approval that waits for publication has a rate of its own.
An event that may come never counts for more than one that has come: a party is listed first once,
while rate x P assumes a chance each time. Two listings of one kind in one model's line (a base and
its derivative) are two ways to be forced off, so hazards of different parties add up.
"""

import datetime as dt
import zlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from harness import elicited
from harness.config.judge import BuyerConfig, EventKind, RiskConfig
from harness.fields import Frozen
from harness.risk.assess import Assessment, EventState, PartyEvents
from harness.risk.base_rates import (
    YEAR_DAYS,
    GammaPosterior,
    first_listings,
    posterior,
    tighter_licences,
)
from harness.risk.registry import InstrumentKind, Registry

Array = npt.NDArray[np.float64]
_BY_KIND: dict[EventKind, InstrumentKind] = {
    "use_ban": "use_ban", "national_list": "national_list", "state_list": "state_list",
}  # fmt: skip


class Part(Frozen):
    """One way to be forced off."""

    party: str
    event: EventKind
    state: EventState
    per_year: float  # mean over the draws
    basis: str


class Hazard(Frozen):
    """Forced withdrawals a year, constant over the horizon, and jumps on known days."""

    median: float | None  # None: a rate is missing
    mean: float | None
    low: float | None
    high: float | None
    parts: tuple[Part, ...]
    jumps: tuple[tuple[dt.date, float], ...]  # day, mean P(forced off on it)
    missing: str | None


class HazardDraws:
    """The draws behind a `Hazard`: rate (draws,), and for each jump its years from now and P."""

    def __init__(self, rate: Array, jumps: Sequence[tuple[float, Array]]) -> None:
        self.rate = rate
        self.jumps = list(jumps)


class Rates:
    """Posterior rates of a registry, counted once."""

    def __init__(self, registry: Registry, since: dt.date, until: dt.date) -> None:
        self._registry, self._since, self._until = registry, since, until
        self._known: dict[tuple[str, EventKind], tuple[GammaPosterior | None, str]] = {}

    def of(self, cohorts: Collection[str], kind: EventKind) -> tuple[GammaPosterior | None, str]:
        """Posterior of the first of the cohorts, and the counts in words."""
        if kind == "licence_change":
            return self._cached("all models", kind)
        if not cohorts:
            return None, "the party is in no cohort; its rate is unknown"
        return self._cached(next(iter(cohorts)), kind)

    def kind(self, instrument: str) -> EventKind:
        """What a day on which this instrument begins to bite counts as."""
        kind = self._registry.instruments[instrument].kind
        return next((event for event, own in _BY_KIND.items() if own == kind), "national_list")

    def _cached(self, cohort: str, kind: EventKind) -> tuple[GammaPosterior | None, str]:
        if (cohort, kind) not in self._known:
            self._known[cohort, kind] = self._count(cohort, kind)
        return self._known[cohort, kind]

    def _count(self, cohort: str, kind: EventKind) -> tuple[GammaPosterior | None, str]:
        if kind == "licence_change":
            found = tighter_licences(self._registry, self._since, self._until)
            unit = "model-years"
        else:
            series = series_of(self._registry, _BY_KIND[kind])
            found = first_listings(self._registry, cohort, series, self._since, self._until)
            unit = "developer-years"
        text = f"{found.events} in {found.years:.1f} {unit}, {cohort}, since {self._since}"
        return posterior(found), text


def series_of(registry: Registry, kind: InstrumentKind) -> set[str]:
    """Series of instruments of that kind that list names; the count sees which were in force."""
    return {
        instrument.series
        for instrument in registry.instruments.values()
        if instrument.kind == kind and not instrument.reaches_domiciles
    }


def hazard(
    found: Assessment,
    rates: Rates,
    buyer: BuyerConfig,
    risk: RiskConfig,
    day: dt.date,
) -> tuple[Hazard, HazardDraws | None]:
    """Hazard of one assessed model and the draws behind it (None where a rate is missing)."""
    n = risk.draws
    total = np.zeros(n)
    parts: list[Part] = []
    jumps: list[tuple[dt.date, float, Array]] = []
    dated: set[EventKind] = set()
    for event in found.dated:
        years = (event.on - day).days / YEAR_DAYS
        if 0 < years < buyer.horizon_years:
            kind = rates.kind(event.instrument)
            jumps.append((event.on, years, _chance(kind, buyer, risk)))
            dated.add(kind)
    for events in found.events:
        for kind, state in events.states.items():
            if state == "happened" and kind in dated:
                continue  # its chance comes on the day, as a jump
            drawn, basis = _event(events, kind, state, rates, buyer, risk)
            if drawn is None:
                missing = f"{events.party}, {kind.replace('_', ' ')}: {basis}"
                return _unknown(missing), None
            total += drawn
            mean = float(drawn.mean())
            parts.append(
                Part(party=events.party, event=kind, state=state, per_year=mean, basis=basis)
            )
    low, median, high = np.quantile(total, [0.05, 0.5, 0.95])
    return Hazard(
        median=float(median),
        mean=float(total.mean()),
        low=float(low),
        high=float(high),
        parts=tuple(sorted(parts, key=lambda part: -part.per_year)),
        jumps=tuple((on, float(chance.mean())) for on, _, chance in jumps),
        missing=None,
    ), HazardDraws(total, [(years, chance) for _, years, chance in jumps])


def _event(
    events: PartyEvents,
    kind: EventKind,
    state: EventState,
    rates: Rates,
    buyer: BuyerConfig,
    risk: RiskConfig,
) -> tuple[Array | None, str]:
    n = risk.draws
    forced = buyer.forced_off[kind]
    chance = _chance(kind, buyer, risk)
    said = f"P(forced off) {forced.low:g} to {forced.high:g} ({forced.source})"
    certain = -np.log1p(-np.minimum(chance, 1 - 1e-9)) / buyer.horizon_years
    if state == "happened":
        return certain, f"has happened; {said}, spread over {buyer.horizon_years:g} years"
    if state == "approved_unpublished":
        own = risk.unpublished_listing_per_year
        rate = elicited.amounts(own.low, own.high, _rng(risk.seed, f"unpublished {kind}"), n)
        basis = f"{own.low:g} to {own.high:g} a year ({own.source}); {said}"
        return np.minimum(rate * chance, certain), basis
    counted, text = rates.of(events.cohorts, kind)
    if counted is None:
        return None, text
    # A cohort's rate is one unknown number, so all its parties meet the same draws of it.
    rng = _rng(risk.seed, f"{next(iter(events.cohorts), '')} {kind}")
    rate = rng.gamma(counted.shape, 1 / counted.years, n)
    return np.minimum(rate * chance, certain), f"{text}; {said}"


def _chance(kind: EventKind, buyer: BuyerConfig, risk: RiskConfig) -> Array:
    """Draws of P(forced off | event): one unknown of the buyer, the same wherever it is used."""
    forced = buyer.forced_off[kind]
    return elicited.chances(forced.low, forced.high, _rng(risk.seed, kind), risk.draws)


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _unknown(why: str) -> Hazard:
    return Hazard(median=None, mean=None, low=None, high=None, parts=(), jumps=(), missing=why)


class Together(Frozen):
    """Chance that several of a portfolio's developers are listed within the horizon."""

    at_once: float  # two or more on one day, listings coming in batches
    within: float  # two or more on any days, listings coming in batches
    independent: float  # two or more on any days, were fates of equal chance independent
    dates_per_year: float
    hit_share: float


def together(
    exposure: Mapping[str, float], developers: int, years: float, rng: np.random.Generator, n: int
) -> Together:
    """Shared-shock model: dates ~ Poisson(rate), each developer at risk hit with a share.

    `exposure`: events, dates, span_years, at_risk (mean developers at risk on a date). Rate of
    dates ~ Gamma(dates + 1/2, span), hit share ~ Beta(events + 1/2, hits missed + 1/2).
    """
    hits, dates = exposure["events"], exposure["dates"]
    rate = rng.gamma(dates + 0.5, 1 / exposure["span_years"], n)
    looked = max(dates * exposure["at_risk"], hits)
    share = rng.beta(hits + 0.5, looked - hits + 0.5, n)
    at_once = 1 - np.exp(-rate * years * _two_or_more(share, developers))
    within = _two_or_more(1 - (1 - share) ** rng.poisson(rate * years), developers)
    alone = np.mean(1 - np.exp(-rate * share * years))
    return Together(
        at_once=float(at_once.mean()),
        within=float(within.mean()),
        independent=float(_two_or_more(np.asarray(alone), developers)),
        dates_per_year=float(rate.mean()),
        hit_share=float(share.mean()),
    )


def _two_or_more(chance: Array, of: int) -> Array:
    """Probability that two or more of several things happen, each with the same chance."""
    none, one = (1 - chance) ** of, of * chance * (1 - chance) ** (of - 1)
    return np.clip(1 - none - one, 0, 1)
