"""harness.serve.vllm: configuration becomes the exact command line."""

import sys
from typing import Any

import pytest

from harness.config.run import ModelConfig, VllmCpuEngine, VllmEngine
from harness.serve.vllm import ServerCommand, resolve_dtype, server_command
from tests.builders import run_config

CPU = VllmCpuEngine(
    kind="vllm_cpu",
    max_num_seqs=32,
    enforce_eager=True,
    train_beside_server=True,
    startup_timeout_s=600.0,
    kv_cache_gib=2,
)
GPU = VllmEngine(
    kind="vllm",
    max_num_seqs=256,
    enforce_eager=False,
    train_beside_server=False,
    startup_timeout_s=600.0,
    gpu_memory_utilization=0.9,
)


def model(**changes: Any) -> ModelConfig:
    return run_config({f"model.{key}": value for key, value in changes.items()}).model


def command(
    of: ModelConfig | None = None,
    engine: VllmEngine | VllmCpuEngine = CPU,
    *,
    port: int = 8000,
    folder: str = "/weights",
    flags: tuple[str, ...] = ("avx2",),
    lora: bool = False,
) -> ServerCommand:
    return server_command(
        of or model(), engine, folder=folder, port=port, cpu_flags=flags, cores=[0, 1], lora=lora
    )


def value(made: ServerCommand, flag: str) -> str:
    return made.argv[made.argv.index(flag) + 1]


def test_the_whole_command_of_the_smallest_model_on_a_cpu() -> None:
    assert command().argv == (
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", "/weights", "--served-model-name", "smollm2_135m"),
        *("--host", "127.0.0.1", "--port", "8000", "--dtype", "float32"),
        *("--max-model-len", "1024", "--max-num-seqs", "32"),
        *("--enforce-eager", "--enable-prefix-caching"),
        *("--enable-prompt-tokens-details", "--enable-mfu-metrics"),
    )


def test_a_server_listens_on_loopback_only() -> None:
    for engine in (CPU, GPU):
        assert value(command(engine=engine), "--host") == "127.0.0.1"


@pytest.mark.parametrize(
    ("asked", "engine", "flags", "dtype"),
    [
        ("auto", CPU, ("avx2",), "float32"),
        ("auto", CPU, ("avx2", "avx512f"), "float32"),
        ("auto", CPU, ("avx2", "avx512_bf16"), "bfloat16"),
        ("auto", CPU, ("amx_bf16",), "bfloat16"),
        ("auto", CPU, (), "float32"),
        ("float16", CPU, ("amx_bf16",), "float16"),
        ("bfloat16", CPU, ("avx2",), "bfloat16"),
        ("auto", GPU, ("avx2",), "auto"),
        ("float16", GPU, (), "float16"),
    ],
)
def test_a_cpu_serves_in_the_type_it_is_fast_in_unless_told(
    asked: str, engine: VllmEngine | VllmCpuEngine, flags: tuple[str, ...], dtype: str
) -> None:
    assert resolve_dtype(model(dtype=asked), engine, flags) == dtype
    made = command(model(dtype=asked), engine, flags=flags)
    assert (value(made, "--dtype"), made.dtype) == (dtype, dtype)


def test_a_cpu_server_gets_its_memory_and_every_core() -> None:
    env = command().env

    assert (env["VLLM_CPU_KVCACHE_SPACE"], env["VLLM_CPU_OMP_THREADS_BIND"]) == ("2", "0,1")
    assert "--gpu-memory-utilization" not in command().argv


def test_a_gpu_server_gets_its_share_of_memory_and_no_cpu_settings() -> None:
    made = command(engine=GPU)

    assert value(made, "--gpu-memory-utilization") == "0.9"
    assert not [name for name in made.env if name.startswith("VLLM_CPU")]
    assert "--enforce-eager" not in made.argv


def test_nothing_is_reported_to_anybody() -> None:
    assert command().env["VLLM_NO_USAGE_STATS"] == "1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantization": "fp8"}, ("--quantization", "fp8")),
        ({"tensor_parallel_size": 2}, ("--tensor-parallel-size", "2")),
        ({"pipeline_parallel_size": 2}, ("--pipeline-parallel-size", "2")),
        ({"trust_remote_code": True}, ("--trust-remote-code",)),
        ({"server_args": ["--reasoning-parser", "x"]}, ("--reasoning-parser", "x")),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_models_setting_reaches_the_command_and_its_default_does_not(
    changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    argv = command(model(**changes)).argv
    place = argv.index(words[0])

    assert argv[place : place + len(words)] == words
    assert words[0] not in command().argv


def test_prefix_caching_is_said_either_way() -> None:
    off = CPU.model_copy(update={"prefix_caching": False})

    assert "--no-enable-prefix-caching" in command(engine=off).argv
    assert "--enable-prefix-caching" not in command(engine=off).argv


def test_adapters_are_allowed_only_when_some_will_come() -> None:
    made = command(lora=True)

    assert value(made, "--max-lora-rank") == "16"
    assert made.env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert "--enable-lora" not in command().argv
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" not in command().env


def test_the_engines_own_arguments_and_environment_come_last() -> None:
    own = CPU.model_copy(update={"server_args": ("--x",), "env": {"VLLM_CPU_KVCACHE_SPACE": "9"}})

    made = command(model(server_args=["--y"]), own)

    assert made.argv[-2:] == ("--y", "--x")
    assert made.env["VLLM_CPU_KVCACHE_SPACE"] == "9"


def test_the_same_server_has_the_same_key_and_another_one_another() -> None:
    key = command().key()

    assert command().key() == key
    others = [
        command(model(dtype="bfloat16")),
        command(folder="/other"),
        command(lora=True),
        command(engine=CPU.model_copy(update={"kv_cache_gib": 3})),
    ]
    assert len({key, *(other.key() for other in others)}) == 5
