"""Figures that contradict each other: another unit, a slip of a mapping, a broken tool."""

import math

from harness.errors import FactError
from harness.imports.found import MOST_S
from harness.records.imported import Imported, ImportedFigure

_LATENCIES = ("ttft", "tpot", "itl", "e2e")
_ROUNDING = 1e-3
_LITTLE = 100.0
"""A straggler among few requests, ramp and drain make some of it; ms for s make 1,000."""


def check(found: Imported, where: str) -> None:
    """Raise FactError, with the place and the likely fix, for figures that cannot all be right."""
    figures = found.figures
    for key, figure in figures.items():
        _one(key, figure, where)
    for name in _LATENCIES:
        _in_order(figures, f"{name}_p50_s", f"{name}_p99_s", where)
    _in_order(figures, "ttft_p50_s", "e2e_p50_s", where)
    made, whole = figures.get("output_tok_per_s"), found.total_tok_per_s
    if whole is not None and whole <= 0:
        raise FactError(f"{where}: total_tok_per_s: {whole:g} must be above 0")
    if made and whole and whole < made.value * (1 - _ROUNDING):
        raise FactError(
            f"{where}: {whole:g} tokens/s in all are fewer than {made.value:g} of output alone;"
            " of another window, or one of them per GPU?"
        )
    for key, value in found.own.items():
        _own(key, value, where)
    _little(found, where)


def _one(key: str, figure: ImportedFigure, where: str) -> None:
    value, low, high = figure.value, figure.low, figure.high
    if key.endswith("_s") and key[:4].rstrip("_") in _LATENCIES and value > MOST_S:
        raise FactError(f"{where}: {key}: {value:g} s is more than an hour; in ms?")
    if (low is not None and low > value) or (high is not None and high < value):
        raise FactError(
            f"{where}: {key}: {value:g} is outside its interval, {low} to {high};"
            " ends exchanged, or in another unit?"
        )


def _in_order(figures: dict[str, ImportedFigure], less: str, more: str, where: str) -> None:
    one, other = figures.get(less), figures.get(more)
    if one and other and other.value < one.value * (1 - _ROUNDING):
        raise FactError(
            f"{where}: {more} {other.value:g} s is less than {less} {one.value:g} s; another unit?"
        )


def _own(key: str, value: float | str, where: str) -> None:
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise FactError(f"{where}: {key}: {value:g} must be finite and at least 0")


def _little(found: Imported, where: str) -> None:
    """Little's law in a closed loop: requests a second x seconds each = requests in flight."""
    made, length, concurrency = (
        found.figures.get("output_tok_per_s"), found.output_tokens_mean, found.concurrency,
    )  # fmt: skip
    lasts = _lasts(found)
    if not (made and length and concurrency and lasts) or found.rate_rps is not None:
        return
    # Gaps (ITL) and their number are not requests.
    sizes = [each.n for key, each in found.figures.items() if each.n and not key.startswith("itl")]
    n = made.n or next(iter(sizes), None)
    asked = min(concurrency, n) if n else concurrency
    flying = made.value / length * lasts
    if not 1 / _LITTLE <= flying / asked <= _LITTLE:
        raise FactError(
            f"{where}: {made.value / length:.4g} requests/s of {lasts:.4g} s each keep {flying:.3g}"
            f" in flight, not {asked:g}; a latency or the throughput in another unit?"
        )


def _lasts(found: Imported) -> float | None:
    """Seconds of a request, by the medians that are there."""
    figures, length = found.figures, found.output_tokens_mean
    if "e2e_p50_s" in figures:
        return figures["e2e_p50_s"].value
    if "ttft_p50_s" in figures and "tpot_p50_s" in figures and length:
        return figures["ttft_p50_s"].value + figures["tpot_p50_s"].value * max(length - 1, 0)
    return None
