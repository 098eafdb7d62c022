"""How many other models could take a model's place, and from how many jurisdictions. Pure."""

from collections.abc import Sequence

from harness.fields import Frozen
from harness.risk.factors import Level

CLOSE_QUALITY, FAIR_QUALITY, CLOSE_COST = 0.95, 0.85, 1.5


class Candidate(Frozen):
    """A measured model that the buyer may use; None: not measured."""

    key: str
    jurisdictions: tuple[str, ...]
    quality: float | None
    usd_per_mtok: float | None


def replaceability(own: Candidate, others: Sequence[Candidate]) -> Level | None:
    """Level 0 for 3 substitutes in 2 jurisdictions or more, 0.25 for 2, 0.5 for 1, 0.75 for only
    fair ones, 1 for none; None where the model itself lacks quality or cost.

    A substitute keeps 95% of the quality at no more than 1.5 times the cost; a fair one 85%. Those
    that were not measured might be substitutes: they count for the lower end and not the upper.
    """
    if own.quality is None or own.usd_per_mtok is None:
        return None
    rest = [other for other in others if other.key != own.key]
    fits = [other for other in rest if _fits(own, other, CLOSE_QUALITY)]
    open_ = [other for other in rest if None in (other.quality, other.usd_per_mtok)]
    fair = any(_quality(own, other, FAIR_QUALITY) for other in rest)
    text = f"{len(fits)} substitutes among {len(rest)} other permitted models in this report"
    if open_:
        text += f", {len(open_)} of them not measured"
    return Level(low=_level([*fits, *open_], fair), high=_level(fits, fair), text=text)


def _level(fits: Sequence[Candidate], fair: bool) -> float:
    seats = {seat for each in fits for seat in each.jurisdictions}
    if len(fits) >= 3 and len(seats) >= 2:
        return 0.0
    if len(fits) >= 2:
        return 0.25
    if fits:
        return 0.5
    return 0.75 if fair else 1.0


def _fits(own: Candidate, other: Candidate, share: float) -> bool:
    assert own.usd_per_mtok is not None  # the caller's
    cheap = other.usd_per_mtok is not None and other.usd_per_mtok <= CLOSE_COST * own.usd_per_mtok
    return cheap and _quality(own, other, share)


def _quality(own: Candidate, other: Candidate, share: float) -> bool:
    assert own.quality is not None  # the caller's
    return other.quality is not None and other.quality >= share * own.quality
