"""lm-eval results (results_*.json) and samples (samples_*.jsonl): scores with their stderr.

Samples beside the results of their run are checked against them and become part of that record;
alone they are scored here. Read are the forms of lm-eval 0.4 with sample sizes.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import FactError
from harness.imports.found import Found, Json, Source
from harness.imports.found import read as read_file
from harness.records.imported import Imported
from harness.records.schema import Score
from harness.stats import Estimate, mean

FORMAT = "lm-eval"
SIGNS = "results and versions, or lines with doc_id, resps and metrics"
_Z95 = 1.959963984540054
_NO_SPEED = {"output_tok_per_s": "not measured: the source is an accuracy run"}
_SHARES = ("acc", "acc_norm", "acc_bytes", "exact_match", "exact_match_cot", "mc1", "mc2", "em")
"""Metrics that are means of items between 0 and 1; an interval of another metric is not cut off."""
_SAME = 1e-6
_READ = "0.4"
_STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"


def fits(data: Any) -> bool:
    """Whether these are results, of whatever version, or the lines of a samples file."""
    if isinstance(data, dict):
        return {"results", "versions"} <= data.keys() and isinstance(data["results"], dict)
    return isinstance(data, list) and bool(data) and _is_sample(data[0])


def read(source: Source) -> list[Found]:
    """One measurement per file: all its scores. None in samples whose results lie beside them."""
    if source.path.name.removesuffix(".gz").endswith(".jsonl"):
        return [] if _results_of(source.path) else [_alone(_lines(source), source)]
    data = source.json()
    if not fits(data) or not isinstance(data, dict):
        raise FactError(f"{source.path}: no lm-eval results: {SIGNS} needed")
    return [_results(data, source)]


# --- results ----------------------------------------------------------------------------------


def _results(data: Json, source: Source) -> Found:
    where = str(source.path)
    version = data.get("lm_eval_version")
    if version is not None and not str(version).startswith(f"{_READ}."):
        raise FactError(f"{where}: lm_eval_version {version}: this harness reads {_READ}")
    scores = [
        _score(task, key, table, data, where)
        for task, table in data["results"].items()
        for key, value in table.items()
        if _is_metric(key, value)
    ]
    if not scores:
        early = any("acc" in table for table in data["results"].values())
        raise FactError(
            f"{where}: written by lm-eval before 0.4, which names no filter; 0.4 is read"
            if early
            else f"{where}: results: no score there"
        )
    config = data.get("config") or {}
    beside = tuple(read_file(path) for path in _samples_of(source.path))
    for samples in beside:
        _agree(samples, scores)
    return Found(
        model=data.get("model_name"),
        workload="accuracy",
        gpu=None,
        imported=Imported(level="accuracy only", figures={}, missing=_NO_SPEED),
        tool="lm-eval",
        tool_version=str(data.get("lm_eval_version") or "unknown"),
        engine=data.get("model_source") or config.get("model"),
        precision=str(config.get("model_dtype") or "unknown"),
        revision=config.get("model_sha") or None,
        measured_on=_day(data.get("date")),
        scores=tuple(scores),
        beside=beside,
        details={"date": str(data.get("date"))},
    )


def _is_metric(key: str, value: Any) -> bool:
    name, _, filtered = key.partition(",")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and bool(filtered) and not name.endswith("_stderr")


def _score(task: str, key: str, table: Json, data: Json, where: str) -> Score:
    name, _, filtered = key.partition(",")
    value = float(table[key])
    stderr = table.get(f"{name}_stderr,{filtered}")
    if not math.isfinite(value):
        raise FactError(f"{where}: results.{task}.{key}: {value} is no score")
    if name in _SHARES and not 0 <= value <= 1:
        raise FactError(f"{where}: results.{task}.{key}: {value:g} is no share")
    known = isinstance(stderr, int | float) and math.isfinite(stderr)
    n, whole = _size(task, data, where)
    shots = (data.get("n-shot") or {}).get(task)
    return Score(
        task=task,
        metric=name if filtered == "none" else key,
        value=_interval(name, value, float(stderr) if known and stderr is not None else None, n),
        stderr=float(stderr) if known and stderr is not None else None,
        void_reason=None,
        limit=n if n < whole else None,
        num_fewshot=shots if isinstance(shots, int) else None,
        language="see task",
        dtype=str((data.get("config") or {}).get("model_dtype") or "unknown"),
        chat_template=bool(data["chat_template"]) if "chat_template" in data else None,
        bos=None,
        lm_eval_version=str(data.get("lm_eval_version") or "unknown"),
        data_sha256=None,
        cut=None,
        empty=None,
        failed=0,
        output_tokens=None,
        adapter=False,
    )


def _interval(name: str, value: float, stderr: float | None, n: int) -> Estimate:
    """The normal 95% interval of the stderr; a share stays one."""
    if stderr is None:
        return Estimate(value=value, n=n)
    low, high = value - _Z95 * stderr, value + _Z95 * stderr
    if name in _SHARES:
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(value=value, n=n, low=low, high=high)


def _size(task: str, data: Json, where: str) -> tuple[int, int]:
    """Items scored, and those that the task has; of a group the sum over its tasks."""
    sizes = data.get("n-samples")
    if not isinstance(sizes, Mapping):
        raise FactError(
            f"{where}: no n-samples: of an early lm-eval without sample sizes, which are needed"
        )
    if task not in sizes:
        parts = [
            _size(part, data, where) for part in (data.get("group_subtasks") or {}).get(task) or []
        ]
        if not parts:
            raise FactError(f"{where}: n-samples.{task}: missing")
        return sum(n for n, _ in parts), sum(whole for _, whole in parts)
    size = sizes[task]
    n = size.get("effective") if isinstance(size, Mapping) else None
    if not isinstance(n, int) or n < 1:
        raise FactError(f"{where}: n-samples.{task}.effective: expected a count, got {n!r}")
    whole = size.get("original")
    return n, whole if isinstance(whole, int) else n


def _day(seconds: Any) -> str | None:
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()


# --- samples ----------------------------------------------------------------------------------


def _lines(source: Source) -> list[Json]:
    try:
        rows = [json.loads(line) for line in source.text.splitlines() if line.strip()]
    except ValueError as error:
        raise FactError(f"{source.path}: a line is no JSON, perhaps cut off: {error}") from error
    if not rows or not all(_is_sample(row) for row in rows):
        raise FactError(
            f"{source.path}: no lm-eval samples: doc_id, resps and metrics in each line needed"
        )
    return rows


def _is_sample(row: Any) -> bool:
    return isinstance(row, dict) and {"doc_id", "resps", "metrics"} <= row.keys()


def _task(path: Path) -> str:
    return re.sub(rf"^samples_|(_{_STAMP})?\.jsonl(\.gz)?$", "", path.name)


def _means(rows: Sequence[Json], where: str) -> dict[str, Estimate]:
    """Metric, with its filter as results write it, to the mean over its items.

    Left out is what is no number an item, such as the pairs behind a perplexity.
    """
    found: dict[str, Estimate] = {}
    for filtered in dict.fromkeys(str(row.get("filter", "none")) for row in rows):
        chosen = [row for row in rows if str(row.get("filter", "none")) == filtered]
        for metric in chosen[0]["metrics"]:
            values = [row[metric] for row in chosen if isinstance(row.get(metric), int | float)]
            if len(values) < len(chosen):
                continue
            if not all(math.isfinite(value) for value in values):
                raise FactError(f"{where}: {metric}: a value is no number")
            estimate = mean(values)
            if estimate is not None:
                found[metric if filtered == "none" else f"{metric},{filtered}"] = estimate
    return found


def _agree(samples: Source, scores: Sequence[Score]) -> None:
    """Refuse samples whose mean is not the score of the results that they lie beside."""
    task = _task(samples.path)
    of_task = {score.metric: score.value for score in scores if score.task == task}
    for metric, found in _means(_lines(samples), str(samples.path)).items():
        score = of_task.get(metric)
        if score is None or metric.partition(",")[0] not in _SHARES:
            continue
        if abs(found.value - score.value) > _SAME or found.n != score.n:
            raise FactError(
                f"{samples.path}: {metric} over {found.n} samples is {found.value:.6g}, the results"
                f" say {score.value:.6g} over {score.n}: files of two runs, or cut off"
            )


def _alone(rows: Sequence[Json], source: Source) -> Found:
    task = _task(source.path)
    means = _means(rows, str(source.path))
    if not means:
        raise FactError(f"{source.path}: no metric that is one number an item")
    return Found(
        model=None,
        workload="accuracy",
        gpu=None,
        imported=Imported(level="accuracy only", figures={}, missing=_NO_SPEED),
        tool="lm-eval",
        tool_version="unknown",
        engine=None,
        scores=tuple(
            Score(
                task=task,
                metric=metric,
                value=found,
                stderr=None,
                void_reason=None,
                limit=None,
                num_fewshot=None,
                language="see task",
                dtype="unknown",
                chat_template=None,
                bos=None,
                lm_eval_version="unknown",
                data_sha256=None,
                cut=None,
                empty=None,
                failed=0,
                output_tokens=None,
                adapter=False,
            )
            for metric, found in means.items()
        ),
        details={"task": task},
    )


def _stamp(path: Path) -> str | None:
    found = re.search(_STAMP, path.name)
    return found[0] if found else None


def _samples_of(results: Path) -> list[Path]:
    """Samples of the same run, by the time in their names."""
    stamp = _stamp(results)
    return sorted(results.parent.glob(f"samples_*_{stamp}.jsonl*")) if stamp else []


def _results_of(samples: Path) -> list[Path]:
    stamp = _stamp(samples)
    return sorted(samples.parent.glob(f"results_{stamp}.json*")) if stamp else []
