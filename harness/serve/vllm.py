"""Configuration -> the exact command line and environment of a vLLM server. Pure."""

import hashlib
import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.config.run import ModelConfig, VllmCpuEngine, VllmEngine

# Instruction sets with which a CPU computes bfloat16 fast; without them it is 5 times slower.
_FAST_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_ENTRY = "vllm.entrypoints.openai.api_server"


@dataclass(frozen=True)
class ServerCommand:
    """What is started: argument vector and the environment on top of ours."""

    argv: tuple[str, ...]
    env: dict[str, str]
    dtype: str

    def key(self) -> str:
        """Same key: the same server would be started, so one that runs can be used again."""
        text = json.dumps([self.argv, sorted(self.env.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def resolve_dtype(
    model: ModelConfig, engine: VllmEngine | VllmCpuEngine, cpu_flags: Collection[str]
) -> str:
    """The data type to serve in; on a CPU `auto` follows what the processor computes fast."""
    if model.dtype != "auto" or isinstance(engine, VllmEngine):
        return model.dtype
    return "bfloat16" if _FAST_BF16_FLAGS & set(cpu_flags) else "float32"


def server_command(
    model: ModelConfig,
    engine: VllmEngine | VllmCpuEngine,
    *,
    folder: Path | str,
    port: int | str,
    cpu_flags: Collection[str],
    cores: Sequence[int],
    lora: bool,
) -> ServerCommand:
    """The command that serves `folder` on loopback at `port`.

    `cpu_flags`: the processor's feature flags; `cores`: the cores that the server may use;
    `lora`: whether adapters will be loaded while it runs.
    """
    dtype = resolve_dtype(model, engine, cpu_flags)
    argv = [sys.executable, "-m", _ENTRY, "--model", str(folder), "--served-model-name", model.name]
    argv += ["--host", "127.0.0.1", "--port", str(port), "--dtype", dtype]
    argv += [
        "--max-model-len",
        str(model.max_model_len),
        "--max-num-seqs",
        str(engine.max_num_seqs),
    ]
    if model.quantization:
        argv += ["--quantization", model.quantization]
    if model.tensor_parallel_size > 1:
        argv += ["--tensor-parallel-size", str(model.tensor_parallel_size)]
    if model.pipeline_parallel_size > 1:
        argv += ["--pipeline-parallel-size", str(model.pipeline_parallel_size)]
    if model.trust_remote_code:
        argv.append("--trust-remote-code")
    if engine.enforce_eager:
        argv.append("--enforce-eager")
    argv.append(
        "--enable-prefix-caching" if engine.prefix_caching else "--no-enable-prefix-caching"
    )
    argv.append("--enable-prompt-tokens-details")  # cached tokens of each prompt, in its usage
    if engine.mfu_metrics:
        argv.append("--enable-mfu-metrics")
    if lora:
        argv += ["--enable-lora", "--max-lora-rank", str(engine.max_lora_rank)]
        if engine.lora_target_modules:
            argv += ["--lora-target-modules", *engine.lora_target_modules]
    env = {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_SERVER_DEV_MODE": "1",  # /server_info and /reset_prefix_cache; loopback only
    }
    if lora:
        env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    if isinstance(engine, VllmCpuEngine):
        env["VLLM_CPU_KVCACHE_SPACE"] = str(engine.kv_cache_gib)
        # By default vLLM keeps one core for itself: half of a 2-core machine.
        env["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, cores))
    else:
        argv += ["--gpu-memory-utilization", str(engine.gpu_memory_utilization)]
    argv += [*model.server_args, *engine.server_args]
    return ServerCommand(tuple(argv), {**env, **engine.env}, dtype)
