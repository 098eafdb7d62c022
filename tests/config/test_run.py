"""harness.config.run: what a cell may be, and what parts fit each other."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from harness.config import run
from harness.config.load import CONF_DIR
from harness.config.workload import (
    AnyLevel,
    ClosedLevel,
    OpenLevel,
    SearchLevel,
)
from tests.builders import run_config

GROUPS = {
    "model": run.ModelConfig,
    "hardware": run.HardwareConfig,
    "engine": run.Engine,
    "workload": run.Workload,
    "objectives": run.ObjectivesChoice,
    "telemetry": run.Telemetry,
    "accuracy": run.Accuracy,
    "finetune": run.Finetune,
    "tracking": run.Tracking,
}
OPTIONS = [(name, path) for name in GROUPS for path in sorted((CONF_DIR / name).glob("*.yaml"))]
ENDPOINT = {"kind": "endpoint", "base_url": "https://api.example", "served_model": "m"}
LORA = {
    "kind": "lora",
    "task": "review_sentiment",
    "train_examples": 8,
    "heldout_examples": 8,
    "epochs": 1,
    "batch_size": 8,
    "learning_rate": 0.001,
    "rank": 8,
    "alpha": 16,
}
OFF = {"kind": "none"}


def _answered(option: Any) -> Any:
    """The option with what it asks of the user: a file of theirs and its hash."""
    answers = {"path": "mine.json", "sha256": "0" * 64}
    if isinstance(option, list):
        return [_answered(item) for item in option]
    if not isinstance(option, dict):
        return option
    return {k: answers.get(k, v) if v == "???" else _answered(v) for k, v in option.items()}


@pytest.mark.parametrize(
    ("group", "path"), OPTIONS, ids=lambda given: given.stem if isinstance(given, Path) else given
)
def test_every_shipped_option_holds_to_its_class(group: str, path: Path) -> None:
    option = yaml.safe_load(path.read_text("utf-8"))
    if path.stem == "endpoint":  # address and model name are asked of the user
        assert {key for key, value in option.items() if value == "???"} == {
            "base_url",
            "served_model",
        }
        option |= ENDPOINT
    option = _answered(option)

    made: Any = TypeAdapter(GROUPS[group]).validate_json(json.dumps(option, default=str))

    assert getattr(made, "name", path.stem) == path.stem


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (ClosedLevel(kind="closed", concurrency=8, requests=2), "c8"),
        (OpenLevel(kind="open", rate_rps=2.5, requests=2), "r2.5"),
        (OpenLevel(kind="open", rate_rps=8.0, requests=2), "r8"),
        (
            ClosedLevel(kind="closed", concurrency=8, requests=2, input_tokens=9, output_tokens=3),
            "c8-i9-o3",
        ),
        (
            OpenLevel(kind="open", rate_rps=2.0, arrivals="gamma", gamma_shape=0.5, requests=2),
            "r2-gamma0.5",
        ),
        (
            OpenLevel(kind="open", rate_rps=1.0, arrivals="ramp", end_rate_rps=4.0, requests=2),
            "r1-to4",
        ),
        (SearchLevel(kind="search", start_rate_rps=1.0, max_rate_rps=9.0, requests=2), "search"),
    ],
)
def test_a_levels_name_tells_its_kind_and_size(level: AnyLevel, name: str) -> None:
    assert level.name == name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"workload.levels": [{"kind": "closed", "concurrency": 2, "requests": 1}] * 2},
            "levels c2 occur more than once",
        ),
        ({"workload.levels": []}, "at least 1 item"),
        (
            {"hardware.kind": "gpu", "hardware.gpu_count": 1},
            "engine.kind=vllm_cpu needs hardware.kind=cpu",
        ),
        ({"finetune": LORA | {"rank": 17}}, "finetune.rank=17 exceeds engine.max_lora_rank=16"),
        (
            {"engine": ENDPOINT, "accuracy": OFF, "finetune": LORA},
            "finetune needs local weights",
        ),
        ({"engine": ENDPOINT}, "accuracy needs the model's tokenizer"),
        ({"model.source": {"kind": "folder", "path": "/w"}}, "sha256"),
        ({"model.source": {"kind": "folder", "path": "/w", "sha256": "abc"}}, "sha256"),
        ({"engine": ENDPOINT | {"base_url": "ftp://x"}}, "base_url"),
        ({"model.name": "../x"}, "name"),
        ({"accuracy.max_cut_share": 1.5}, "less than or equal to 1"),
    ],
    ids=lambda given: ",".join(given) if isinstance(given, dict) else "",
)
def test_what_cannot_run_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        run_config(changes)


def test_more_gpus_than_the_machine_has_are_refused() -> None:
    gpu = {
        "engine": {
            "kind": "vllm",
            "max_num_seqs": 8,
            "enforce_eager": False,
            "train_beside_server": False,
            "startup_timeout_s": 1.0,
            "gpu_memory_utilization": 0.9,
        },
        "hardware": {"name": "four", "kind": "gpu", "gpu_count": 4},
        "model.tensor_parallel_size": 4,
    }

    assert run_config(gpu).hardware.gpu_count == 4
    with pytest.raises(ValidationError, match="= 8 GPUs, but hardware four has 4"):
        run_config(gpu | {"model.pipeline_parallel_size": 2})


def test_a_configuration_survives_json_unchanged() -> None:
    made = run_config({"finetune": LORA})

    assert type(made).model_validate_json(made.model_dump_json()) == made


def test_a_ramp_has_an_end_and_nothing_else_has_one() -> None:
    with pytest.raises(ValidationError, match="end_rate_rps goes with arrivals=ramp"):
        OpenLevel(kind="open", rate_rps=1.0, arrivals="ramp", requests=2)
    with pytest.raises(ValidationError, match="end_rate_rps goes with arrivals=ramp"):
        OpenLevel(kind="open", rate_rps=1.0, end_rate_rps=2.0, requests=2)


def test_a_search_without_objectives_is_refused_with_the_way_to_choose_some() -> None:
    level = {"kind": "search", "start_rate_rps": 1.0, "max_rate_rps": 9.0, "requests": 400}
    with pytest.raises(ValidationError, match="a search level needs objectives; choose some"):
        run_config({"workload.levels": [level]})


def test_lengths_of_a_level_need_prompts_and_output_that_have_a_length() -> None:
    level = {"kind": "closed", "concurrency": 1, "requests": 2}
    with pytest.raises(
        ValidationError, match=r"input_tokens needs prompts\.kind=synthetic or shared_prefix"
    ):
        run_config(
            {
                "workload.prompts": {"kind": "questions"},
                "workload.levels": [level | {"input_tokens": 9}],
            }
        )
    with pytest.raises(ValidationError, match=r"output_tokens needs output\.kind=fixed"):
        run_config(
            {
                "workload.output": {"kind": "natural", "max_tokens": 9},
                "workload.levels": [level | {"output_tokens": 9}],
            }
        )


def test_the_longest_level_must_fit_the_context_of_the_model() -> None:
    level = {"kind": "closed", "concurrency": 1, "requests": 2, "input_tokens": 1020}
    # 1,020 in and 32 out: more than the 1,024 that the server allots.
    with pytest.raises(ValidationError, match=r"1020 \+ 32 = 1052 tokens"):
        run_config({"workload.levels": [level]})


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--data-parallel-size", "8"], "neither priced nor metered"),
        (["-tp=8"], "neither priced nor metered"),
        (["--host", "0.0.0.0"], "--host is set by harness"),
    ],
)
def test_server_arguments_cannot_take_gpus_or_addresses_that_the_record_does_not_know(
    args: list[str], why: str
) -> None:
    for part in ("model", "engine"):
        with pytest.raises(ValidationError, match=why):
            run_config({f"{part}.server_args": args})


def test_levels_of_a_shared_prefix_may_differ_in_what_follows_it() -> None:
    prompts = {"kind": "shared_prefix", "prefix_tokens": 900, "unique_tokens": 10}
    level = {"kind": "closed", "concurrency": 1, "requests": 2, "input_tokens": 90}

    run_config({"workload.prompts": prompts, "workload.levels": [level]})  # 900 + 90 + 32 = 1022

    longer = level | {"input_tokens": 93}
    with pytest.raises(ValidationError, match=r"993 \+ 32 = 1025 tokens"):
        run_config({"workload.prompts": prompts, "workload.levels": [longer]})
