"""Run lm-eval as a job file says, in a process of its own. Usage: child.py JOB.json

Writes `samples-<task>.jsonl` and `outcome.json` into the job's folder. Exit status 0 when every
task ran; otherwise the last line printed says why.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

import httpx

from harness.child import run_job

SELF_TEST_TEXT = "The quick brown fox jumps over the lazy dog. One, two, three, four, five."


def self_test(base_url: str, model: str, headers: dict[str, str], ids: list[int]) -> None:
    """Ask for the log-probabilities of a known text; raise unless there is one for each token.

    Some servers take `echo` and answer with the generated token alone: every log-likelihood
    score would then be wrong without an error.
    """
    body = {"model": model, "prompt": ids, "max_tokens": 1, "temperature": 0}
    answer = httpx.post(
        base_url, json=body | {"logprobs": 1, "echo": True}, headers=headers, timeout=300
    )
    answer.raise_for_status()
    logprobs = answer.json()["choices"][0]["logprobs"]["token_logprobs"]
    if len(logprobs) != len(ids) + 1:
        raise RuntimeError(
            f"log-likelihood self-test: {len(ids)} tokens sent, {len(logprobs) - 1}"
            " log-probabilities came back; this server cannot score by log-likelihood"
        )
    inside = logprobs[1:-1]
    if any(value is None or not math.isfinite(value) or value > 0 for value in inside):
        raise RuntimeError("log-likelihood self-test: a log-probability is missing or positive")
    # "five" after "One, two, three, four," is near certain for any language model that works.
    if sum(inside) / len(inside) < -math.log(1000):
        raise RuntimeError(
            "log-likelihood self-test: plain English looks random to this model;"
            " weights or tokenizer are broken"
        )


def main(job_path: Path) -> None:
    """Read the job, run its tasks, write the outcome."""
    job: dict[str, Any] = json.loads(job_path.read_text("utf-8"))
    out = job_path.parent
    if not job["from_hub"]:
        os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
        os.environ["HF_DATASETS_CACHE"] = str(out / ".datasets")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"

    import lm_eval
    from lm_eval.tasks import TaskManager

    from harness.accuracy.client import AnswerCache, Completions

    key = os.environ.get(job["api_key_env"]) if job["api_key_env"] else None
    model = Completions(
        cache=AnswerCache(Path(job["cache"])),
        api_key=key,
        model=job["model"],
        base_url=f"{job['base_url']}/v1/completions",
        tokenizer=job["tokenizer"],
        tokenizer_backend="huggingface",
        tokenized_requests=True,
        add_bos_token=job["add_bos"],
        num_concurrent=job["num_concurrent"],
        max_retries=job["max_retries"],
        timeout=job["timeout_s"],
        max_length=job["max_length"],
    )
    ids = model.tok_encode(SELF_TEST_TEXT)
    self_test(model.base_url, job["model"], model.header, ids)

    manager = (
        TaskManager()
        if job["from_hub"]
        else TaskManager(include_path=job["task_folder"], include_defaults=False)
    )
    samples: dict[str, list[dict[str, Any]]] = {}
    versions: dict[str, Any] = {}
    subtasks: dict[str, list[str]] = {}
    for group in job["groups"]:
        results = lm_eval.simple_evaluate(
            model=model,
            tasks=group["tasks"],
            task_manager=manager,
            samples=group.get("samples"),
            limit=group.get("limit"),
            num_fewshot=group.get("num_fewshot"),
            apply_chat_template=job["chat_template"],
            log_samples=True,
            bootstrap_iters=0,
        )
        samples |= results["samples"]
        versions |= results["versions"]
        subtasks |= results.get("group_subtasks") or {}
    for task, rows in samples.items():
        with (out / f"samples-{task}.jsonl").open("w", encoding="utf-8") as stream:
            for row in rows:
                stream.write(
                    json.dumps(_mark(row, model), ensure_ascii=False, default=_number) + "\n"
                )
    outcome = {
        "lm_eval_version": lm_eval.__version__,
        "task_versions": versions,
        "subtasks": subtasks,
        "requests_sent": model.asked,
        "failed": model.failed,
    }
    (out / "outcome.json").write_text(json.dumps(outcome, default=str), encoding="utf-8")


def _mark(row: dict[str, Any], model: Any) -> dict[str, Any]:
    """Add to a sample how its answer ended and whether a request of it failed."""
    arguments = row["arguments"]
    values = list(arguments.values()) if isinstance(arguments, dict) else list(arguments)
    pairs = [list(v.values()) if isinstance(v, dict) else list(v) for v in values]
    contexts = [str(pair[0]) for pair in pairs]
    failed = any(
        json.dumps([str(part) for part in pair[:length]], ensure_ascii=False) in model.failed
        for pair in pairs
        for length in (1, 2)
        if all(isinstance(part, str) for part in pair[:length])
    )
    return row | {"request_failed": failed, "ended": model.ended.get(contexts[0])}


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


if __name__ == "__main__":
    run_job(main)
