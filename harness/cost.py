"""USD per million tokens, per correct answer, of energy. Pure; formulas in docs/metrics.md."""

from harness.config.judge import ApiPrice, MachinePrice
from harness.stats import Estimate

_SECONDS_PER_HOUR = 3600.0
_JOULES_PER_KWH = 3.6e6
_TOKENS_PER_MTOK = 1e6


def usd_per_mtok(usd_per_hour: float, tok_per_s: Estimate, utilisation: float) -> Estimate:
    """Machine price over tokens: usd_per_hour / (3600 x utilisation) / tok_per_s x 1e6.

    The interval is the throughput's, so its ends change places; a price range is a separate
    question. `utilisation`: the share of paid hours in which the machine works at this rate.
    """

    def at(rate: float) -> float:
        return usd_per_hour / (_SECONDS_PER_HOUR * utilisation) / rate * _TOKENS_PER_MTOK

    return Estimate(
        value=at(tok_per_s.value),
        n=tok_per_s.n,
        low=at(tok_per_s.high) if tok_per_s.high else None,
        high=at(tok_per_s.low) if tok_per_s.low and tok_per_s.low > 0 else None,
    )


def api_usd_per_mtok_total(price: ApiPrice, input_tokens: int, output_tokens: int) -> float:
    """Blended price of the tokens that a load level really used."""
    bill = input_tokens * price.input_usd_per_mtok + output_tokens * price.output_usd_per_mtok
    return bill / (input_tokens + output_tokens)


def usd_per_correct(
    usd_per_mtok_output: Estimate, output_tokens_per_answer: float, accuracy: Estimate
) -> Estimate | None:
    """Cost of one right answer: tokens per answer x price per token / accuracy.

    The interval takes the ends of cost and accuracy together, so it is wider than 95%. None when
    nothing was answered correctly: the cost has no bound.
    """
    if accuracy.value <= 0:
        return None
    scale = output_tokens_per_answer / _TOKENS_PER_MTOK

    def at(cost: float | None, share: float | None) -> float | None:
        return cost * scale / share if cost is not None and share else None

    return Estimate(
        value=usd_per_mtok_output.value * scale / accuracy.value,
        n=accuracy.n,
        low=at(usd_per_mtok_output.low, accuracy.high),
        high=at(usd_per_mtok_output.high, accuracy.low),
    )


def energy_usd(energy_j: float, usd_per_kwh: float) -> float:
    """Energy at a tariff. Rent already holds it: never add the two."""
    return energy_j / _JOULES_PER_KWH * usd_per_kwh


def machine_usd(seconds: float, price: MachinePrice, units: int) -> float:
    """What `units` GPUs (or one CPU machine) cost for some seconds at the mid price."""
    return seconds / _SECONDS_PER_HOUR * price.mid_usd_per_hour * units
