"""Write the job, train in a child, read the figures back."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.child import Child
from harness.config.run import LoraFinetune
from harness.errors import MeasurementError
from harness.fetch import sha256_file
from harness.finetune.data import LABELS, Split, load


@dataclass(frozen=True)
class Adapter:
    """A trained adapter and what it cost."""

    folder: Path
    figures: dict[str, Any]
    split: Split

    @property
    def sha256(self) -> str:
        """Of the adapter's weights."""
        return sha256_file(self.folder / "adapter_model.safetensors")


def train(
    config: LoraFinetune,
    model_folder: Path,
    out: Path,
    *,
    dtype: str,
    gpu: bool,
    seed: int,
    trust_remote_code: bool,
    say: Callable[[str], None] = lambda _: None,
) -> Adapter:
    """Train one LoRA adapter on the configured budget, on one GPU or the CPU; see `out/adapter`.

    Raises MeasurementError with the trainer's last word when it fails or takes too long.
    """
    out.mkdir(parents=True, exist_ok=True)
    split = load(config.train_examples, config.heldout_examples)
    job = {
        "model_folder": str(model_folder),
        "dtype": dtype,
        "gpu": gpu,
        "seed": seed,
        "trust_remote_code": trust_remote_code,
        "settings": config.model_dump(mode="json"),
        **{
            part: [{"prompt": e.prompt, "completion": e.completion} for e in examples]
            for part, examples in (("train", split.train), ("heldout", split.heldout))
        },
    }
    job_path = out / "job.json"
    job_path.write_text(json.dumps(job, indent=1), encoding="utf-8")
    argv = [sys.executable, "-m", "harness.finetune.train", str(job_path)]
    steps = -(-config.train_examples // config.batch_size) * config.epochs
    waited = 0.0
    env = dict(os.environ)
    if gpu:
        # One GPU: on several the trainer would multiply the batch, and so change what is trained.
        env["CUDA_VISIBLE_DEVICES"] = env.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    with Child(argv, env=env, log=out / "train.log", stop_timeout_s=5) as child:
        while (code := child.wait(2.0)) is None:
            waited += 2.0
            done = sum("'loss'" in line for line in child.log_tail(10_000))
            say(f"fine-tuning, step {done} of {steps}")
            if waited > config.timeout_s:
                raise MeasurementError(
                    f"fine-tuning passed finetune.timeout_s={config.timeout_s:g}"
                )
        if code != 0:
            raise MeasurementError(f"fine-tuning failed: {' '.join(child.log_tail(1))}")
    for scratch in (out / ".trainer", out / ".datasets"):
        shutil.rmtree(scratch, ignore_errors=True)
    figures = json.loads((out / "outcome.json").read_text("utf-8"))
    return Adapter(out / "adapter", figures, split)


def heldout_rows(split: Split) -> list[dict[str, Any]]:
    """Held-out examples as a multiple-choice task asks them."""

    return [{"prompt": e.prompt, "label": LABELS.index(e.label)} for e in split.heldout]
