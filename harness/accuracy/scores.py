"""lm-eval's samples -> scores with all that they depend on. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.records.schema import Score
from harness.stats import Estimate, mean, proportion


@dataclass(frozen=True)
class Conditions:
    """What a score depends on besides model and items."""

    dtype: str
    chat_template: bool
    bos: bool
    lm_eval_version: str
    max_cut_share: float
    max_empty_share: float


def score(
    task: str,
    metric: str,
    samples: Sequence[dict[str, Any]],
    conditions: Conditions,
    *,
    limit: int | None,
    num_fewshot: int,
    language: str,
    data_sha256: str | None,
    adapter: bool = False,
) -> Score:
    """One metric (`name` or `name,filter`) over a task's samples.

    Items whose request failed are left out and counted. A generative score is void when more
    answers than allowed were cut at the length limit or are empty: it would measure the limit.
    """
    name, _, wanted_filter = metric.partition(",")
    rows = [row for row in samples if not wanted_filter or row.get("filter") == wanted_filter]
    answered = [row for row in rows if not row["request_failed"]]
    values = [float(row[name]) for row in answered]
    ended = [row["ended"] for row in answered if row.get("ended")]
    generative = bool(ended)
    cut = sum(1 for end in ended if end["finish_reason"] == "length")
    empty = sum(1 for row in answered if generative and not _text(row).strip())
    void = None
    if not values:
        void = "no item was answered"
    elif cut > conditions.max_cut_share * len(values):
        void = f"{cut} of {len(values)} answers were cut at the length limit"
    elif empty > conditions.max_empty_share * len(values):
        void = f"{empty} of {len(values)} answers are empty"
    estimate = _estimate(values)
    return Score(
        task=task,
        metric=metric,
        value=None if void else estimate,
        stderr=None if void else _stderr(values),
        void_reason=void,
        limit=limit,
        num_fewshot=num_fewshot,
        language=language,
        dtype=conditions.dtype,
        chat_template=conditions.chat_template,
        bos=conditions.bos,
        lm_eval_version=conditions.lm_eval_version,
        data_sha256=data_sha256,
        cut=cut if generative else None,
        empty=empty if generative else None,
        failed=len(rows) - len(answered),
        prompt_tokens=_told(ended, "prompt_tokens"),
        output_tokens=_told(ended, "output_tokens"),
        adapter=adapter,
    )


def _told(ended: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """Sum of a count over the answers; None unless every one has it."""
    counts = [end.get(name) for end in ended]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _estimate(values: Sequence[float]) -> Estimate | None:
    if all(value in (0.0, 1.0) for value in values):
        return proportion(int(sum(values)), len(values))
    return mean(values)


def _stderr(values: Sequence[float]) -> float | None:
    """Sample standard error of the mean, as lm-eval computes it."""
    n = len(values)
    if n < 2:
        return None
    centre = sum(values) / n
    return math.sqrt(sum((value - centre) ** 2 for value in values) / (n - 1) / n)


def _text(row: dict[str, Any]) -> str:
    value: Any = row["resps"]
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value if isinstance(value, str) else ""
