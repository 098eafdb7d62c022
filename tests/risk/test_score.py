"""harness.risk.score: intervals and uncertain weights to score, rank and ties."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from harness.config import load
from harness.config.judge import FACTORS, FactorName, RiskConfig
from harness.risk.score import Score, Scores, Vector, _bounds, score

RISK = load.judge([]).risk
WEIGHTS = RISK.weights


def risk(**changes: Any) -> RiskConfig:
    return RISK.model_copy(update={"draws": 2000} | changes)


def vector(key: str, level: float = 0.0, **changed: tuple[float, float]) -> Vector:
    low: dict[FactorName, float] = dict.fromkeys(FACTORS, level)
    high = dict(low)
    for name, (a, b) in changed.items():
        low[name], high[name] = a, b
    return Vector(key=key, low=low, high=high)


def scored(*vectors: Vector, **changes: Any) -> Scores:
    return score(vectors, WEIGHTS, risk(**changes))


def one(*vectors: Vector, **changes: Any) -> Score:
    return scored(*vectors, **changes).models[0]


def test_equal_factors_score_their_level_under_both_aggregations() -> None:
    # Weights sum to 1, so the sum is the level; 1 - (1 - 0.5)^1 = 0.5.
    found = one(vector("a", 0.5))

    assert found.additive.median == pytest.approx(0.5)
    assert found.non_compensatory.median == pytest.approx(0.5)
    assert found.weights_share is None or found.weights_share == pytest.approx(1.0)


def test_the_mean_weight_is_the_stated_one() -> None:
    found = one(vector("a", listing=(1.0, 1.0)), draws=20_000)

    assert found.additive.median == pytest.approx(WEIGHTS["listing"], abs=0.01)


def test_a_very_bad_factor_cannot_be_bought_off() -> None:
    # Additive 0.2; strict 1 - 0.02^0.2 = 0.543.
    found = one(vector("a", listing=(1.0, 1.0)), draws=20_000, dirichlet_concentration=1e6)

    assert found.additive.median == pytest.approx(0.2, abs=0.002)
    assert found.non_compensatory.median == pytest.approx(1 - 0.02**0.2, abs=0.004)


def test_an_unknown_factor_spans_its_range() -> None:
    # w ~ 0.2, x ~ U(0, 1): 5% to 95% is 0.2 x [0.05, 0.95] with tight weights.
    found = one(vector("a", listing=(0.0, 1.0)), draws=50_000, dirichlet_concentration=1e6)

    assert found.additive.low == pytest.approx(0.01, abs=0.002)
    assert found.additive.high == pytest.approx(0.19, abs=0.002)
    assert found.deciding_unknown == "listing"


def test_models_far_apart_are_told_apart_and_ranked() -> None:
    found = scored(vector("good", 0.1), vector("bad", 0.6))

    assert [m.ties for m in found.models] == [(), ()]
    assert [m.rank.median for m in found.models] == [1, 2]
    assert found.safer[0][1] == 1.0


def test_two_models_with_the_same_known_facts_tie() -> None:
    found = scored(vector("a", 0.3), vector("b", 0.3))

    assert found.models[0].ties == ("b",)
    assert found.safer[0][1] == 0.5


def test_a_tie_stands_where_only_one_aggregation_tells_the_models_apart() -> None:
    # Additive says b is worse (0.25 all over against 0.2), strict says a is (0.54 against 0.25).
    found = scored(vector("a", listing=(1.0, 1.0)), vector("b", 0.25))

    assert found.safer_non_compensatory[1][0] > 0.99
    assert found.models[0].ties == ("b",)


def test_probabilities_of_a_pair_sum_to_one() -> None:
    found = scored(vector("a", listing=(0, 1)), vector("b", licence=(0, 1)), vector("c", 0.1))

    safer = np.array(found.safer)
    assert safer + safer.T == pytest.approx(np.ones((3, 3)))


def test_bounds_solve_the_linear_programme() -> None:
    rng = np.random.default_rng(3)
    w0 = np.array([WEIGHTS[name] for name in FACTORS])
    for _ in range(20):
        low, high = np.sort(rng.random((2, len(FACTORS))), axis=0)
        box = list(zip(np.maximum(w0 - 0.05, 0), np.minimum(w0 + 0.05, 1), strict=True))
        equal = {"A_eq": np.ones((1, len(FACTORS))), "b_eq": [1.0]}
        least = linprog(low, bounds=box, **equal).fun
        most = -linprog(-high, bounds=box, **equal).fun

        assert _bounds(low, high, w0, 0.05) == pytest.approx((least, most))


def test_a_score_stays_within_its_bounds_when_the_slack_is_whole() -> None:
    found = one(vector("a", 0.2, listing=(0.1, 0.9)), weight_slack=1.0)

    assert found.bound_low <= found.additive.low <= found.additive.high <= found.bound_high
    assert (found.bound_low, found.bound_high) == (pytest.approx(0.1), pytest.approx(0.9))


def test_variance_is_shared_between_weights_and_facts() -> None:
    # Weights: 0.25 w (1 - w) / 61 at w = 0.2 with the middle at 0.5; facts: 0.2^2 / 12.
    found = one(vector("a", listing=(0.0, 1.0)))

    of_weights, of_facts = 0.25 * 0.2 * 0.8 / 61, 0.04 / 12
    assert found.weights_share == pytest.approx(of_weights / (of_weights + of_facts))


def test_the_unknown_that_moves_the_rank_most_is_named() -> None:
    # Listing can carry a over b, licence_drift cannot.
    found = one(vector("a", listing=(0.0, 1.0), licence_drift=(0.0, 0.25)), vector("b", 0.11))

    assert (found.deciding_unknown, found.deciding_moves) == ("listing", 1)


def test_the_same_seed_gives_the_same_figures_and_a_name_changes_nothing() -> None:
    first = scored(vector("a", listing=(0, 1)), vector("b", licence=(0, 1)))
    again = scored(vector("x", listing=(0, 1)), vector("y", licence=(0, 1)))

    assert first.safer == again.safer
    assert first.models[0].additive == again.models[0].additive


def test_neither_order_nor_company_changes_a_model_or_a_pair() -> None:
    a, b = vector("a", 0.2, listing=(0, 1)), vector("b", 0.2, lineage=(0, 1), licence=(0.1, 0.4))
    more = vector("c", 0.3, security=(0, 1))

    pair, turned, three = scored(a, b), scored(b, a), scored(more, b, a)

    for other, at in ((turned, 1), (three, 2)):
        assert other.models[at].additive == pair.models[0].additive
        assert other.models[at].bound_high == pair.models[0].bound_high
    assert pair.safer[0][1] == turned.safer[1][0] == three.safer[2][1]
    assert pair.models[0].rank == turned.models[1].rank


def test_models_with_equal_unknown_facts_are_even_and_share_their_ranks() -> None:
    found = scored(*(vector(key, listing=(0, 1)) for key in "abc"))

    assert np.all(np.array(found.safer) == 0.5)
    assert {(m.rank.low, m.rank.median, m.rank.high) for m in found.models} == {(1, 2, 3)}


def test_nothing_to_score_is_an_empty_answer() -> None:
    assert scored().models == ()


@settings(max_examples=20, deadline=None)
@given(
    low=st.floats(0, 1),
    rise=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    at=st.sampled_from(FACTORS),
)
def test_a_worse_factor_never_makes_a_model_safer_than_another(
    low: float, rise: tuple[float, float], at: FactorName
) -> None:
    rival = vector("b", 0.3, listing=(0, 1), lineage=(0, 1))
    before = vector("a", 0.2, **{"licence": (0, 1), at: (low, 1.0)})
    worse = vector("a", 0.2, **{"licence": (0, 1), at: (max(low, *rise), 1.0)})

    old, new = scored(before, rival, draws=500), scored(worse, rival, draws=500)

    assert new.safer[0][1] <= old.safer[0][1] + 1e-9
    assert new.safer_non_compensatory[0][1] <= old.safer_non_compensatory[0][1] + 1e-9


def test_correlation_of_factors_over_the_models() -> None:
    found = scored(
        vector("a", listing=(0.0, 0.0), compulsion=(0.0, 0.0)),
        vector("b", listing=(1.0, 1.0), compulsion=(0.5, 0.5)),
    )

    assert found.correlations["listing, compulsion"] == pytest.approx(1.0)
    assert found.correlations["listing, licence"] is None


@settings(max_examples=30, deadline=None)
@given(
    ends=st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
        min_size=len(FACTORS), max_size=len(FACTORS),
    ),
    at=st.sampled_from(FACTORS),
    rise=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)  # fmt: skip
def test_raising_a_factor_never_lowers_the_score(
    ends: list[list[float]], at: FactorName, rise: tuple[float, float]
) -> None:
    before = vector("a", **{n: (e[0], e[1]) for n, e in zip(FACTORS, ends, strict=True)})
    low = max(before.low[at], rise[0])
    after = before.model_copy(
        update={
            "low": before.low | {at: low},
            "high": before.high | {at: max(before.high[at], rise[1], low)},
        }
    )

    old, new = one(before, draws=500), one(after, draws=500)

    assert new.additive.median >= old.additive.median - 1e-9
    assert new.non_compensatory.high >= old.non_compensatory.high - 1e-9
    assert 0 <= new.additive.low <= new.additive.high <= 1
