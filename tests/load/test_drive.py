"""harness.load.drive: plans run by real processes against a server that really answers."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from harness.config.workload import ClientConfig, ClosedLevel, FixedOutput, LoadWorkload, OpenLevel
from harness.errors import MeasurementError
from harness.load.drive import Generator, LevelRun, Target, processes_for
from harness.load.plan import Plan, Prompt, Session, plan_level
from harness.load.prompts import Vocabulary
from tests import scripted_server as script
from tests.scripted_server import Answer, ScriptedServer, one_token_per_event

CLOSED = ClosedLevel(kind="closed", concurrency=4, requests=12)
OPEN = OpenLevel(kind="open", rate_rps=200.0, arrivals="constant", requests=12)
CONFIG = ClientConfig()


def plan(level: ClosedLevel | OpenLevel = CLOSED, warmup: int = 0) -> Plan:
    workload = LoadWorkload.model_validate(
        {
            "kind": "load",
            "name": "unit",
            "prompts": {"kind": "synthetic", "input_tokens": 5},
            "output": {"kind": "fixed", "tokens": 2},
            "levels": (level.model_dump(),),
            "warmup_requests": warmup,
            "request_timeout_s": 20.0,
        }
    )
    return plan_level(workload, level, Vocabulary(range(100, 200)), 0)


def drive(server: ScriptedServer, given: Plan, processes: int = 1, **more: Any) -> LevelRun:
    target = Target(server.url, "served", more.pop("api_key", None))
    count = more.pop("count_tokens", None)
    with Generator(
        target, CONFIG, processes=processes, timeout_s=20.0, count_tokens=count
    ) as generator:
        return generator.run(given, **more)


def answer(_number: int) -> Answer:
    return one_token_per_event(2)


@pytest.mark.parametrize("level", [CLOSED, OPEN], ids=["closed", "open"])
def test_two_processes_share_a_level_and_send_each_request_once(
    level: ClosedLevel | OpenLevel,
) -> None:
    given = plan(level, warmup=2)
    with ScriptedServer(answer) as server:
        run = drive(server, given, processes=2)

    assert [request.index for request in run.requests] == list(range(12))
    assert all(request.ok for request in run.requests)
    assert run.client.processes == 2
    asked = [tuple(seen.body["prompt"]) for seen in server.seen]
    assert len(set(asked)) == len(asked) == 14
    assert set(asked[2:]) == {session.turns[0].token_ids for session in given.sessions}


def test_the_processes_of_a_closed_loop_together_keep_its_concurrency() -> None:
    # The server answers nothing before four are in flight: fewer would time out.
    with ScriptedServer(answer, hold=4) as server:
        run = drive(server, plan(), processes=3)

    assert all(request.ok for request in run.requests)
    assert server.most_in_flight == 4


def test_the_start_is_told_between_the_warm_up_and_the_first_measured_request() -> None:
    with ScriptedServer(answer) as server:
        before: list[int] = []
        run = drive(server, plan(warmup=3), on_start=lambda: before.append(len(server.seen)))

    assert before == [3]
    assert len(server.seen) == 15
    assert len(run.requests) == 12


def test_the_first_requests_of_a_closed_loop_are_spread_over_one_warm_up_answer() -> None:
    slow = script.timed(one_token_per_event(1).pieces, [0.2, 0.4, 0.4])
    with ScriptedServer(lambda _: slow) as server:
        run = drive(server, plan(warmup=1))

    # Four streams over an answer of 0.4 s or more: the last starts three quarters of it later.
    sent = sorted(request.sent_s for request in run.requests)
    assert sent[3] - sent[0] > 0.2


def test_a_prompt_goes_where_its_kind_belongs_with_both_ends_of_a_fixed_length() -> None:
    output = FixedOutput(kind="fixed", tokens=2)
    message = {"role": "user", "content": "hello"}
    kinds = [Prompt(token_ids=(3, 1, 2)), Prompt(text="abc"), Prompt(messages=(message,))]
    given = dataclasses.replace(plan(), sessions=[Session((kind,), output) for kind in kinds])
    with ScriptedServer(answer) as server:
        drive(server, given)

    by_path = sorted((seen.path, seen.body) for seen in server.seen if "messages" in seen.body)
    assert by_path[0][0] == "/v1/chat/completions"
    assert by_path[0][1]["messages"] == [message]
    plain = [seen for seen in server.seen if "messages" not in seen.body]
    assert {seen.path for seen in plain} == {"/v1/completions"}
    assert [3, 1, 2] in [seen.body["prompt"] for seen in plain]
    for seen in server.seen:
        told = {"model": "served", "stream": True, "temperature": 0}
        assert (told | {"max_tokens": 2, "min_tokens": 2, "ignore_eos": True}).items() <= (
            seen.body.items()
        )
        assert seen.body["stream_options"] == {
            "include_usage": True,
            "continuous_usage_stats": True,
        }


def test_the_key_goes_out_as_a_bearer_token_and_only_when_there_is_one() -> None:
    with ScriptedServer(answer) as server:
        drive(server, plan(), api_key="secret")
        drive(server, plan())

    assert {seen.authorization for seen in server.seen[:12]} == {"Bearer secret"}
    assert {seen.authorization for seen in server.seen[12:]} == {None}


def test_an_answer_without_counts_is_counted_by_the_tokenizer_and_marked() -> None:
    with ScriptedServer(lambda _: script.usage_missing(3)) as server:
        run = drive(server, plan(), count_tokens=lambda text: 10 * len(text))

    # Three events with "a": a tokenizer that finds ten tokens in each letter.
    assert {(r.output_tokens, r.prompt_tokens, r.counted_by) for r in run.requests} == {
        (30, 5, "tokenizer")
    }


def test_an_answer_without_counts_or_a_tokenizer_is_a_failure() -> None:
    with ScriptedServer(lambda _: script.usage_missing(3)) as server:
        run = drive(server, plan())

    assert {request.error_kind for request in run.requests} == {"no_usage"}


def test_progress_tells_the_requests_done_of_those_asked_for() -> None:
    told: list[tuple[int, int]] = []
    with ScriptedServer(answer) as server:
        drive(server, plan(), progress=lambda done, asked: told.append((done, asked)))

    assert told[-1] == (12, 12)


def test_a_process_that_dies_is_named_instead_of_waited_for() -> None:
    def kill(_done: int = 0, _asked: int = 0) -> None:
        for child in psutil.Process().children():
            if "harness.load.worker" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)

    with (
        ScriptedServer(lambda _: script.stalls(1)) as server,
        pytest.raises(MeasurementError, match="load generator died with exit status -9"),
    ):
        drive(server, plan(), on_start=kill)


def test_no_process_outlives_its_parent_however_that_ends() -> None:
    program = (
        "import sys, time; from harness.load.drive import *;"
        " from harness.config.workload import ClientConfig;"
        " g = Generator(Target('http://127.0.0.1:9', 'm'), ClientConfig(), processes=2,"
        " timeout_s=1.0); g.__enter__(); print('up', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    assert parent.stdout.readline() == b"up\n"
    workers = psutil.Process(parent.pid).children()

    parent.kill()
    parent.wait()

    assert len(workers) == 2
    deadline = time.monotonic() + 30
    while any(worker.is_running() and worker.status() != "zombie" for worker in workers):
        assert time.monotonic() < deadline, "a worker still runs"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("streams", "rate", "wanted"), [(1, None, 1), (1000, None, 1), (1001, None, 2), (0, 251.0, 2)]
)
def test_a_process_is_given_to_each_thousand_streams_and_each_250_requests_a_second(
    streams: int, rate: float | None, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    busy = dataclasses.replace(plan(), concurrency=streams or None, rate_rps=rate)

    assert processes_for(CONFIG, [plan(), busy]) == wanted
    assert processes_for(ClientConfig(processes=5), [busy]) == 5
