"""harness.load.search: against servers that are made up of one function."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.workload import Objectives, SearchLevel
from harness.errors import ConfigError
from harness.load.search import check, in_flight_limit, requests_needed, search
from harness.records.schema import Level, SearchResult
from harness.stats import proportion
from tests import builders

OBJECTIVES = Objectives(kind="latency", name="quick", ttft_s=1.0, tpot_s=0.1)
UNSTEADY = ("not steady: TTFT changed by +90% over the window (p = 0.001), limit 20%",)
SHORT = ("no steady window: too few requests or too short",)
LAGGED = ("client lagged: it sent 80 ms after the schedule (p99), limit 50 ms",)
SATURATED = ("stopped early: more than 80 requests in flight",)


def asked(**changes: Any) -> SearchLevel:
    given: dict[str, Any] = {
        "kind": "search",
        "start_rate_rps": 1.0,
        "max_rate_rps": 100.0,
        "requests": 400,
    }
    return SearchLevel(**given | changes)


def found(number: int, rate_rps: float, met: int, of: int, **changes: Any) -> Level:
    return builders.level(
        name=f"probe{number}-r{rate_rps:g}",
        kind="probe",
        concurrency=None,
        rate_rps=rate_rps,
        requests=of,
        slo_met=proportion(met, of),
        **changes,
    )


class Server:
    """Answers probes by a function of rate and requests, and keeps what was asked of it."""

    def __init__(self, met: Callable[[float, int], int], **changes: Any) -> None:
        self.met = met
        self.changes = changes
        self.asked: list[tuple[float, int]] = []

    def probe(self, number: int, rate_rps: float, requests: int) -> Level:
        self.asked.append((rate_rps, requests))
        assert number == len(self.asked)
        return found(number, rate_rps, self.met(rate_rps, requests), requests, **self.changes)


def run(
    probe: Callable[[int, float, int], Level],
    say: Callable[[str], object] = lambda _text: None,
    objectives: Objectives = OBJECTIVES,
    **changes: Any,
) -> SearchResult:
    return search(asked(**changes), objectives, probe, say)


def below(limit_rps: float) -> Callable[[float, int], int]:
    """All meet the objectives below the limit, three in four from there."""
    return lambda rate, requests: requests if rate < limit_rps else requests * 3 // 4


def test_the_highest_rate_is_found_by_doubling_and_then_bisecting() -> None:
    server = Server(below(7.3))

    result = run(server.probe)

    # 1, 2, 4, 8 fails; the middles of 4-8, 6-8, 7-8, 7-7.5; 7.25-7.5 is within 5%.
    assert [rate for rate, _ in server.asked] == [1, 2, 4, 8, 6, 7, 7.5, 7.25]
    assert (result.rate_rps, result.failed_rate_rps) == (7.25, 7.5)
    assert result.objectives == "quick"
    assert result.ended.startswith("the bracket is within 0.05")


@settings(max_examples=50, deadline=None)
@given(limit=st.floats(1.01, 99), tolerance=st.floats(0.005, 0.5))
def test_the_limit_lies_in_the_bracket_and_the_bracket_within_the_tolerance(
    limit: float, tolerance: float
) -> None:
    result = run(Server(below(limit)).probe, tolerance=tolerance, max_probes=40)

    assert result.rate_rps is not None
    assert result.failed_rate_rps is not None
    assert result.rate_rps < limit <= result.failed_rate_rps
    assert result.failed_rate_rps - result.rate_rps <= tolerance * result.rate_rps


def test_the_curve_is_kept_in_the_order_tried() -> None:
    result = run(Server(below(2.5)).probe, tolerance=0.4)

    assert result.probes == ("probe1-r1", "probe2-r2", "probe3-r4", "probe4-r3", "probe5-r2.5")


def test_a_server_that_passes_at_the_highest_rate_ends_the_search() -> None:
    server = Server(below(1000))

    result = run(server.probe, max_rate_rps=5.0)

    assert [rate for rate, _ in server.asked] == [1, 2, 4, 5]
    assert (result.rate_rps, result.failed_rate_rps) == (5.0, None)
    assert result.ended == "the highest rate to be tried passed"


def test_a_server_that_fails_at_the_first_rate_has_no_rate() -> None:
    result = run(Server(below(0.5)).probe)

    assert (result.rate_rps, result.failed_rate_rps) == (None, 1.0)
    assert result.ended.startswith("the first rate failed: 0.75 [")


def test_the_bracket_is_the_answer_when_the_probes_are_used_up() -> None:
    server = Server(below(7.3))

    result = run(server.probe, max_probes=5)

    assert len(server.asked) == 5
    assert (result.rate_rps, result.failed_rate_rps) == (6.0, 8.0)
    assert result.ended.startswith("5 probes were used up")


# --- uncertainty -----------------------------------------------------------------------------


def test_a_probe_that_leaves_it_open_is_repeated_with_twice_the_requests_and_pooled() -> None:
    # 199 of 200 cannot show 99%: Wilson's lower end is 0.972. With 400 more, all met, it is 599 of
    # 600, lower end 0.9906.
    def met(_rate: float, requests: int) -> int:
        return requests - 1 if requests == 200 else requests

    server = Server(met)

    result = run(server.probe, requests=200, max_rate_rps=1.0)

    assert server.asked == [(1.0, 200), (1.0, 400)]
    assert result.rate_rps == 1.0


def test_what_stays_open_counts_as_failed_and_is_told() -> None:
    # 99% exactly: the interval holds the share asked for, however often it is asked.
    server = Server(lambda _rate, requests: round(0.99 * requests))

    result = run(server.probe)

    assert server.asked == [(1.0, 400), (1.0, 800)]
    assert (result.rate_rps, result.failed_rate_rps) == (None, 1.0)
    assert "undecided, which counts as failed: 0.99 [" in result.ended
    assert "of 1200 met the objectives" in result.ended


def test_an_open_question_at_the_end_of_the_bracket_is_told() -> None:
    def met(rate: float, requests: int) -> int:
        return requests if rate < 2 else round((0.99 if rate == 2 else 0.5) * requests)

    result = run(Server(met).probe, tolerance=0.99)

    assert (result.rate_rps, result.failed_rate_rps) == (1.5, 2.0)
    assert "at 2 req/s undecided, which counts as failed" in result.ended


def test_a_share_that_is_too_low_within_its_uncertainty_is_asked_again() -> None:
    # 395 of 400 is 0.9875 with an upper end of 0.9947; the next 800 of 800 bring 0.9958 [0.9903, ].
    def met(_rate: float, requests: int) -> int:
        return 395 if requests == 400 else requests

    server = Server(met)

    result = run(server.probe, max_rate_rps=1.0)

    assert server.asked == [(1.0, 400), (1.0, 800)]
    assert result.rate_rps == 1.0


def test_a_clear_failure_is_not_repeated() -> None:
    server = Server(below(0.5))

    run(server.probe)

    assert server.asked == [(1.0, 400)]


@pytest.mark.parametrize(("share", "needed"), [(0.99, 381), (0.9, 35), (0.5, 4)])
def test_the_fewest_requests_that_can_show_a_share_by_hand(share: float, needed: int) -> None:
    # z^2 share / (1 - share), z^2 = 3.841459: 380.3, 34.6, 3.84.
    assert requests_needed(share) == needed


@given(share=st.floats(0.1, 0.995))
def test_one_request_fewer_could_not_show_it(share: float) -> None:
    needed = requests_needed(share)
    enough, short = proportion(needed, needed), proportion(needed - 1, needed - 1)

    assert enough is not None
    assert enough.low is not None
    assert enough.low >= share - 1e-9
    if short is not None and short.low is not None:
        assert short.low < share + 1e-9


def test_a_search_that_could_never_show_the_share_is_refused_with_the_requests_it_needs() -> None:
    check(asked(requests=127), OBJECTIVES)  # 3 x 127 = 381

    with pytest.raises(
        ConfigError, match=r"takes 381, and a rate gets at most 3 times requests; give 127"
    ):
        check(asked(requests=126), OBJECTIVES)


# --- void probes -----------------------------------------------------------------------------


@pytest.mark.parametrize("void", [SATURATED, ("errors: 9 of 400 requests failed",)])
def test_a_server_beyond_its_limit_has_failed_whatever_its_few_answers_met(
    void: tuple[str, ...],
) -> None:
    def probe(number: int, rate_rps: float, requests: int) -> Level:
        over = rate_rps > 3
        # What an abandoned probe brings about besides: tokens that the server counted in vain.
        extra = (*void, "counts disagree: 2% apart") if over else ()
        return found(number, rate_rps, requests, requests, void=extra)

    result = run(probe, tolerance=0.4)

    assert (result.rate_rps, result.failed_rate_rps) == (3.0, 4.0)


def test_a_client_that_lagged_ends_the_search_with_what_has_passed_so_far() -> None:
    def probe(number: int, rate_rps: float, requests: int) -> Level:
        void = (*LAGGED, *SATURATED) if rate_rps > 3 else ()
        return found(number, rate_rps, requests, requests, void=void)

    result = run(probe)

    assert (result.rate_rps, result.failed_rate_rps) == (2.0, None)
    assert result.probes == ("probe1-r1", "probe2-r2", "probe3-r4")
    assert result.ended.startswith("probe probe3-r4 is void: client lagged: it sent 80 ms")


@pytest.mark.parametrize(
    "why", ["counts disagree: 2% apart", "lengths missed: 3 of 400", "a reason of another kind"]
)
def test_a_probe_that_measured_something_else_ends_the_search(why: str) -> None:
    result = run(
        lambda number, rate, requests: found(number, rate, requests, requests, void=(why,))
    )

    assert result.rate_rps is None
    assert result.failed_rate_rps is None
    assert why in result.ended


def test_a_probe_that_was_not_steady_is_repeated_alone_before_it_counts_as_failed() -> None:
    asked_for: list[tuple[float, int]] = []

    def probe(number: int, rate_rps: float, requests: int) -> Level:
        asked_for.append((rate_rps, requests))
        if rate_rps <= 3 and requests == 800:
            return found(number, rate_rps, requests, requests)
        return found(number, rate_rps, requests - 7, requests, void=UNSTEADY)

    result = run(probe, tolerance=0.4)

    # At 1 and 2 the longer probe is steady and passes by its own 800 (with the 393 of 400 of the
    # other it would not: 1193 of 1200 have a lower end of 0.988). At 4 neither is steady.
    assert asked_for[:6] == [(1, 400), (1, 800), (2, 400), (2, 800), (4, 400), (4, 800)]
    assert (result.rate_rps, result.failed_rate_rps) == (3.0, 4.0)
    assert "at 4 req/s undecided, which counts as failed: not steady" in result.ended


def test_a_probe_that_was_not_steady_but_clearly_fails_is_not_repeated() -> None:
    server = Server(below(0.5), void=UNSTEADY)

    result = run(server.probe)

    assert server.asked == [(1.0, 400)]
    assert result.failed_rate_rps == 1.0


def test_a_rate_at_which_even_the_longer_probe_is_too_short_ends_the_search() -> None:
    def probe(number: int, rate_rps: float, requests: int) -> Level:
        if rate_rps < 3:
            return found(number, rate_rps, requests, requests)
        return found(number, rate_rps, requests, requests, void=SHORT, window=None)

    result = run(probe)

    assert (result.rate_rps, result.failed_rate_rps) == (2.0, None)
    assert result.probes[-2:] == ("probe3-r4", "probe4-r4")
    assert "is void: no steady window" in result.ended


def test_each_verdict_is_told() -> None:
    said: list[str] = []

    run(Server(below(1.5)).probe, said.append, tolerance=0.99)

    assert said[0].startswith("probe probe1-r1: passed, 1 [0.9905, 1] of 400 met the objectives")
    assert said[1].startswith("probe probe2-r2: failed, 0.75 [")


# --- early stop ------------------------------------------------------------------------------


def test_requests_in_flight_are_limited_to_twice_what_the_objectives_allow() -> None:
    # At 4 req/s answers of at most 1 + 0.1 x 30 = 4 s: 16 in flight; twice that and 16 more.
    assert in_flight_limit(4.0, OBJECTIVES, 31) == 48


def test_an_objective_on_the_whole_answer_is_the_longest_answer() -> None:
    whole = Objectives(kind="latency", name="o", e2e_s=2.5, tpot_s=0.1)

    assert in_flight_limit(4.0, whole, None) == 36


@pytest.mark.parametrize(
    ("given", "tokens"),
    [({"ttft_s": 1.0}, 31), ({"tpot_s": 0.1}, 31), ({"ttft_s": 1.0, "tpot_s": 0.1}, None)],
    ids=["first token only", "later tokens only", "natural length"],
)
def test_objectives_that_do_not_bound_the_answer_give_no_limit(
    given: dict[str, Any], tokens: int | None
) -> None:
    objectives = Objectives(kind="latency", name="o", **given)

    assert in_flight_limit(4.0, objectives, tokens) is None
