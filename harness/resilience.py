"""What a forced withdrawal would cost. Pure: takes numbers, knows no model.

c: own USD per million tokens; c1: the fallback's; volume: million tokens a year; R: one-off cost
of moving; hazard: forced withdrawals a year, constant over the horizon of H years.
"""

import math


def expected_usd_per_mtok(
    c: float, c1: float, volume_mtok_per_year: float, switch_usd: float, hazard: float, years: float
) -> float:
    """Expected cost over the horizon, undiscounted.

    With p = 1 - exp(-hazard H) and expected time in use p / hazard:
    [c p/hazard + c1 (H - p/hazard) + R p / volume] / H.
    """
    if hazard == 0:
        return c
    p = -math.expm1(-hazard * years)
    in_use = p / hazard
    return (c * in_use + c1 * (years - in_use) + switch_usd * p / volume_mtok_per_year) / years


def break_even_hazard(
    c: float, c1: float, volume_mtok_per_year: float, switch_usd: float
) -> float | None:
    """The hazard at which starting with the fallback costs the same: (c1 - c) volume / R.

    None where moving costs nothing. Negative: the fallback is cheaper to begin with.
    """
    return (c1 - c) * volume_mtok_per_year / switch_usd if switch_usd > 0 else None
