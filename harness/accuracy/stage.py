"""Score a served model: write the job, run lm-eval in a child, read its samples back."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.accuracy.data import TASKS, Prepared, prepare
from harness.accuracy.scores import Conditions, score
from harness.child import Child
from harness.config.run import LmEvalAccuracy, TaskConfig
from harness.errors import ConfigError, MeasurementError
from harness.fetch import cache_dir
from harness.records.schema import Score


@dataclass(frozen=True)
class Subject:
    """What is scored: a model at a URL, and what identifies its answers in the cache."""

    base_url: str
    model: str
    tokenizer: str
    max_model_len: int
    add_bos: bool
    dtype: str
    identity: str  # weights' content, engine and dtype: another one never reads these answers
    api_key_env: str | None = None
    adapter: bool = False


def check_tasks(config: LmEvalAccuracy) -> None:
    """Raise ConfigError for a task that does not exist, before anything is started."""
    if config.from_hub:
        return
    for name in config.tasks:
        if name not in TASKS:
            raise ConfigError(
                f"accuracy.tasks.{name}: no such task; shipped are {', '.join(sorted(TASKS))}"
                " (lm-eval's own by name with accuracy.from_hub=true)"
            )


def evaluate(
    subject: Subject,
    config: LmEvalAccuracy,
    out: Path,
    *,
    extra: Sequence[tuple[Prepared, TaskConfig]] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Score]:
    """Scores of the configured tasks, or of `extra` tasks instead.

    Samples, the job and lm-eval's output lie in `out`. Raises MeasurementError with lm-eval's
    last word when it fails; answers got so far stay in the cache, so a second run goes on.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = list(extra) if extra is not None else _plan(config)
    folder = out / "tasks"
    folder.mkdir(exist_ok=True)
    for task, _ in plan:
        if task.yaml_text:
            (folder / f"{task.name}.yaml").write_text(task.yaml_text, encoding="utf-8")
    hub = config.from_hub and extra is None
    job = {
        "base_url": subject.base_url,
        "model": subject.model,
        "tokenizer": subject.tokenizer,
        "max_length": subject.max_model_len,
        "add_bos": subject.add_bos,
        "api_key_env": subject.api_key_env,
        "chat_template": config.apply_chat_template,
        "num_concurrent": config.num_concurrent,
        "max_retries": config.max_retries,
        "timeout_s": config.request_timeout_s,
        "from_hub": hub,
        "task_folder": str(folder),
        "cache": str(cache_dir() / "answers" / f"{_digest(subject.identity)}.sqlite"),
        "groups": _groups(plan, hub),
    }
    job_path = out / "job.json"
    job_path.write_text(json.dumps(job, indent=1), encoding="utf-8")
    argv = [sys.executable, "-m", "harness.accuracy.child", str(job_path)]
    with Child(argv, env=os.environ, log=out / "lm_eval.log", stop_timeout_s=5) as child:
        while (code := child.wait(2.0)) is None:
            say(_progress(child.log_tail(1)))
        if code != 0:
            raise MeasurementError(f"lm-eval failed: {' '.join(child.log_tail(1))}")
    shutil.rmtree(out / ".datasets", ignore_errors=True)
    outcome = json.loads((out / "outcome.json").read_text("utf-8"))
    conditions = Conditions(
        dtype=subject.dtype,
        chat_template=config.apply_chat_template,
        bos=subject.add_bos,
        lm_eval_version=outcome["lm_eval_version"],
        max_cut_share=config.max_cut_share,
        max_empty_share=config.max_empty_share,
    )
    scores = []
    for task, settings in plan:
        samples = _samples(out, task.name, outcome["subtasks"])
        for metric in task.metrics or _metrics(samples):
            scores.append(
                score(
                    task.name,
                    metric,
                    samples,
                    conditions,
                    limit=settings.limit,
                    num_fewshot=settings.num_fewshot,
                    language=task.language,
                    data_sha256=task.data_sha256 or None,
                    adapter=subject.adapter,
                )
            )
    return scores


def _plan(config: LmEvalAccuracy) -> list[tuple[Prepared, TaskConfig]]:
    if config.from_hub:
        return [
            (Prepared(name, "", 0, "see task", (), ""), settings)
            for name, settings in config.tasks.items()
        ]
    return [
        (prepare(name, settings.num_fewshot), settings) for name, settings in config.tasks.items()
    ]


def _groups(plan: Sequence[tuple[Prepared, TaskConfig]], hub: bool) -> list[dict[str, Any]]:
    """Calls of lm-eval: one for all tasks of ours, since each costs seconds; one a task else."""
    if hub:
        return [
            {"tasks": [task.name], "limit": settings.limit, "num_fewshot": settings.num_fewshot}
            for task, settings in plan
        ]
    picked = {
        task.name: list(range(min(settings.limit or task.items, task.items)))
        for task, settings in plan
    }
    return [{"tasks": list(picked), "samples": picked}]


def _samples(out: Path, task: str, subtasks: dict[str, list[str]]) -> list[dict[str, Any]]:
    """A task's samples; a group of tasks (mmlu) has those of all its leaves, each item once."""
    path = out / f"samples-{task}.jsonl"
    if path.exists():
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    leaves = subtasks.get(task, [])
    if not leaves:
        raise MeasurementError(f"lm-eval gave no samples for {task}")
    return [row for leaf in leaves for row in _samples(out, leaf, subtasks)]


def _metrics(samples: Sequence[dict[str, Any]]) -> list[str]:
    names: dict[str, None] = {}
    for row in samples:
        for name in row["metrics"]:
            names[name if row.get("filter", "none") == "none" else f"{name},{row['filter']}"] = None
    return list(names)


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:24]


def _progress(tail: Sequence[str]) -> str:
    line = tail[-1].split("\r")[-1] if tail else ""
    return line[:100] if "Requesting API" in line else "lm-eval"
