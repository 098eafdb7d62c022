"""harness.cost: every price from a bill that can be added up by hand."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.config.judge import ApiPrice
from harness.cost import (
    TokenSeconds,
    Unfit,
    against,
    api_usd,
    bill,
    co2e_g,
    energy_j,
    energy_usd,
    fit,
    machine_usd,
    usd_per_correct,
    usd_per_second,
    work,
)
from harness.records.schema import Level
from harness.stats import Estimate, mean
from tests.builders import energy, estimate, level, shaped, window

PRICES = st.floats(0.01, 1000)
# A second for a thousand input tokens, ten for a thousand output tokens, ten requests a level:
# 1,000 x 0.001 + 320 x 0.01 = 4.2 s, and so on.
EXACT = (shaped(100, 32, 4.2), shaped(400, 8, 4.8), shaped(20, 64, 6.6))


def fitted(levels: Sequence[Level]) -> TokenSeconds:
    found = fit(levels)
    assert isinstance(found, TokenSeconds)
    return found


def unfit(levels: Sequence[Level]) -> str:
    found = fit(levels)
    assert isinstance(found, Unfit)
    return found.reason


# --- input and output apart ------------------------------------------------------------------


def test_the_fit_finds_the_seconds_per_token_that_made_the_levels() -> None:
    found = fitted(EXACT)

    assert found.seconds == pytest.approx((0.001, 0.0, 0.01))
    assert found.largest_residual == pytest.approx(0.0, abs=1e-9)
    assert found.r_squared == pytest.approx(1.0)
    assert found.levels == ("c8-i100-o32", "c8-i400-o8", "c8-i20-o64")


def test_a_mix_adds_up_the_seconds_of_its_tokens() -> None:
    # 200 in and 50 out: 0.2 + 0.5 seconds.
    found = fitted(EXACT).mix(200, 0, 50)

    assert found.value == pytest.approx(0.7)
    assert found.n == 3
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.7 < found.high


def test_a_mixs_interval_is_narrower_than_its_parts_taken_together() -> None:
    # A drawn fit that puts more into input puts less into output; ends that add up ignore that.
    both, one, other = (fitted(EXACT).mix(*part) for part in ((1, 0, 1), (1, 0, 0), (0, 0, 1)))

    widths = [(e.high or 0) - (e.low or 0) for e in (both, one, other)]
    assert widths[0] < widths[1] + widths[2]


def test_the_interval_grows_with_the_throughputs() -> None:
    def width(spread: float) -> float:
        levels = [
            each.model_copy(
                update={"output_tok_per_s": estimate(each.output_tok_per_s.value, 10, spread)}
            )
            for each in EXACT
            if each.output_tok_per_s
        ]
        found = fitted(levels).mix(1, 0, 0)
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    # 95% of draws within 10% of one rate; input costs 0.001 s.
    assert width(0.01) < width(0.1)
    assert width(0.01) < 0.001 * 0.05


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    # Rates of ten slices that scatter by 5%; 95% of 60 runs are 57, and 52 or fewer would come
    # up once in a hundred.
    random = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        levels = []
        for tokens_in, tokens_out, seconds in ((100, 32, 4.2), (400, 8, 4.8), (20, 64, 6.6)):
            truth = 10 * tokens_out / seconds
            rate = mean(list(truth * (1 + 0.05 * random.standard_normal(10))))
            assert rate is not None
            measured = 10 * tokens_out / rate.value
            levels.append(shaped(tokens_in, tokens_out, measured, output_tok_per_s=rate))
        price = fitted(levels).mix(0, 0, 1)
        assert price.low is not None
        assert price.high is not None
        held += price.low <= 0.01 <= price.high

    assert held > 52


def test_the_same_records_give_the_same_interval() -> None:
    assert fitted(EXACT).mix(1, 0, 1) == fitted(EXACT).mix(1, 0, 1)


def test_a_level_without_interval_leaves_the_prices_without_one() -> None:
    bare = EXACT[0].model_copy(update={"output_tok_per_s": Estimate(value=76.0, n=1)})

    found = fitted((bare, *EXACT[1:])).mix(1, 0, 0)

    assert (found.low, found.high) == (None, None)
    assert found.value > 0


SHAPES = st.lists(
    st.tuples(st.integers(1, 5000), st.integers(1, 2000), st.floats(1.0, 1000.0)),
    min_size=2,
    max_size=5,
    unique_by=lambda shape: shape[:2],
)


@settings(max_examples=60, deadline=None)
@given(shapes=SHAPES, hourly=PRICES, use=st.floats(0.01, 1), cached=st.floats(0, 0.9))
def test_prices_times_tokens_over_the_fitted_levels_are_the_bill(
    shapes: list[tuple[int, int, float]], hourly: float, use: float, cached: float
) -> None:
    levels = [shaped(*shape) for shape in shapes]
    part = levels[0].window
    assert part is not None
    hits = int(cached * part.input_tokens)
    levels[0] = levels[0].model_copy(
        update={"window": part.model_copy(update={"cached_input_tokens": hits})}
    )
    found = fit(levels)
    assume(isinstance(found, TokenSeconds))
    assert isinstance(found, TokenSeconds)
    usd_per_s = usd_per_second(hourly, 1, use)

    paid = 0.0
    for each in levels:
        done = work(each)
        for kind, count in enumerate((done.input_tokens, done.cached_tokens, done.output_tokens)):
            price_usd_per_mtok = found.seconds[kind] * usd_per_s * 1e6
            paid += count / 1e6 * price_usd_per_mtok

    machine = sum(seconds for *_, seconds in shapes) / 3600 / use * hourly
    assert paid == pytest.approx(machine, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(shapes=SHAPES)
def test_no_price_is_negative_and_every_interval_holds_its_price(
    shapes: list[tuple[int, int, float]],
) -> None:
    found = fit([shaped(*shape) for shape in shapes])
    assume(isinstance(found, TokenSeconds))
    assert isinstance(found, TokenSeconds)

    for part in ((1, 0, 0), (0, 0, 1), (3, 0, 1)):
        price = found.mix(*part)
        assert price.value >= 0
        if price.low is not None and price.high is not None:
            assert 0 <= price.low <= price.value <= price.high


def test_levels_that_two_prices_cannot_explain_say_so() -> None:
    # The third takes twice the 6.6 s that its tokens would.
    found = fitted((*EXACT[:2], shaped(20, 64, 13.2), shaped(100, 64, 7.4)))

    assert found.largest_residual > 0.1
    assert "over 10%" in found.conditions


def test_an_exact_fit_of_two_shapes_is_not_praised() -> None:
    found = fitted(EXACT[:2])

    assert found.seconds == pytest.approx((0.001, 0.0, 0.01))
    assert "how well it fits is not tested" in found.conditions
    assert "R2" not in found.conditions


def test_a_price_at_its_lower_bound_is_called_that_and_not_free() -> None:
    # More input and less output takes less time: no positive price of input explains it.
    found = fitted((shaped(100, 32, 10.0), shaped(400, 30, 5.0)))

    assert found.seconds[0] == 0.0
    assert "; input at its lower bound of 0" in found.conditions
    assert "cached" not in found.conditions


def test_cached_input_is_priced_apart_where_levels_had_it() -> None:
    # Of 4,000 prompt tokens 3,000 came from the cache, at a tenth of the time:
    # 1,000 x 0.001 + 3,000 x 0.0001 + 80 x 0.01 = 2.1 s.
    part = window(
        end_s=2.1,
        requests=10,
        input_tokens=4000,
        cached_input_tokens=3000,
        output_tokens=80,
    )
    found = fitted((EXACT[0], EXACT[2], shaped(400, 8, 2.1, window=part)))

    assert found.has_cached
    assert found.seconds == pytest.approx((0.001, 0.0001, 0.01))


def cached(unique: int, hits: int, output: int) -> Level:
    """Ten requests in the seconds that 1, 0.1 and 10 ms a token give."""
    seconds = 10 * (0.001 * unique + 0.0001 * hits + 0.01 * output)
    part = window(
        end_s=seconds,
        requests=10,
        input_tokens=10 * (unique + hits),
        cached_input_tokens=10 * hits,
        output_tokens=10 * output,
    )
    return shaped(unique + hits, output, seconds, window=part)


def test_the_shapes_of_the_shipped_shared_prefix_load_tell_cached_input_apart() -> None:
    found = fitted(
        (cached(200, 2000, 200), cached(200, 2000, 600), cached(2000, 2000, 200),
         cached(2000, 2000, 16))
    )  # fmt: skip

    assert found.seconds == pytest.approx((0.001, 0.0001, 0.01))


def test_cached_and_fresh_input_in_one_proportion_give_no_prices_instead_of_noise() -> None:
    # Three answers' lengths, but always 2,000 cached to 200 fresh; a stray miss makes the rank 3.
    reason = unfit((cached(200, 2000, 200), cached(201, 1999, 600), cached(200, 2000, 16)))

    assert "do not tell 3 kinds of token apart" in reason


def test_a_mix_with_cached_tokens_needs_levels_that_had_some() -> None:
    with pytest.raises(ValueError, match="no cached tokens"):
        fitted(EXACT).mix(1, 1, 1)


def test_stray_cache_hits_count_as_input() -> None:
    part = window(input_tokens=1000, cached_input_tokens=19)

    assert work(level(window=part))[1:3] == (1000, 0)


def test_a_level_whose_cache_hits_are_not_told_is_not_fitted() -> None:
    silent = shaped(400, 8, 4.8, declared_cache_share=0.5)

    assert "measured: 100 in and 32 out" in unfit((EXACT[0], silent))


@pytest.mark.parametrize(
    "other",
    [
        shaped(200, 64, 8.4),
        shaped(400, 8, 4.8, void=("the client lagged",)),
        shaped(400, 8, 4.8, kind="open", concurrency=None, rate_rps=2.0),
        shaped(400, 8, 4.8, concurrency=16),
        shaped(400, 8, 4.8, input_tokens_asked=None),
        shaped(400, 8, 4.8, output_tokens_asked=None),
        shaped(400, 8, 4.8, output_tok_per_s=None),
    ],
    ids=[
        "a multiple of the first",
        "void",
        "open loop",
        "other concurrency",
        "prompts as they are",
        "natural length",
        "no throughput",
    ],
)
def test_without_two_usable_shapes_there_is_no_split_and_the_reason_names_what_there_is(
    other: Level,
) -> None:
    reason = unfit((EXACT[0], other))

    assert "two shapes, not multiples of each other, at one concurrency" in reason
    assert "100 in and 32 out" in reason


def test_nothing_measured_has_no_split() -> None:
    assert unfit(()).endswith("measured: none")


def at(concurrency: int, levels: Sequence[Level]) -> list[Level]:
    return [each.model_copy(update={"concurrency": concurrency}) for each in levels]


@pytest.mark.parametrize(
    ("levels", "chosen"),
    [
        ([*at(4, EXACT), *at(16, EXACT[:2])], 4),
        ([*at(4, EXACT[:2]), *at(16, EXACT[:2])], 16),
        (
            [*at(4, EXACT[:2]), *at(16, [shaped(1, 1, 1.0), shaped(2, 2, 2.0), shaped(3, 3, 3.0)])],
            4,
        ),
    ],
    ids=["most shapes", "of equals the highest", "multiples do not count"],
)
def test_the_fit_takes_the_concurrency_with_most_shapes(levels: list[Level], chosen: int) -> None:
    assert fitted(levels).concurrency == chosen


# --- the whole bill --------------------------------------------------------------------------


def test_a_bill_by_hand() -> None:
    # Ten seconds at 0.001 USD over 100 output tokens are 100 USD a million; 8 to 12.5 tok/s.
    one = level(output_tok_per_s=Estimate(value=10.0, n=10, low=8.0, high=12.5))

    found = bill(one, usd_per_second(3.6, 1, 1.0), 100 / 1e6)

    assert found is not None
    assert found.value == pytest.approx(100.0)
    assert (found.low, found.high) == (pytest.approx(80.0), pytest.approx(125.0))
    assert found.n == 10


@given(
    price=PRICES, tokens=st.integers(1, 10**9), seconds=st.floats(0.1, 1e6), use=st.floats(0.01, 1)
)
def test_a_bill_times_what_it_is_over_is_the_machines_cost(
    price: float, tokens: int, seconds: float, use: float
) -> None:
    part = window(end_s=seconds, output_tokens=tokens)

    found = bill(level(window=part), usd_per_second(price, 2, use), tokens / 1e6)

    assert found is not None
    assert found.value * tokens / 1e6 == pytest.approx(2 * price * seconds / 3600 / use)


@pytest.mark.parametrize("changes", [{"output_tok_per_s": None}, {}], ids=["no rate", "nothing"])
def test_nothing_to_divide_by_has_no_bill(changes: dict[str, Any]) -> None:
    assert bill(level(**changes), 1.0, 0.0 if not changes else 1.0) is None


def test_a_level_without_steady_part_is_billed_as_a_whole() -> None:
    assert work(level(window=None)) == (10.0, 300, 0, 100, 4)


@given(rate=st.floats(0.1, 1e5), below=st.floats(0.1, 1), above=st.floats(1, 10))
def test_an_interval_against_a_rate_holds_its_value(
    rate: float, below: float, above: float
) -> None:
    found = against(Estimate(value=rate, n=10, low=rate * below, high=rate * above), 5.0)

    assert found.low is not None
    assert found.high is not None
    assert found.low <= 5.0 * (1 + 1e-9)
    assert found.high >= 5.0 * (1 - 1e-9)


@pytest.mark.parametrize("low", [None, 0.0, -1.0])
def test_a_rate_that_may_be_zero_leaves_the_cost_without_an_upper_end(low: float | None) -> None:
    found = against(Estimate(value=10.0, n=10, low=low, high=20.0), 100.0)

    assert (found.low, found.high) == (pytest.approx(50.0), None)


@pytest.mark.parametrize(("units", "usd"), [(1, 1.5), (8, 12.0)])
def test_a_machines_bill_counts_its_units(units: int, usd: float) -> None:
    assert machine_usd(1800.0, 3.0, units) == pytest.approx(usd)


# --- api -------------------------------------------------------------------------------------


def api(**changes: Any) -> ApiPrice:
    given: dict[str, Any] = {
        "input_usd_per_mtok": 0.2,
        "output_usd_per_mtok": 1.0,
        "source": "made up",
        "as_of": dt.date(2026, 11, 25),
    }
    return ApiPrice(**given | changes)


def test_an_apis_charge_by_hand() -> None:
    # 3 million in at 0.20 and 1 million out at 1.00; 2 million cached at 0.05.
    assert api_usd(api(), 3e6, 0, 1e6) == pytest.approx(1.6)
    assert api_usd(api(cached_input_usd_per_mtok=0.05), 3e6, 2e6, 1e6) == pytest.approx(1.7)


def test_cached_tokens_without_a_price_have_no_charge_instead_of_inputs_or_none() -> None:
    assert api_usd(api(), 3e6, 2e6, 1e6) is None


# --- answers ---------------------------------------------------------------------------------


def test_the_cost_of_a_correct_answer_by_hand() -> None:
    # 0.02 an answer; half of them right: 0.04.
    found = usd_per_correct(
        Estimate(value=0.02, n=10, low=0.016, high=0.024),
        Estimate(value=0.5, n=80, low=0.4, high=0.6),
    )

    assert found is not None
    assert found.value == pytest.approx(0.04)
    assert found.low == pytest.approx(0.016 / 0.6)
    assert found.high == pytest.approx(0.024 / 0.4)
    assert found.n == 80


def test_nothing_answered_correctly_has_no_cost_instead_of_zero() -> None:
    assert usd_per_correct(Estimate(value=1.0, n=1), Estimate(value=0.0, n=8)) is None


def test_ends_that_are_not_known_stay_unknown() -> None:
    found = usd_per_correct(Estimate(value=1.0, n=1), Estimate(value=0.5, n=8, low=0.0))

    assert found is not None
    assert (found.low, found.high) == (None, None)


# --- energy ----------------------------------------------------------------------------------


def test_energy_per_token_takes_the_mean_power_over_the_steady_part() -> None:
    # 1,200 J in 12 s are 100 W; 10 s of it over 100 tokens: 10 J.
    one = level(energy=energy(energy_j=1200.0, source="nvml", window_s=12.0))

    found = energy_j(one, work(one).output_tokens)

    assert found is not None
    assert found.value == pytest.approx(10.0)
    assert found.n == 10


def test_without_a_counter_there_is_no_energy() -> None:
    assert energy_j(level(), 100) is None


def test_energy_at_a_tariff_and_at_a_grids_intensity_by_hand() -> None:
    assert energy_usd(7.2e6, 0.30) == pytest.approx(0.60)  # two kilowatt hours
    assert co2e_g(7.2e6, 350.0) == pytest.approx(700.0)
