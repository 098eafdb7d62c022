"""lm-eval results (results_*.json) and samples (samples_*.jsonl): scores with their stderr."""

import re
from typing import Any

from harness.errors import FactError
from harness.imports.found import Found, Json, Source, number
from harness.records.imported import Imported
from harness.records.schema import Score
from harness.stats import Estimate, mean

FORMAT = "lm-eval"
_Z95 = 1.959963984540054
_NO_SPEED = {"output_tok_per_s": "not measured: the source is an accuracy run"}


def fits(data: Any) -> bool:
    """Whether these are results, or the lines of a samples file."""
    if isinstance(data, dict):
        return {"results", "versions", "n-shot"} <= data.keys()
    return isinstance(data, list) and bool(data) and _is_sample(data[0])


def read(source: Source) -> list[Found]:
    """One measurement per file: all its scores."""
    import json

    if source.path.name.removesuffix(".gz").endswith(".jsonl"):
        try:
            rows = [json.loads(line) for line in source.text.splitlines() if line.strip()]
        except ValueError as error:
            raise FactError(
                f"{source.path}: a line is no JSON, perhaps cut off: {error}"
            ) from error
        return [_samples(rows, source)]
    data = source.json()
    if not fits(data) or not isinstance(data, dict):
        raise FactError(f"{source.path}: no lm-eval results: results, versions and n-shot needed")
    return [_results(data, source)]


def _results(data: Json, source: Source) -> Found:
    where = str(source.path)
    config = data.get("config") or {}
    scores = []
    for task, table in data["results"].items():
        size = (data.get("n-samples") or {}).get(task) or {}
        n = size.get("effective")
        for key, value in table.items():
            name, _, filtered = key.partition(",")
            if not isinstance(value, int | float) or name.endswith("_stderr") or not filtered:
                continue
            stderr = table.get(f"{name}_stderr,{filtered}")
            scores.append(
                _score(
                    task,
                    name if filtered == "none" else key,
                    number(table, key, f"{where}: {task}") or 0.0,
                    stderr if isinstance(stderr, int | float) else None,
                    n,
                    data,
                    where,
                )
            )
    if not scores:
        raise FactError(f"{where}: results: no score there")
    return Found(
        model=str(data.get("model_name") or "unknown"),
        workload="accuracy",
        gpu=None,
        imported=Imported(level="accuracy only", figures={}, missing=_NO_SPEED),
        tool="lm-eval",
        tool_version=str(data.get("lm_eval_version") or "unknown"),
        engine=str(data.get("model_source") or config.get("model") or "unknown"),
        precision=str(config.get("model_dtype") or "unknown"),
        scores=tuple(scores),
        details={"date": str(data.get("date"))},
    )


def _score(
    task: str, metric: str, value: float, stderr: float | None, n: Any, data: Json, where: str
) -> Score:
    if not isinstance(n, int) or n < 1:
        raise FactError(f"{where}: n-samples.{task}.effective: expected a count, got {n!r}")
    half = None if stderr is None else _Z95 * stderr
    template = data.get("chat_template")
    return Score(
        task=task,
        metric=metric,
        value=Estimate(
            value=value,
            n=n,
            low=None if half is None else max(value - half, min(value, 0.0)),
            high=None if half is None else min(value + half, max(value, 1.0)),
        ),
        stderr=stderr,
        void_reason=None,
        limit=_limit(data),
        num_fewshot=int((data.get("n-shot") or {}).get(task) or 0),
        language="see task",
        dtype=str((data.get("config") or {}).get("model_dtype") or "unknown"),
        chat_template=bool(template),
        bos=None,
        lm_eval_version=str(data.get("lm_eval_version") or "unknown"),
        data_sha256=None,
        cut=None,
        empty=None,
        failed=0,
        output_tokens=None,
        adapter=False,
    )


def _samples(rows: list[Json], source: Source) -> Found:
    where = str(source.path)
    if not rows or not all(_is_sample(row) for row in rows):
        raise FactError(
            f"{where}: no lm-eval samples: doc_id, resps and metrics in each line needed"
        )
    task = re.sub(r"^samples[_-]|_\d{4}-\d\d-\d\dT.*$|\.jsonl(\.gz)?$", "", source.path.name)
    found = []
    filters = dict.fromkeys(row.get("filter", "none") for row in rows)
    for filtered in filters:
        chosen = [row for row in rows if row.get("filter", "none") == filtered]
        for metric in chosen[0]["metrics"]:
            estimate = mean([number(row, metric, where) or 0.0 for row in chosen])
            assert estimate is not None  # there are rows
            found.append(
                _score(
                    task,
                    metric if filtered == "none" else f"{metric},{filtered}",
                    estimate.value,
                    None,
                    len(chosen),
                    {},
                    where,
                ).model_copy(update={"value": estimate})
            )
    return Found(
        model="unknown",
        workload="accuracy",
        gpu=None,
        imported=Imported(level="accuracy only", figures={}, missing=_NO_SPEED),
        tool="lm-eval",
        tool_version="unknown",
        engine="unknown",
        scores=tuple(found),
        details={"task": task},
    )


def _is_sample(row: Any) -> bool:
    return isinstance(row, dict) and {"doc_id", "resps", "metrics"} <= row.keys()


def _limit(data: Json) -> int | None:
    limit = (data.get("config") or {}).get("limit")
    return int(limit) if isinstance(limit, int | float) and limit >= 1 else None
