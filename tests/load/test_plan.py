"""harness.load.plan: a level of the workload, ready to be sent."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from harness.config.workload import (
    ClosedLevel,
    FixedOutput,
    LoadWorkload,
    OpenLevel,
    TraceLevel,
)
from harness.errors import ConfigError
from harness.load import arrivals
from harness.load.plan import Plan, Session, check, plan_level, plan_probe
from harness.load.prompts import Vocabulary

IDS = Vocabulary(range(1000, 3000))
WORDS = Vocabulary(None)
SYNTHETIC = {"kind": "synthetic", "input_tokens": 20}
SEARCH = {
    "kind": "search",
    "start_rate_rps": 1.0,
    "max_rate_rps": 4.0,
    "requests": 5,
    "max_probes": 3,
}


def closed(concurrency: int = 2, requests: int = 6, **more: Any) -> dict[str, Any]:
    return {"kind": "closed", "concurrency": concurrency, "requests": requests, **more}


def opened(rate_rps: float = 2.0, requests: int = 6, **more: Any) -> dict[str, Any]:
    return {"kind": "open", "rate_rps": rate_rps, "requests": requests, **more}


def workload(*levels: dict[str, Any], **more: Any) -> LoadWorkload:
    fields = {
        "kind": "load",
        "name": "unit",
        "prompts": SYNTHETIC,
        "output": {"kind": "fixed", "tokens": 9},
        "levels": levels,
        "warmup_requests": 2,
        "request_timeout_s": 1.0,
    }
    return LoadWorkload.model_validate_json(json.dumps(fields | more, default=str))


def planned(
    load: LoadWorkload, index: int = 0, vocabulary: Vocabulary = IDS, seed: int = 0
) -> Plan:
    level = load.levels[index]
    assert isinstance(level, ClosedLevel | OpenLevel | TraceLevel)
    return plan_level(load, level, vocabulary, seed)


def first_ids(sessions: Any) -> set[tuple[int, ...]]:
    """The first block of each prompt."""
    return {prompt.token_ids[:16] for session in sessions for prompt in session.turns}


def chats_file(folder: Path, conversations: int, exchanges: int) -> dict[str, Any]:
    """A ShareGPT file: user turns of 10 characters, answers of 20, each different."""
    items = [
        {
            "conversations": [
                {
                    "from": ("human", "gpt")[i % 2],
                    "value": f"{n:03}/{i:02}".ljust(10 if i % 2 == 0 else 20, "x"),
                }
                for i in range(2 * exchanges)
            ]
        }
        for n in range(conversations)
    ]
    path = folder / "chats.json"
    path.write_text(json.dumps(items), "utf-8")
    return {
        "kind": "file",
        "path": path,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "format": "sharegpt",
        "max_turns": exchanges,
    }


def trace_level(folder: Path, requests: int, **more: Any) -> dict[str, Any]:
    rows = [(0, 600, 5, [0, 1]), (500, 512, 6, [0]), (2000, 700, 7, [0, 2])]
    names = ("timestamp", "input_length", "output_length", "hash_ids")
    path = folder / "trace.jsonl"
    path.write_text("\n".join(json.dumps(dict(zip(names, r, strict=True))) for r in rows), "utf-8")
    given = {
        "kind": "trace",
        "path": path,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "format": "mooncake",
        "requests": requests,
    }
    return given | more


# --- closed and open -------------------------------------------------------------------------


def test_a_closed_level_is_planned_as_its_workload_says() -> None:
    plan = planned(workload(closed(2, 6), ramp_s=3.0))

    assert (plan.name, plan.kind, plan.concurrency, plan.ramp_s) == ("c2", "closed", 2, 3.0)
    assert (plan.rate_rps, plan.max_in_flight) == (None, None)
    assert (plan.requests, len(plan.warmup)) == (6, 2)
    assert (plan.input_tokens, plan.output_tokens) == (20, 9)
    assert plan.declared_cache_share == 0
    assert all(session.due_s is None and session.think_s == 0 for session in plan.sessions)
    assert {session.output for session in plan.sessions} == {FixedOutput(kind="fixed", tokens=9)}


@pytest.mark.parametrize(
    ("more", "rate_rps"),
    [
        ({}, 2.0),
        ({"arrivals": "constant"}, 2.0),
        ({"arrivals": "gamma", "gamma_shape": 0.5}, 2.0),
        ({"arrivals": "ramp", "end_rate_rps": 5.0}, 3.5),  # (2 + 5) / 2
    ],
    ids=["poisson", "constant", "gamma", "ramp"],
)
def test_an_open_level_is_due_by_its_schedule(more: dict[str, Any], rate_rps: float) -> None:
    load = workload(opened(2.0, 6, **more), ramp_s=3.0)
    plan = planned(load)

    assert (plan.kind, plan.concurrency, plan.ramp_s, plan.rate_rps) == (
        "open",
        None,
        None,
        rate_rps,
    )
    assert [session.due_s for session in plan.sessions] == arrivals.schedule(
        2.0,
        6,
        more.get("arrivals", "poisson"),
        f"0/{plan.name}",
        gamma_shape=more.get("gamma_shape", 1.0),
        end_rate_rps=more.get("end_rate_rps"),
    )
    assert [session.due_s for session in plan.warmup] == [None, None]


def test_a_level_may_have_lengths_of_its_own() -> None:
    plan = planned(workload(closed(input_tokens=30, output_tokens=3)))

    assert (plan.name, plan.input_tokens, plan.output_tokens) == ("c2-i30-o3", 30, 3)
    for session in [*plan.sessions, *plan.warmup]:
        assert [len(prompt.token_ids or ()) for prompt in session.turns] == [30]
        assert session.output == FixedOutput(kind="fixed", tokens=3)


def test_no_prompt_of_a_level_begins_like_one_of_another_level_seed_or_warm_up() -> None:
    load = workload(closed(2, 40), closed(4, 40), closed(2, 40, input_tokens=30), opened(2.0, 40))
    plans = [planned(load, index, seed=seed) for index in range(4) for seed in (0, 1)]

    everything = [first_ids([*plan.sessions, *plan.warmup]) for plan in plans]

    assert len(set.union(*everything)) == 4 * 2 * (40 + 2)


def test_shared_prefixes_belong_to_one_level() -> None:
    prefix = {"kind": "shared_prefix", "prefix_tokens": 32, "unique_tokens": 4}
    load = workload(closed(2, 8), closed(4, 8), prompts=prefix)

    one, other = planned(load, 0), planned(load, 1)

    assert (one.input_tokens, one.declared_cache_share) == (36, 7 * 32 / (8 * 36))
    assert len(first_ids(one.sessions)) == 1
    assert not first_ids(one.sessions) & first_ids(other.sessions)


def test_a_level_may_have_more_or_less_after_the_shared_prefix() -> None:
    prefix = {"kind": "shared_prefix", "prefix_tokens": 32, "unique_tokens": 4}
    work = workload(closed(input_tokens=16), prompts=prefix)

    plan = planned(work)

    assert plan.input_tokens == 48
    assert {len(s.turns[0].token_ids or ()) for s in plan.sessions} == {48}
    # Six prompts of 48, five of which find 32 tokens of the first.
    assert plan.declared_cache_share == pytest.approx(5 * 32 / (6 * 48))


def test_the_same_seed_gives_the_same_plan() -> None:
    load = workload(closed(), opened())

    assert planned(load, 1) == planned(load, 1)
    assert planned(load, 1) != planned(load, 1, seed=1)


def test_without_a_tokenizer_the_length_of_prompts_is_not_claimed() -> None:
    plan = planned(workload(closed()), vocabulary=WORDS)

    assert plan.input_tokens is None
    assert all(session.turns[0].text for session in plan.sessions)


def test_natural_answers_have_no_length() -> None:
    plan = planned(workload(closed(), output={"kind": "natural", "max_tokens": 50}))

    assert plan.output_tokens is None


# --- conversations ---------------------------------------------------------------------------


def test_sessions_of_several_turns_are_added_up_to_the_requests_and_the_last_is_cut(
    tmp_path: Path,
) -> None:
    load = workload(closed(2, 8), prompts=chats_file(tmp_path, 5, 3) | {"think_s": 1.5})

    plan = planned(load)

    assert [len(session.turns) for session in plan.sessions] == [3, 3, 2]
    assert plan.requests == 8
    assert [len(session.turns) for session in plan.warmup] == [1, 1]
    assert {session.think_s for session in plan.sessions} == {1.5}
    assert plan.input_tokens is None


def test_the_history_of_a_turn_is_the_recorded_conversation(tmp_path: Path) -> None:
    [session] = planned(workload(closed(1, 3), prompts=chats_file(tmp_path, 3, 3))).sessions

    first, second, third = (prompt.messages or () for prompt in session.turns)

    number = first[0]["content"][:3]
    assert [m["content"][:6] for m in third] == [f"{number}/{i:02}" for i in range(5)]
    assert [m["role"] for m in third] == ["user", "assistant", "user", "assistant", "user"]
    assert (first, second) == (third[:1], third[:3])


def test_the_declared_share_of_conversations_is_their_repeated_history(tmp_path: Path) -> None:
    plan = planned(workload(closed(1, 6), prompts=chats_file(tmp_path, 4, 3)))

    # Turns of 10, 40 and 70 characters (10 a question, 20 an answer); the second repeats the
    # first's 10, the third the second's 40; an answer is new to the prompts when it first comes.
    assert plan.declared_cache_share == pytest.approx(50 / 120)


def test_the_rate_of_conversations_is_that_of_their_requests(tmp_path: Path) -> None:
    load = workload(opened(6.0, 12, arrivals="constant"), prompts=chats_file(tmp_path, 6, 3))

    plan = planned(load)

    # 6 requests a second in sessions of 3 are 2 sessions a second.
    assert [session.due_s for session in plan.sessions] == [0.0, 0.5, 1.0, 1.5]
    assert plan.rate_rps == 6.0


def test_levels_of_one_file_share_no_conversation_whatever_is_planned_first(
    tmp_path: Path,
) -> None:
    load = workload(
        closed(1, 4),
        {**SEARCH, "requests": 4},
        opened(1.0, 4),
        prompts=chats_file(tmp_path, 30, 1),
    )

    late, early = planned(load, 2), planned(load, 0)
    probes = [plan_probe(load, 1.0, 4, number, IDS, 0, None) for number in (1, 2, 3)]

    used = [
        prompt.messages[0]["content"]
        for plan in (late, early, *probes)
        for session in [*plan.sessions, *plan.warmup]
        for prompt in session.turns
        if prompt.messages
    ]
    assert len(used) == 5 * (4 + 2)
    assert len(set(used)) == len(used)
    assert planned(load, 2) == late


# --- probes ----------------------------------------------------------------------------------


def test_a_probe_is_poisson_at_its_rate_with_prompts_of_its_own() -> None:
    load = workload(SEARCH)

    plan = plan_probe(load, 2.5, 5, 3, IDS, 0, 400)
    again = plan_probe(load, 2.5, 5, 4, IDS, 0, 400)

    assert (plan.name, plan.kind, plan.rate_rps) == ("p3-r2.5", "probe", 2.5)
    assert (plan.concurrency, plan.max_in_flight, plan.requests) == (None, 400, 5)
    assert [session.due_s for session in plan.sessions] == arrivals.schedule(
        2.5, 5, "poisson", "0/p3-r2.5"
    )
    assert not first_ids([*plan.sessions, *plan.warmup]) & first_ids(
        [*again.sessions, *again.warmup]
    )


def test_probes_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        plan_probe(workload(SEARCH), 1.0, 5, 0, IDS, 0, None)


# --- traces ----------------------------------------------------------------------------------


def test_a_trace_level_has_the_times_and_lengths_of_the_trace(tmp_path: Path) -> None:
    load = workload(trace_level(tmp_path, 3, speed=2.0))

    plan = planned(load)

    assert (plan.name, plan.kind, plan.concurrency) == ("trace-mooncake-x2", "trace", None)
    assert [
        (s.due_s, len(s.turns[0].token_ids or ()), s.output.tokens)
        for s in plan.sessions
        if isinstance(s.output, FixedOutput)
    ] == [(0.0, 600, 5), (0.25, 512, 6), (1.0, 700, 7)]
    assert (plan.input_tokens, plan.output_tokens) == (None, None)
    assert plan.rate_rps == 2.0  # two gaps in one second
    # Block 0 is repeated twice, whole: 2 x 512.
    assert plan.declared_cache_share == pytest.approx(1024 / 1812)


def test_the_warm_up_of_a_trace_has_its_first_lengths(tmp_path: Path) -> None:
    def shape(session: Session) -> tuple[int, int]:
        assert isinstance(session.output, FixedOutput)
        return len(session.turns[0].token_ids or ()), session.output.tokens

    plan = planned(workload(trace_level(tmp_path, 3), warmup_requests=4))

    assert [shape(session) for session in plan.warmup] == [(600, 5), (512, 6), (700, 7), (600, 5)]


def test_a_trace_of_one_request_has_no_rate(tmp_path: Path) -> None:
    assert planned(workload(trace_level(tmp_path, 1))).rate_rps is None


# --- what the plan pass finds ----------------------------------------------------------------


@pytest.mark.parametrize("levels", [[closed(1, 10_000)], [SEARCH]], ids=["closed", "search"])
def test_synthetic_prompts_never_run_out(levels: list[dict[str, Any]]) -> None:
    check(workload(*levels))


def test_as_many_questions_as_there_are_pass() -> None:
    check(workload(closed(1, 24), prompts={"kind": "questions"}, warmup_requests=1))


@pytest.mark.parametrize(
    "levels",
    [[closed(1, 9_998)], [closed(1, 4_998), closed(2, 4_998)]],
    ids=["one level", "levels together"],
)
def test_more_questions_than_there_are_is_a_configuration_error(
    levels: list[dict[str, Any]],
) -> None:
    asked = workload(*levels, prompts={"kind": "questions"})

    with pytest.raises(ConfigError, match=r"workload\.levels: 10000 requests .* questions;"):
        check(asked)


def test_a_search_needs_conversations_for_all_its_probes(tmp_path: Path) -> None:
    # Three probes of 5 requests and 2 of warm-up: 21 conversations.
    check(workload(SEARCH, prompts=chats_file(tmp_path, 21, 1)))

    with pytest.raises(ConfigError, match=r"21 requests .* only 20 conversations come from"):
        check(workload(SEARCH, prompts=chats_file(tmp_path, 20, 1)))


def test_what_passes_can_be_planned_and_what_cannot_be_planned_does_not_pass(
    tmp_path: Path,
) -> None:
    # Sessions of 3 turns: 7 requests take 3 of them and the warm-up 2 more.
    enough = workload(closed(1, 7), prompts=chats_file(tmp_path, 5, 3))
    check(enough)
    assert planned(enough).requests == 7

    short = workload(closed(1, 7), prompts=chats_file(tmp_path, 4, 3))
    for attempt in (lambda: check(short), lambda: planned(short)):
        with pytest.raises(ConfigError, match="4 conversations of up to 3 turns come from"):
            attempt()


def test_a_wrong_file_is_found_before_anything_runs(tmp_path: Path) -> None:
    level = trace_level(tmp_path, 3)
    check(workload(level))

    for wrong in ({"sha256": "a" * 64}, {"requests": 4}, {"path": tmp_path / "no"}):
        with pytest.raises(ConfigError, match="trace-mooncake-x1: "):
            check(workload(level | wrong))
    with pytest.raises(ConfigError, match="no such file"):
        check(workload(closed(), prompts=chats_file(tmp_path, 9, 1) | {"path": tmp_path / "no"}))


def test_a_trace_too_long_for_the_model_is_found_before_anything_runs(tmp_path: Path) -> None:
    load = workload(trace_level(tmp_path, 3))
    check(load, max_model_len=707)

    with pytest.raises(ConfigError, match=r"max_model_len=706 is shorter .* \(707 tokens"):
        check(load, max_model_len=706)
