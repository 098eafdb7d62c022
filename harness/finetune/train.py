"""Train one LoRA adapter as a job file says. Usage: train.py JOB.json

Run as a module in a child: torch's memory and state end with it. Writes the adapter to
`adapter/` and the figures to `outcome.json` in the job's folder.
"""

import json
import math
import os
import resource
import time
from pathlib import Path
from typing import Any

from harness.child import run_job


def main(job_path: Path) -> None:
    """Read the job, train, write adapter and figures."""
    job: dict[str, Any] = json.loads(job_path.read_text("utf-8"))
    out = job_path.parent
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_CACHE=str(out / ".datasets"))
    os.environ.update(TOKENIZERS_PARALLELISM="false", WANDB_DISABLED="true")

    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    settings = job["settings"]
    tokenizer = AutoTokenizer.from_pretrained(job["model_folder"])
    model = AutoModelForCausalLM.from_pretrained(
        job["model_folder"],
        dtype=getattr(torch, job["dtype"]),
        trust_remote_code=job["trust_remote_code"],
    )
    train, heldout = (Dataset.from_list(job[part]) for part in ("train", "heldout"))
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=train,
        eval_dataset=heldout,
        peft_config=LoraConfig(
            r=settings["rank"],
            lora_alpha=settings["alpha"],
            lora_dropout=settings["dropout"],
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        args=SFTConfig(
            output_dir=str(out / ".trainer"),
            num_train_epochs=settings["epochs"],
            per_device_train_batch_size=settings["batch_size"],
            per_device_eval_batch_size=settings["batch_size"],
            learning_rate=settings["learning_rate"],
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=2,
            max_length=None,  # truncation would drop data under one tokenizer and not another
            packing=False,
            completion_only_loss=True,
            bf16=False,  # the weights already have the data type to compute in
            use_cpu=not job["gpu"],
            gradient_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            seed=job["seed"],
            data_seed=job["seed"],
            disable_tqdm=True,
        ),
    )
    before = trainer.evaluate()["eval_loss"]
    began = time.monotonic()
    result = trainer.train()
    seconds = time.monotonic() - began
    after = trainer.evaluate()["eval_loss"]
    if not (math.isfinite(after) and math.isfinite(result.training_loss)):
        raise RuntimeError(f"training diverged: loss {result.training_loss}, held out {after}")
    trainer.save_model(str(out / "adapter"))
    if torch.cuda.is_available():
        peak, kind = torch.cuda.max_memory_reserved(), "GPU memory reserved by torch"
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        kind = "resident memory of the training process"
    tokens = sum(len(row["input_ids"]) for row in trainer.train_dataset) * settings["epochs"]
    figures = {
        "seconds": seconds,
        "loss_before": before,
        "loss_after": after,
        "train_tokens": tokens,
        "peak_memory_bytes": peak,
        "peak_memory_kind": kind,
        "trainable_parameters": sum(
            p.numel() for p in trainer.model.parameters() if p.requires_grad
        ),
        "curve": [
            {"step": entry["step"], "loss": entry["loss"]}
            for entry in trainer.state.log_history
            if "loss" in entry
        ],
    }
    (out / "outcome.json").write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    run_job(main)
