"""Answers one by one, as tables to read: lm-eval's samples and the behaviour probes."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.track import shared

MOST_PER_TASK = 200
"""Rows of one task in a table; the files in the record's artifact have them all."""
_MOST_CHARACTERS = 2000
ANSWER_COLUMNS = (
    "task", "asked_of", "item", "filter", "prompt", "target", "answer", "metrics",
    "request_failed", "finish_reason",
)  # fmt: skip
PROBE_COLUMNS = (
    "item_id", "kind", "group", "language", "system", "prompt", "answer", "label",
    "finish_reason", "output_tokens", "error",
)  # fmt: skip
_FOLDERS = (
    ("accuracy", "model"),
    ("finetune/scored-base", "model, before fine-tuning"),
    ("finetune/scored-adapter", "fine-tuned adapter"),
)


@dataclass(frozen=True)
class Sample:
    """The first rows of each task, how many rows there were, and how many are shown."""

    rows: list[list[Any]]
    shown: int
    total: int


def answers(folder: Path) -> Sample:
    """What was asked and answered in each accuracy task and in the held-out scoring."""
    rows: list[list[Any]] = []
    total = 0
    for part, asked_of in _FOLDERS:
        for path in sorted((folder / part).glob("samples-*.jsonl")):
            task = path.stem.removeprefix("samples-")
            for number, line in enumerate(_lines(path)):
                total += 1
                if number < MOST_PER_TASK:
                    rows.append(_answer(task, asked_of, json.loads(line)))
    return Sample(rows, len(rows), total)


def probes(folder: Path) -> Sample:
    """What was asked and answered in the behaviour stage, the same number of each kind at most."""
    rows: list[list[Any]] = []
    taken: dict[str, int] = {}
    total = 0
    for line in _lines(folder / "behaviour" / "samples.jsonl"):
        total += 1
        probe = json.loads(line)
        kind = str(probe.get("kind"))
        taken[kind] = taken.get(kind, 0) + 1
        if taken[kind] <= MOST_PER_TASK:
            error = probe.get("error")
            probe["error"] = None if error is None else shared.text(error)
            rows.append([_short(probe.get(name)) for name in PROBE_COLUMNS])
    return Sample(rows, len(rows), total)


def _lines(path: Path) -> Iterator[str]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as stream:
        yield from (line for line in stream if line.strip())


def _answer(task: str, asked_of: str, row: dict[str, Any]) -> list[Any]:
    metrics = ", ".join(f"{name} {row[name]:g}" for name in row.get("metrics", ()) if name in row)
    arguments = row.get("arguments") or [[""]]
    return [
        task,
        asked_of,
        row.get("doc_id"),
        row.get("filter"),
        _short(str(arguments[0][0])),
        _short(_target(row, arguments)),
        _short(_given(row, arguments)),
        metrics,
        bool(row.get("request_failed")),
        (row.get("ended") or {}).get("finish_reason"),
    ]


def _given(row: dict[str, Any], arguments: list[list[str]]) -> str:
    """The text that was written, or of a multiple choice the option that was likeliest."""
    responses = row.get("resps") or []
    scores = [_first(each) for each in responses]
    if scores and all(isinstance(score, int | float) for score in scores):
        likeliest = max(range(len(scores)), key=lambda k: scores[k])
        return str(arguments[likeliest][1])
    return str(scores[0]) if scores else ""


def _target(row: dict[str, Any], arguments: list[list[str]]) -> str:
    target = row.get("target")
    options = [each[1] for each in arguments if len(each) > 1]
    if isinstance(target, int) and len(options) > 1 and 0 <= target < len(options):
        return str(options[target])
    return str(target)


def _first(value: Any) -> Any:
    while isinstance(value, list) and value:
        value = value[0]
    return value


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
        return f"{value[:_MOST_CHARACTERS]} [... {len(value)} characters]"
    return value


def table(columns: Iterable[str], rows: Iterable[list[Any]]) -> Any:
    """A W&B table; a column may be empty in places."""
    import wandb

    return wandb.Table(columns=list(columns), data=list(rows), allow_mixed_types=True)
