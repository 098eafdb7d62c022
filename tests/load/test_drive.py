"""harness.load.drive: closed and open loop against a server that answers."""

import itertools
from typing import Any

import pytest

from harness.config.run import LoadWorkload
from harness.errors import MeasurementError
from harness.load.drive import LevelRun, Target, run_level
from harness.load.metrics import summarise
from harness.load.prompts import Vocabulary
from tests.scripted_server import Answer, ScriptedServer, one_token_per_event

WORDS = Vocabulary(None)
IDS = Vocabulary(range(100, 200))
CLOSED = {"kind": "closed", "concurrency": 3, "requests": 7}
OPEN = {"kind": "open", "rate_rps": 500.0, "arrivals": "constant", "requests": 6}


def workload(level: dict[str, Any], warmup: int = 0, timeout_s: float = 20.0) -> LoadWorkload:
    return LoadWorkload.model_validate(
        {
            "kind": "load",
            "name": "unit",
            "prompts": {"kind": "synthetic", "input_tokens": 5},
            "output": {"kind": "fixed", "tokens": 2},
            "levels": (level,),
            "warmup_requests": warmup,
            "request_timeout_s": timeout_s,
        }
    )


def drive(
    server: ScriptedServer,
    level: dict[str, Any],
    warmup: int = 0,
    vocabulary: Vocabulary = IDS,
    seed: int = 0,
    timeout_s: float = 20.0,
) -> LevelRun:
    target = Target(server.url, "served")
    return run_level(target, workload(level, warmup, timeout_s), 0, vocabulary, seed)


def answer(_number: int) -> Answer:
    return one_token_per_event(2)


def test_a_closed_loop_sends_all_and_keeps_exactly_its_concurrency_in_flight() -> None:
    # The server answers nothing before three are in flight: fewer would time out.
    with ScriptedServer(answer, hold=3) as server:
        run = drive(server, CLOSED)

    assert [request.ok for request in run.requests] == [True] * 7
    assert server.most_in_flight == 3


def test_a_closed_loop_takes_a_request_as_due_when_it_is_sent() -> None:
    with ScriptedServer(answer) as server:
        run = drive(server, CLOSED)

    # The next request becomes due only when an earlier one of the three has ended.
    ends = sorted(request.end_s for request in run.requests)
    starts = sorted(request.scheduled_s for request in run.requests)
    assert all(start >= end for start, end in zip(starts[3:], ends, strict=False))


def test_an_open_loop_does_not_wait_for_answers() -> None:
    # The server answers nothing before all six are in flight.
    with ScriptedServer(answer, hold=6) as server:
        run = drive(server, OPEN)

    assert [request.ok for request in run.requests] == [True] * 6
    assert server.most_in_flight == 6


def test_an_open_loop_sends_none_before_it_is_due() -> None:
    with ScriptedServer(answer) as server:
        run = drive(server, OPEN)

    due = [request.scheduled_s for request in run.requests]
    # 500 a second at equal gaps: 2 ms apart.
    assert [b - a for a, b in itertools.pairwise(due)] == pytest.approx([0.002] * 5)
    assert all(request.sent_s >= request.scheduled_s for request in run.requests)


def test_warm_up_requests_come_before_the_start_and_enter_no_figure() -> None:
    with ScriptedServer(answer) as server:
        before: list[int] = []
        run = run_level(
            Target(server.url, "served"),
            workload(CLOSED, warmup=2),
            0,
            IDS,
            0,
            on_start=lambda: before.append(len(server.seen)),
        )

    assert before == [2]
    assert len(server.seen) == 9
    assert [request.level for request in run.requests] == ["c3"] * 7


def test_no_prompt_is_sent_twice_warm_up_included() -> None:
    with ScriptedServer(answer) as server:
        drive(server, CLOSED, warmup=2)

    assert len({tuple(seen.body["prompt"]) for seen in server.seen}) == 9


def test_the_same_seed_asks_the_same_and_another_seed_something_else() -> None:
    def asked(seed: int) -> set[tuple[int, ...]]:
        with ScriptedServer(answer) as server:
            drive(server, CLOSED, seed=seed)
        return {tuple(seen.body["prompt"]) for seen in server.seen}

    first = asked(1)
    assert asked(1) == first
    assert not asked(2) & first


def test_words_go_out_where_the_tokenizer_is_not_at_hand() -> None:
    with ScriptedServer(answer) as server:
        drive(server, CLOSED, vocabulary=WORDS)

    assert all(len(seen.body["prompt"].split()) == 5 for seen in server.seen)


def test_the_key_goes_out_as_a_bearer_token_and_only_when_there_is_one() -> None:
    with ScriptedServer(answer) as server:
        run_level(Target(server.url, "served", "secret"), workload(CLOSED), 0, IDS, 0)
        run_level(Target(server.url, "served"), workload(CLOSED), 0, IDS, 0)

    assert {seen.authorization for seen in server.seen[:7]} == {"Bearer secret"}
    assert {seen.authorization for seen in server.seen[7:]} == {None}


@pytest.mark.parametrize("level", [CLOSED, OPEN], ids=["closed", "open"])
def test_one_failed_request_is_counted_and_the_others_go_on(level: dict[str, Any]) -> None:
    def script(number: int) -> Answer:
        return Answer([b"busy"], status=429) if number == 1 else answer(number)

    with ScriptedServer(script) as server:
        run = drive(server, level)

    kinds = [request.error_kind for request in run.requests]
    assert kinds.count("http_429") == 1
    assert kinds.count(None) == level["requests"] - 1


def test_a_level_in_which_everything_fails_says_why() -> None:
    def script(_: int) -> Answer:
        return Answer([b"no such model"], status=404)

    with (
        ScriptedServer(script) as server,
        pytest.raises(MeasurementError, match=r"level c3: all 7 .* http_404: no such model"),
    ):
        drive(server, CLOSED)


def test_a_malformed_answer_fails_its_request_and_not_the_level() -> None:
    def script(number: int) -> Answer:
        return Answer([b"data: null\n\n"]) if number == 1 else answer(number)

    with ScriptedServer(script) as server:
        run = drive(server, CLOSED)

    assert sum(request.ok for request in run.requests) == 6


def test_progress_tells_every_request_that_ended() -> None:
    told: list[tuple[int, int]] = []
    with ScriptedServer(answer) as server:
        run_level(
            Target(server.url, "served"),
            workload(CLOSED, warmup=2),
            0,
            IDS,
            0,
            lambda done, asked: told.append((done, asked)),
        )

    assert told == [(n, 7) for n in range(1, 8)]


def test_a_levels_figures_add_up_to_what_the_server_sent() -> None:
    with ScriptedServer(answer) as server:
        run = drive(server, CLOSED, warmup=2)
    level = summarise(run.level, workload(CLOSED).output, run.requests, None)

    assert (level.requests, level.failed, level.length_missed) == (7, 0, 0)
    assert (level.input_tokens, level.output_tokens) == (7 * 5, 7 * 2)
    assert level.output_tok_per_s is not None
    assert level.output_tok_per_s.value * level.duration_s == pytest.approx(14)
