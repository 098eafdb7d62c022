"""ML.ENERGY leaderboard task files (public/data/tasks/*.json) of benchmark version 3.

Throughput is of the whole deployment over a steady window, energy is NVML's counter over the same
window divided by output tokens: both as ours. ITL percentiles are per token with zeros for tokens
that came together, ours are gaps between events: kept under their own names.

The files name no version. Before 2026-01-01 their throughput was of another window than their
energy and power, which the leaderboard then corrected; joules per token times tokens per second
are the watts in the corrected ones only, which tells them apart.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import Found, Json, Source, figure, given, needed, number, text
from harness.records.imported import Imported

FORMAT = "mlenergy"
SIGNS = "configurations, task and task_display_name"
_OWN = (
    "median_itl_ms", "p90_itl_ms", "p95_itl_ms", "p99_itl_ms", "avg_batch_size", "avg_power_watts",
    "max_num_seqs", "total_params_billions", "activated_params_billions", "data_parallel",
    "expert_parallel", "tensor_parallel",
)  # fmt: skip
_ROUNDING = 1e-3
_MISSING = {
    "ttft_p50_s": "not measured: the source gives no TTFT",
    "ttft_p99_s": "not measured: the source gives no TTFT",
    "itl_p50_s": "not measured: the source counts bundled tokens as gaps of 0",
    "itl_p99_s": "not measured: the source counts bundled tokens as gaps of 0",
}


def fits(data: Any) -> bool:
    """Whether this is a task file of the leaderboard."""
    return isinstance(data, dict) and {"configurations", "task", "task_display_name"} <= data.keys()


def read(source: Source) -> list[Found]:
    """One measurement per configuration."""
    data = source.json()
    if isinstance(data, dict) and {"model_id", "task", "configurations"} <= data.keys():
        raise FactError(
            f"{source.path}: an ML.ENERGY model file; the same figures are in the task files,"
            " public/data/tasks"
        )
    if not fits(data) or not isinstance(data["configurations"], list):
        raise FactError(f"{source.path}: no ML.ENERGY task file: {SIGNS} needed")
    if data.get("architecture") == "diffusion":
        raise FactError(
            f"{source.path}: task {data['task']} of images or video: it has no tokens to judge"
        )
    task = text(data, "task", str(source.path))
    if not data["configurations"]:
        raise FactError(f"{source.path}: configurations: none there")
    return [
        _one(each, task, place, f"{source.path}: configurations[{place}]")
        for place, each in enumerate(data["configurations"])
    ]


def _one(data: Json, task: str, place: int, where: str) -> Found:
    gpus = int(needed(data, "num_gpus", where))
    sequences = number(data, "max_num_seqs", where, positive=True)
    length = needed(data, "avg_output_len", where)
    joules = number(data, "energy_per_token_joules", where, positive=True)
    answer_j = number(data, "energy_per_request_joules", where, positive=True)
    precision = text(data, "weight_precision", where)
    rate = needed(data, "output_throughput_tokens_per_sec", where)
    _same_window(rate, joules, number(data, "avg_power_watts", where, positive=True), where)
    imported = Imported(
        level=f"batch of at most {sequences:g}" if sequences else "batch without a limit",
        concurrency=number(data, "avg_batch_size", where, positive=True),
        gpus=gpus,
        figures=given(
            {
                "output_tok_per_s": figure(rate),
                "energy_j_per_output_tok": figure(joules),
                "energy_j_per_answer": figure(answer_j),
            }
        ),
        output_tokens_mean=length,
        missing=_MISSING,
        own={key: value for key in _OWN if (value := data.get(key)) is not None},
        conditions=(
            f"task {task}, answers of natural length, {length:.0f} tokens on average",
            f"weights in {precision}; {_parallel(data)}",
            "each configuration as published, not tuned; one run, no interval",
        ),
    )
    return Found(
        model=text(data, "model_id", where),
        workload=task,
        gpu=text(data, "gpu_model", where),
        imported=imported,
        tool="ML.ENERGY Benchmark",
        tool_version="3 (by its form)",
        engine=None,
        precision=precision,
        # The same configuration may have been run twice.
        details={"configuration": str(place)},
    )


def _same_window(rate: float, joules: float | None, watts: float | None, where: str) -> None:
    """Refuse the uncorrected throughput of an early file."""
    if joules and watts and abs(rate * joules / watts - 1) > _ROUNDING:
        raise FactError(
            f"{where}: {joules:.4g} J per token x {rate:.4g} tokens/s is {joules * rate:.4g} W, not"
            f" {watts:.4g}: a file of before 2026-01-01, whose throughput was corrected since"
        )


def _parallel(data: Json) -> str:
    ways = ("tensor", "data", "expert")
    return ", ".join(f"{way} parallel {data.get(f'{way}_parallel', 'unknown')}" for way in ways)
