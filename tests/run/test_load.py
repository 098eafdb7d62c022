"""harness.run.load: whole load stages, with telemetry, against a server that really answers."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import MeasurementError
from harness.load.drive import Target
from harness.load.prompts import Vocabulary
from harness.records.schema import Level
from harness.run.load import LoadStage
from harness.telemetry.sampler import Sampler
from tests import scripted_server as script
from tests.builders import run_config
from tests.scripted_server import Answer, Counters, ScriptedServer

TOKENS = 4
CLOSED = {"kind": "closed", "concurrency": 2, "requests": 12}
# Far from every limit that a busy machine could break.
PATIENT = {
    "read_lag_p99_s": 60.0,
    "schedule_lag_p99_s": 60.0,
    "client_cpu_share": 1.0,
    "concurrency_share": 0.1,
    "drift_share": 1000.0,
}


def answer(_number: int) -> Answer:
    return script.timed(script.one_token_per_event(TOKENS, prompt=5).pieces, [0.02] * 6)


def stage(server: ScriptedServer, sampler: Sampler | None, *levels: dict[str, Any]) -> LoadStage:
    config = run_config(
        {
            "workload.prompts": {"kind": "synthetic", "input_tokens": 5},
            "workload.output": {"kind": "fixed", "tokens": TOKENS},
            "workload.levels": list(levels) or [CLOSED],
            "workload.limits": PATIENT,
            "objectives": {
                "kind": "latency", "name": "quick", "ttft_s": 30.0, "share": 0.9, "source": "test",
            },
        }
    )  # fmt: skip
    return LoadStage(
        config=config,
        target=Target(server.url, script.MODEL),
        vocabulary=Vocabulary(range(100, 200)),
        count_tokens=None,
        server=None,
        sampler=sampler,
        idle_s=0.0,
        say=lambda _: None,
        show=lambda _: None,
    )


def measure(
    answers: Callable[[int], Answer],
    metrics: Callable[[Counters], Counters] | None = dict,
    *levels: dict[str, Any],
) -> LoadStage:
    with (
        ScriptedServer(answers, metrics=metrics) as server,
        Sampler(0.05, server.url, ()) as sampler,
    ):
        made = stage(server, sampler, *levels)
        made.run()
    return made


def kinds(level: Level) -> set[str]:
    return {reason.partition(":")[0] for reason in level.void}


def test_a_clean_level_is_valid_and_the_servers_counters_agree() -> None:
    made = measure(answer)

    [level] = made.levels
    assert level.void == ()
    assert (level.server.prompt_tokens, level.server.output_tokens) == (60, 48)
    assert level.slo_met is not None
    assert level.slo_met.value == 1.0
    assert len(made.rows) == 12


def test_the_client_is_calibrated_at_the_highest_concurrency_of_the_workload() -> None:
    with ScriptedServer(answer) as server:
        made = stage(server, None, CLOSED, CLOSED | {"concurrency": 20})
        made.calibrate()

    assert made.calibration is not None
    assert [point.streams for point in made.calibration.points] == [20]
    assert server.seen == []


@pytest.mark.parametrize(
    ("answers", "metrics", "kind"),
    [
        (lambda _: script.wrong_counts(TOKENS + 1, TOKENS), dict, "counts disagree"),
        (
            answer,
            lambda true: true | {"vllm:prefix_cache_hits_total": true["vllm:prompt_tokens_total"]},
            "undeclared cache hits",
        ),
        (lambda n: script.breaks_off(2) if n == 5 else answer(n), dict, "errors"),
        (lambda _: script.shorter_than_asked(TOKENS - 1), dict, "lengths missed"),
    ],
    ids=["counts", "cache", "errors", "lengths"],
)
def test_a_server_that_does_otherwise_than_asked_makes_the_level_void(
    answers: Callable[[int], Answer], metrics: Callable[[Counters], Counters], kind: str
) -> None:
    [level] = measure(answers, metrics).levels

    assert kinds(level) == {kind}


def test_a_server_without_counters_is_not_held_against_the_level() -> None:
    [level] = measure(answer, None).levels

    assert level.void == ()
    assert level.server.output_tokens is None


def test_a_level_in_which_everything_fails_ends_early_with_the_servers_words_and_its_rows() -> None:
    with ScriptedServer(lambda _: script.wrong_model()) as server:
        made = stage(server, None, CLOSED | {"requests": 500})
        with pytest.raises(MeasurementError, match=r"level c2: all \d+ .*http_404: The model"):
            made.run()

    assert made.levels == []
    assert 10 <= len(made.rows) < 100
    assert {row["error_kind"] for row in made.rows} <= {"http_404", "stopped"}


def test_a_search_keeps_its_probes_and_their_rows() -> None:
    level = {"kind": "search", "start_rate_rps": 100.0, "max_rate_rps": 100.0, "requests": 40}

    made = measure(answer, dict, level)

    [found] = made.searches
    assert found.objectives == "quick"
    assert list(found.probes) == [level.name for level in made.levels]
    assert {level.kind for level in made.levels} == {"probe"}
    assert {row["level"] for row in made.rows} == set(found.probes)
