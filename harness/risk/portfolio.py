"""A set of models that share the traffic: concentration, what one instrument stops, joint fate."""

import datetime as dt
from collections.abc import Iterable, Mapping

import numpy as np

from harness.config.judge import BuyerConfig, Deployment, RiskConfig
from harness.fields import Frozen
from harness.risk.assess import Assessment, assess
from harness.risk.base_rates import first_listings
from harness.risk.hazard import Together, series_of, together
from harness.risk.registry import Model, Registry

_STOPS = ("blocked", "needs_approval", "dated_warning")


class Portfolio(Frozen):
    """Shares of traffic by what they hang on. Model shares sum to 1."""

    developers: dict[str, float]
    jurisdictions: dict[str, float]  # a model counts in full under each of its jurisdictions
    in_force: dict[str, float]  # share that an instrument in force stops or will stop, by key
    pending: dict[str, float]  # share that it would stop if it came into force
    if_all_pass: float  # share stopped by anything in force or pending
    together: Together | None  # None: no cohort with listings among the developers


def portfolio(
    registry: Registry,
    shares: Mapping[str, tuple[Model, float]],
    buyer: BuyerConfig,
    risk: RiskConfig,
    day: dt.date,
    deployment: Deployment | None = None,
) -> Portfolio:
    """`shares`: registry key to model and share of the traffic."""
    found = {
        key: assess(registry, model, buyer, risk, day, deployment)
        for key, (model, _) in shares.items()
    }
    weight = {key: share for key, (_, share) in shares.items()}
    in_force = {
        key: {r.instrument for r in each.gate.reasons if r.instrument and r.verdict in _STOPS}
        for key, each in found.items()
    }
    pending = {
        key: {r.instrument for r in each.gate.pending if r.instrument}
        for key, each in found.items()
    }
    return Portfolio(
        developers=_sums({k: (registry.models[k].developer.value,) for k in found}, weight),
        jurisdictions=_sums({k: each.jurisdictions for k, each in found.items()}, weight),
        in_force=_sums(in_force, weight),
        pending=_sums(pending, weight),
        if_all_pass=sum(weight[key] for key in found if in_force[key] | pending[key]),
        together=_together(registry, found, buyer, risk, day),
    )


def _sums(groups: Mapping[str, Iterable[str]], weight: Mapping[str, float]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for key, names in groups.items():
        for name in names:
            sums[name] = sums.get(name, 0.0) + weight[key]
    return dict(sorted(sums.items(), key=lambda pair: (-pair[1], pair[0])))


def _together(
    registry: Registry,
    found: Mapping[str, Assessment],
    buyer: BuyerConfig,
    risk: RiskConfig,
    day: dt.date,
) -> Together | None:
    """Joint fate of the developers of the largest cohort with listings, from national lists."""
    cohorts: dict[str, set[str]] = {}
    for each in found.values():
        for events in each.events:
            if events.states["national_list"] == "possible":
                for cohort in events.cohorts:
                    cohorts.setdefault(cohort, set()).add(events.party)
    series = series_of(registry, "national_list")
    best: tuple[int, Together] | None = None
    for cohort, parties in cohorts.items():
        counted = first_listings(registry, cohort, series, risk.counted_since, day)
        if len(parties) < 2 or not counted.events or (best and best[0] >= len(parties)):
            continue
        span = (day - risk.counted_since).days / 365.25
        exposure = {
            "events": float(counted.events),
            "dates": float(len(counted.dates)),
            "span_years": span,
            "at_risk": counted.years / span,
        }
        rng = np.random.default_rng(risk.seed)
        fate = together(exposure, len(parties), buyer.horizon_years, rng, risk.draws)
        best = len(parties), fate
    return best[1] if best else None
