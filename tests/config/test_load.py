"""harness.config.load: Hydra composes, pydantic judges, a user reads one line per problem."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from harness.config.load import CONF_DIR, judge, plan, validate_run
from harness.errors import ConfigError


def problems(*overrides: str, multirun: bool = False) -> list[str]:
    """The lines a user reads for these overrides."""
    with pytest.raises(ConfigError) as caught:
        plan(overrides, multirun=multirun, config_dir=None)
    return str(caught.value).splitlines()


@pytest.fixture(scope="module")
def defaults() -> DictConfig:
    """What Hydra composes without overrides; composing takes a quarter of a second."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        composed = compose("run")
    GlobalHydra.instance().clear()
    return composed


def refused(defaults: DictConfig, key: str, value: Any) -> list[str]:
    """The lines a user reads when one key of the composed configuration is changed or added."""
    composed = copy.deepcopy(defaults)
    OmegaConf.update(composed, key, value, force_add=True)
    with pytest.raises(ConfigError) as caught:
        validate_run(composed)
    return str(caught.value).splitlines()


def test_the_defaults_make_one_cell_of_the_smallest_model_on_a_cpu() -> None:
    [cell] = plan([], multirun=False, config_dir=None)

    assert cell.config.model.name == "smollm2_135m"
    assert cell.config.hardware.kind == "cpu"
    assert cell.overrides == ()


def test_an_override_reaches_the_frozen_configuration() -> None:
    [cell] = plan(["seed=7", "workload.warmup_requests=2"], multirun=False, config_dir=None)

    assert (cell.config.seed, cell.config.workload.warmup_requests) == (7, 2)


@pytest.mark.parametrize("sign", ["", "+"])
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(sign: str) -> None:
    [line] = problems(f"{sign}model.max_model_length=3")

    assert line.startswith("model.max_model_length=3: no such key; did you mean max_model_len?")
    assert "allowed here: " in line
    assert "tensor_parallel_size" in line


@pytest.mark.parametrize(
    ("key", "start"),
    [
        ("sweeep", "sweeep=3: no such key; did you mean sweep?"),
        ("workload.prompts.input_token", "workload.prompts.input_token=3: no such key; did you"),
        ("telemetry.interval", "telemetry.interval=3: no such key; did you mean interval_s?"),
        ("load.rte", 'load={"rte": 3}: no such key; did you mean workload?'),
        ("accuracy.tasks.exam_zh.limits", "accuracy.tasks.exam_zh.limits=3: no such key"),
    ],
)
def test_an_unknown_key_at_any_depth_is_named_as_typed(
    defaults: DictConfig, key: str, start: str
) -> None:
    [line] = refused(defaults, key, 3)

    assert line.startswith(start)


def test_an_unknown_key_inside_a_list_is_refused_with_the_keys_that_are_allowed(
    defaults: DictConfig,
) -> None:
    [line] = refused(defaults, "workload.levels.0.concurency", 2)

    assert line.startswith("workload.levels.0.concurency=2: no such key; did you mean concurrency?")
    assert "allowed here: concurrency, input_tokens, kind, output_tokens, requests" in line


def test_prices_are_no_key_of_a_run() -> None:
    [line] = problems("+pricing.machines.cpu=1")

    assert line.startswith("pricing=")
    assert "no such key" in line


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("seed", "x", "seed=x: should be a valid integer"),
        ("seed", 1.5, "seed=1.5: should be a valid integer"),
        ("seed", -1, "seed=-1: should be greater than or equal to 0"),
        ("seed", True, "seed=true: should be a valid integer"),
        (
            "model.dtype",
            "int3",
            "model.dtype=int3: should be 'auto', 'bfloat16', 'float16' or 'float32'",
        ),
        (
            "workload.levels.0.requests",
            0,
            "workload.levels.0.requests=0: should be greater than 0",
        ),
        (
            "workload.request_timeout_s",
            float("inf"),
            "workload.request_timeout_s=Infinity: should be a finite number",
        ),
        ("sweep", "???", "sweep: missing; give it as sweep=<value>"),
        ("model.max_model_len", 9000, "model: max_model_len 9000 exceeds context_length 8192"),
        ("hardware.gpu_count", 2, "hardware: kind cpu cannot have gpu_count 2"),
        (
            "workload.prompts.input_tokens",
            1000,
            "model.max_model_len=1024 is shorter than prompt plus output (1000 + 32 = 1032 tokens)",
        ),
    ],
)
def test_a_wrong_value_gives_one_line_with_key_value_and_rule(
    defaults: DictConfig, key: str, value: Any, line: str
) -> None:
    assert refused(defaults, key, value) == [line]


def test_parts_that_do_not_fit_each_other_are_refused_together() -> None:
    [line] = problems("engine=vllm")

    assert line == "engine.kind=vllm needs hardware.kind=gpu, got cpu (cpu)"


@pytest.mark.parametrize("name", ["../up", "/tmp", "a b", "", "-x", "x" * 81])
def test_a_sweep_name_that_is_no_plain_folder_name_is_refused(
    defaults: DictConfig, name: str
) -> None:
    [line] = refused(defaults, "sweep", name)

    assert line.startswith(f"sweep={name[:57]}")


@pytest.mark.parametrize(
    "revision",
    ["main", 1234567e8, "abc123"],
    ids=["branch", "number that YAML made of a hash", "short hash"],
)
def test_a_revision_that_is_no_full_commit_is_refused(defaults: DictConfig, revision: Any) -> None:
    composed = copy.deepcopy(defaults)
    composed.model.source = {"kind": "hub", "repo": "a/b", "revision": revision}

    with pytest.raises(ConfigError) as caught:
        validate_run(composed)

    [line] = str(caught.value).splitlines()
    assert line.startswith("model.source.revision=")


def test_an_interpolation_of_nothing_is_an_error_with_its_key(defaults: DictConfig) -> None:
    [line] = refused(defaults, "seed", "${nope}")

    assert "nope" in line


def test_a_missing_address_of_an_endpoint_is_asked_for_by_its_key() -> None:
    assert problems("engine=endpoint") == [
        "engine.base_url: missing; give it as engine.base_url=<value>",
        "engine.served_model: missing; give it as engine.served_model=<value>",
    ]


def test_an_unknown_option_names_the_group_and_its_options() -> None:
    [line] = problems("model=nope")

    assert "model/nope" in line
    assert "smollm2_135m" in line


@pytest.mark.parametrize("override", ['seed="1', "a b", "seed=[1", "model=3"])
def test_a_broken_override_is_one_line(override: str) -> None:
    [line] = problems(override)

    assert line


def test_two_problems_of_one_cell_are_two_lines(defaults: DictConfig) -> None:
    composed = copy.deepcopy(defaults)
    composed.model.dtype = "int3"

    assert [line.split("=")[0] for line in refused(composed, "seed", "x")] == [
        "seed",
        "model.dtype",
    ]


def test_every_cell_of_a_sweep_is_checked_before_any_starts() -> None:
    # The first cell of the sweep is right; only later ones are wrong.
    lines = problems("seed=0,x", "model.dtype=auto,int3", multirun=True)

    assert {line.split(":")[0] for line in lines} == {"seed=x", "model.dtype=int3"}


def test_a_problem_that_all_cells_share_is_told_once() -> None:
    assert len(problems("seed=0,1", "model.dtype=int3", multirun=True)) == 1


def test_a_sweep_has_a_cell_for_each_combination() -> None:
    cells = plan(["seed=0,1", "model.dtype=float32,bfloat16"], multirun=True, config_dir=None)

    assert {(cell.config.seed, cell.config.model.dtype) for cell in cells} == {
        (0, "float32"),
        (0, "bfloat16"),
        (1, "float32"),
        (1, "bfloat16"),
    }


def test_an_experiment_may_be_a_sweep_by_itself() -> None:
    cells = plan(["experiment=demo"], multirun=False, config_dir=None)

    assert [cell.config.model.name for cell in cells] == ["smollm2_135m", "qwen2_5_coder_0_5b"]
    assert {cell.config.sweep for cell in cells} == {"demo"}


def test_the_command_line_narrows_the_sweep_of_an_experiment() -> None:
    cells = plan(["experiment=demo", "model=smollm2_135m"], multirun=False, config_dir=None)

    assert [cell.config.model.name for cell in cells] == ["smollm2_135m"]


def test_a_folder_of_ones_own_adds_options(tmp_path: Path) -> None:
    (tmp_path / "workload").mkdir()
    text = (CONF_DIR / "workload" / "chat_short.yaml").read_text("utf-8")
    (tmp_path / "workload" / "ours.yaml").write_text(text.replace("chat_short", "ours"), "utf-8")

    [cell] = plan(["workload=ours"], multirun=False, config_dir=str(tmp_path))

    assert cell.config.workload.name == "ours"


def test_nothing_of_hydra_is_left_behind_after_an_error() -> None:
    problems("seed=x")

    assert not GlobalHydra.instance().is_initialized()


def test_the_judging_half_composes_by_its_own_groups() -> None:
    config = judge(["buyer=eu_private", "pricing=term_2026_06"])

    assert config.buyer.profile == "eu_private"
    assert config.pricing.name == "term_2026_06"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("risk.weights.listing=0.5", "risk: weights sum to 1.3, not 1"),
        ("pricing.utilisation=0", "pricing.utilisation=0: should be greater than 0"),
        ("pricing.utilisation=1.1", "pricing.utilisation=1.1: should be less than or equal to 1"),
        (
            "pricing.machines.cpu.low_usd_per_hour=9",
            "pricing.machines.cpu: prices must be ordered low <= mid <= high",
        ),
    ],
)
def test_a_wrong_judgement_is_one_line(override: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        judge([override])

    assert str(caught.value) == line


def test_a_key_of_the_measuring_half_is_no_key_of_the_judging_half() -> None:
    with pytest.raises(ConfigError, match="seed=3: no such key"):
        judge(["seed=3"])
