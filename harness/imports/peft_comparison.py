"""PEFT method comparison results (method_comparison/MetaMathQA/results): effort of fine-tuning.

Time, tokens and memory (what PyTorch reserved) mean the same as ours. Two forms: memory and GPU
stand under `cuda_memory_max` and `gpu`, or since 2026 under `accelerator_memory_max` and
`accelerator`. The accuracy there is of the tuned model alone; a gain needs the base's, which the
file does not have.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import Found, Json, Source, figure, given, needed, number, text
from harness.records.imported import Imported

FORMAT = "peft-method-comparison"
SIGNS = "run_info, train_info and meta_info"
_GIB = 2**30


def fits(data: Any) -> bool:
    """Whether this is a result of the comparison."""
    return isinstance(data, dict) and {"run_info", "train_info", "meta_info"} <= data.keys()


def read(source: Source) -> list[Found]:
    """One measurement per file."""
    data = source.json()
    where = str(source.path)
    if not fits(data):
        raise FactError(f"{where}: no PEFT comparison: {SIGNS} needed")
    run, train, meta = (data[key] for key in ("run_info", "train_info", "meta_info"))
    status = train.get("status")
    if status != "success":
        raise FactError(f"{where}: train_info.status: {status!r}: the run did not succeed")
    config = run["train_config"]
    if "query_template" not in config:
        raise FactError(f"{where}: the comparison for images, not for text: it has no tokens")
    last = (train.get("metrics") or [{}])[-1]
    system = meta.get("system_info") or {}
    memory = "cuda_memory_max" if "cuda_memory_max" in train else "accelerator_memory_max"
    kind = (run.get("peft_config") or {}).get("peft_type", "full fine-tuning")
    own = {
        key.replace(" ", "_"): value
        for key, value in last.items()
        if isinstance(value, int | float) and key != "step"
    }
    return [
        Found(
            model=text(config, "model_id", where),
            workload="metamathqa",
            gpu=system.get("accelerator") or system.get("gpu"),
            imported=Imported(
                level=f"training, {kind}",
                gpus=1,
                figures=given(
                    {
                        "finetune_seconds": figure(needed(train, "train_time", where), 1),
                        "finetune_tokens": figure(
                            number(last, "train total tokens", where, positive=True), 1
                        ),
                        "finetune_peak_memory_gib": figure(
                            _gib(number(train, memory, where, positive=True)), 1
                        ),
                    }
                ),
                missing={
                    "finetune_gain": "not measured: the source has no accuracy of the base",
                    "output_tok_per_s": "not measured: the source is a training run",
                },
                own={**own, "num_trainable_params": train.get("num_trainable_params", 0)},
                conditions=(
                    f"{kind}; {config.get('max_steps')} steps of {config.get('batch_size')}"
                    f" examples, {config.get('dtype')}",
                    "peak memory is what PyTorch reserved for the training",
                ),
            ),
            tool="PEFT method comparison",
            tool_version=_version(meta),
            engine="transformers",
            precision=str(config.get("dtype") or "unknown"),
            revision=(meta.get("model_info") or {}).get("sha"),
            measured_on=str(run.get("created_at") or "")[:10] or None,
            details={"experiment": str(run.get("experiment_name"))},
        )
    ]


def _version(meta: Json) -> str:
    return str((meta.get("package_info") or {}).get("peft-version") or "unknown")


def _gib(count: float | None) -> float | None:
    return None if count is None else count / _GIB
