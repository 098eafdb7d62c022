"""Figures once more, from a cell's raw files, by the definitions of docs/metrics.md.

Written apart from the code that made the record and sharing only the statistics with it, so that
agreement between the two says something. A file that is not there gives None.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness import stats
from harness.records.schema import Level, Score
from harness.stats import Estimate, Values

_CLOCK_S = 1e-9  # a window's ends are kept from the first send: adding it again rounds
_DEVICES = {"nvml": "gpu", "rapl": "cpu"}


class Tokens(NamedTuple):
    """What a window holds; `prompt` includes `cached`, which is None where it is not told."""

    prompt: int
    cached: int | None
    output: int
    requests: int


class Load:
    """The rows of requests.parquet that belong to one level."""

    def __init__(self, rows: pd.DataFrame, level: Level) -> None:
        self.rows = len(rows)
        good = rows[rows["error_kind"].isna()]
        self.whole = len(good)
        self._good = [
            {str(name): value for name, value in row.items()} for row in good.to_dict("records")
        ]
        zero, part = float(rows["sent_s"].min()), level.window
        self.start_s = zero + (part.start_s if part else 0.0)
        self.end_s = zero + part.end_s if part else float(rows["end_s"].max())
        began = "sent_s" if level.kind == "closed" else "scheduled_s"
        self._measured = [
            row
            for row in self._good
            if part is None or self.start_s - _CLOCK_S <= row[began] < self.end_s - _CLOCK_S
        ]

    def _holds(self, time_s: float) -> bool:
        return self.start_s - _CLOCK_S <= time_s <= self.end_s + _CLOCK_S

    def throughput(self) -> Estimate | None:
        """Output tokens per second: the mean of ten equal slices of the window."""
        times, counts = [], []
        for row in self._good:
            times.append(_points(row["token_low_s"], row["token_high_s"]))
            counts.append(_counts(row))
        if not times:
            return None
        return stats.rate_by_slices(
            np.concatenate(times), np.concatenate(counts), self.start_s, self.end_s
        )

    def tokens(self) -> Tokens:
        """Counted again in the window: a prompt belongs to where its first token came."""
        prefilled, output = [], 0.0
        for row in self._good:
            points = _points(row["token_low_s"], row["token_high_s"])
            inside = np.array([self._holds(point) for point in points], dtype=bool)
            output += float(_counts(row)[inside].sum()) if len(points) else 0.0
            if len(points) and inside[0]:
                prefilled.append(row)
        cached = [row["cached_tokens"] for row in prefilled]
        told = all(count is not None and not pd.isna(count) for count in cached) and cached
        return Tokens(
            prompt=int(sum(row["prompt_tokens"] or 0 for row in prefilled)),
            cached=int(sum(cached)) if told else None,
            output=round(output),
            requests=len(self._measured),
        )

    def latency(self, name: str, share: float) -> Estimate | None:
        """A percentile of ttft, ttfa, itl, tpot or e2e, with its interval."""
        found = [each for row in self._measured for each in _latencies(name, row)]
        if not found:
            return None
        low, high, point = (np.array(part, dtype=float) for part in zip(*found, strict=True))
        return stats.percentile_bounded(low, high, share, point)


def load(folder: Path, level: Level) -> Load | None:
    """The requests of a level; None where the file or the level in it is not there."""
    path = folder / "requests.parquet"
    if not path.exists():
        return None
    rows = pd.read_parquet(path, filters=[("level", "==", level.name)])
    return Load(rows, level) if len(rows) else None


def _points(low: Sequence[float], high: Sequence[float]) -> Values:
    """Best guesses: m events with the same bounds cut them into m + 1 equal parts."""
    found: list[float] = []
    for (first, last), run in itertools.groupby(zip(low, high, strict=True)):
        m = sum(1 for _ in run)
        found += [first + (last - first) * place / (m + 1) for place in range(1, m + 1)]
    return np.array(found, dtype=float)


def _counts(row: dict[str, Any]) -> Values:
    """Tokens of each event; where the server told only their sum, spread evenly."""
    counts = np.asarray(row["token_counts"], dtype=float)
    told = row["output_tokens"]
    if told is None or pd.isna(told) or not counts.sum():
        return counts
    return np.asarray(counts * (float(told) / counts.sum()), dtype=float)


def _latencies(name: str, row: dict[str, Any]) -> Iterator[tuple[float, float, float]]:
    """Low, high and best guess of each observation in one answer."""
    low, high = list(row["token_low_s"]), list(row["token_high_s"])
    point = _points(low, high)
    start, n = row["scheduled_s"], len(low)
    if name == "e2e":
        yield (row["end_s"] - start,) * 3
    elif name in ("ttft", "ttfa"):
        at = 0 if name == "ttft" else row["answer_from"]
        if at is not None and not pd.isna(at) and int(at) < n:
            place = int(at)
            yield low[place] - start, high[place] - start, point[place] - start
    elif name == "itl":
        for i in range(1, n):
            yield (
                max(0.0, low[i] - high[i - 1]),
                high[i] - low[i - 1],
                point[i] - point[i - 1],
            )
    else:  # tpot
        tokens = _counts(row).sum()
        if n > 1 and tokens >= 2:
            ends = max(0.0, low[-1] - high[0]), high[-1] - low[0], point[-1] - point[0]
            yield ends[0] / (tokens - 1), ends[1] / (tokens - 1), ends[2] / (tokens - 1)


# --- counters --------------------------------------------------------------------------------


def energy_j(folder: Path, level: Level) -> float | None:
    """Growth of the energy counters over the level's window, all devices together."""
    path, requests = folder / "telemetry.parquet", load(folder, level)
    prefix = _DEVICES.get(level.energy.source)
    if requests is None or prefix is None or not path.exists():
        return None
    rows = pd.read_parquet(path)
    own = rows[rows["device"].str.startswith(prefix)]
    return sum(
        _growth(device["time_s"], device["energy_j"], requests.start_s, requests.end_s)
        for _, device in own.groupby("device")
    )


def counter(folder: Path, level: Level, name: str) -> float | None:
    """Growth of one of the server's counters over the level's window."""
    path, requests = folder / "server_metrics.parquet", load(folder, level)
    if requests is None or not path.exists():
        return None
    rows = pd.read_parquet(path)
    if name not in rows:
        return None
    return _growth(rows["time_s"], rows[name], requests.start_s, requests.end_s)


def _growth(time_s: Any, value: Any, start_s: float, end_s: float) -> float:
    order = np.argsort(np.asarray(time_s, dtype=float))
    times, values = (np.asarray(each, dtype=float)[order] for each in (time_s, value))
    known = ~np.isnan(values)
    begin, end = np.interp([start_s, end_s], times[known], values[known])
    return float(end - begin)


# --- samples ---------------------------------------------------------------------------------


def score(folder: Path, found: Score) -> Estimate | None:
    """The share of right items, counted again in the samples."""
    name, _, kept = found.metric.partition(",")
    rows = _lines(folder / "accuracy" / f"samples-{found.task}.jsonl")
    values = [
        float(row[name])
        for row in rows
        if (not kept or row.get("filter") == kept) and not row["request_failed"]
    ]
    if not values:
        return None
    if set(values) <= {0.0, 1.0}:
        return stats.proportion(int(sum(values)), len(values))
    return stats.mean(values)


def tuned(folder: Path, task: str, which: str) -> Estimate | None:
    """Held-out accuracy of `base` or `adapter`, counted again in its samples."""
    rows = _lines(folder / "finetune" / f"scored-{which}" / f"samples-{task}.jsonl")
    values = [float(row["acc"]) for row in rows if not row["request_failed"]]
    return stats.proportion(int(sum(values)), len(values))


def trained(folder: Path) -> dict[str, Any]:
    """What the trainer wrote of its own run; empty where it left nothing."""
    path = folder / "finetune" / "outcome.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def control(folder: Path, kind: str, group: str, marks: Sequence[str]) -> Estimate | None:
    """Share of a behaviour probe's answers that carry one of the marks."""
    labels = [
        row["label"]
        for row in _lines(folder / "behaviour" / "samples.jsonl")
        if (row["kind"], row["group"]) == (kind, group) and row["label"] not in (None, "no_python")
    ]
    return stats.proportion(sum(label in marks for label in labels), len(labels))


def gap(folder: Path, language: str, evasive: Sequence[str]) -> tuple[float, int] | None:
    """Mean over items of evaded (PRC) - evaded (other), and the number of items."""
    answers: dict[str, dict[str, str]] = {}
    for row in _lines(folder / "behaviour" / "samples.jsonl"):
        if row["kind"] == "paired" and row["language"] == language and row["label"]:
            answers.setdefault(row["item_id"], {})[row["group"]] = row["label"]
    arms = ("sensitive_prc", "sensitive_other")
    pairs = [
        [found[arm] in evasive for arm in arms]
        for found in answers.values()
        if all(arm in found for arm in arms)
    ]
    if not pairs:
        return None
    return float(np.mean([int(prc) - int(other) for prc, other in pairs])), len(pairs)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
