"""What every reader takes and gives: a source file, and the measurements found in it."""

import glob
import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.errors import FactError
from harness.records.imported import Imported, ImportedFigure
from harness.records.schema import FinetuneResult, Score
from harness.stats import smallest_sample

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """One file as it lies there; `.gz` is opened."""

    path: Path
    text: str
    sha256: str

    @property
    def name(self) -> str:
        """Without folders: a record goes to other people."""
        return self.path.name

    def json(self) -> Any:
        """The file as JSON. Raises FactError with the place where it breaks off."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise FactError(f"{self.path}: no JSON, perhaps cut off: {error}") from error


def read(path: Path) -> Source:
    """A file with its hash. Raises FactError for one that cannot be read as text."""
    try:
        raw = path.read_bytes()
        plain = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return Source(path, plain.decode("utf-8"), hashlib.sha256(raw).hexdigest())
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise FactError(f"{path}: cannot be read: {error}") from error


@dataclass(frozen=True)
class Found:
    """One measurement in a file."""

    model: str | None  # as the source names it; a Hub name where it is one
    workload: str
    gpu: str | None  # as the source names it
    imported: Imported
    tool: str
    tool_version: str
    engine: str | None  # with its version; None: the file does not say
    evidence: Literal["imported", "estimated"] = "imported"
    precision: str = "unknown"
    revision: str | None = None
    content: Literal["chat", "code", "extraction", "mixed"] = "chat"
    measured_on: str | None = None  # ISO date
    scores: tuple[Score, ...] = ()
    finetune: FinetuneResult | None = None
    beside: tuple[Source, ...] = ()  # other files that belong to the same run
    details: Mapping[str, str] = field(default_factory=dict)  # tells two measurements apart


def number(data: Json, key: str, where: str, *, positive: bool = False) -> float | None:
    """A number of the source; None where it is absent or null.

    Raises FactError for text, NaN, infinity, and for what may not be negative (or zero).
    """
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FactError(f"{where}: {key}: expected a number, got {value!r}")
    if not math.isfinite(value):
        raise FactError(f"{where}: {key}: {value} is no measurement")
    if value < 0 or (positive and value == 0):
        raise FactError(
            f"{where}: {key}: {value:g} must be {'above' if positive else 'at least'} 0"
        )
    return float(value)


def needed(data: Json, key: str, where: str, *, positive: bool = True) -> float:
    """A number that must be there."""
    value = number(data, key, where, positive=positive)
    if value is None:
        raise FactError(f"{where}: {key} is missing")
    return value


def text(data: Json, key: str, where: str) -> str:
    """A text that must be there."""
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise FactError(f"{where}: {key}: expected text, got {value!r}")
    return value


def figure(value: float | None, n: int | None = None) -> ImportedFigure | None:
    """A figure without interval; None stays None."""
    return None if value is None else ImportedFigure(value=value, n=n)


def given(figures: Mapping[str, ImportedFigure | None]) -> dict[str, ImportedFigure]:
    """Those that the source has."""
    return {key: each for key, each in figures.items() if each is not None}


FROM_SEND = "not measured: the source counts from the send, which leaves out the client's queue"
"""Of TTFT and E2E in an open loop."""
MEDIAN = 0.5
MOST_S = 3600.0
"""Of a latency; one given in a smaller unit looks longer."""


def seconds(ms: float | None, key: str, where: str) -> float | None:
    """Milliseconds as seconds. Raises FactError for a latency of more than an hour.

    A figure given in microseconds or nanoseconds would look like that.
    """
    if ms is None:
        return None
    if ms / 1000 > MOST_S:
        raise FactError(f"{where}: {key}: {ms:g} ms is more than an hour; another unit?")
    return ms / 1000


def percentile(
    value_s: float | None, share: float, n: int | None, column: str
) -> tuple[ImportedFigure | None, str | None]:
    """A percentile if the sample bears it, by the rule for our own; else the reason.

    A median needs no least sample; a higher percentile of an unknown sample may be one request.
    """
    if value_s is None:
        return None, f"not measured: the source gives no {column}"
    if value_s == 0:
        return None, f"not measured: the source gives 0 for {column}, as it does without streaming"
    if share <= MEDIAN:
        return ImportedFigure(value=value_s, n=n), None
    least = smallest_sample(share)
    if n is None:
        return None, f"not measured: p{share * 100:g} without a sample size"
    if n < least:
        return (
            None,
            f"not measured: p{share * 100:g} needs {least} observations, the source has {n}",
        )
    return ImportedFigure(value=value_s, n=n), None


def shape(input_tokens: float | None, output_tokens: float | None) -> str:
    """A workload's name by its mean lengths."""
    told = ["unknown" if n is None else f"{n:.0f}" for n in (input_tokens, output_tokens)]
    return f"in-{told[0]}-out-{told[1]}"


def load_level(concurrency: float | None, rate_rps: float | None) -> str:
    """The load's name: a rate (open loop), or how many requests were kept in flight."""
    if rate_rps is not None:
        return f"{rate_rps:g} requests/s"
    return "all at once" if concurrency is None else f"{concurrency:g} in flight"


FAILED_SHARE = 0.01
"""Of all requests; more make a level void, as for our own (`limits.error_share`)."""


def failures(failed: float, done: float) -> tuple[str, ...]:
    """Why a level is void: more requests failed than our own levels may have."""
    if failed <= FAILED_SHARE * (failed + done):
        return ()
    return (f"{failed:g} of {failed + done:g} requests failed, limit {FAILED_SHARE:.0%}",)


def expand(paths: Sequence[str]) -> dict[Path, bool]:
    """Files named directly, in folders (JSON, JSON Lines, CSV, gz) or by a pattern, each once.

    To whether a file was named (or fits a pattern): tools leave files of other kinds in their
    folders. Raises FactError for a name that leads to no file.
    """
    found: dict[Path, bool] = {}
    for name in paths:
        path = Path(name)
        if path.is_dir():
            several = [p for p in sorted(path.rglob("*")) if p.is_file() and _readable(p)]
        elif path.is_file():
            several = [path]
        else:
            named = map(Path, sorted(glob.glob(name, recursive=True)))
            several = [p for p in named if p.is_file()]
        if not several:
            raise FactError(f"{name}: no file there, and no pattern that fits one")
        for each in several:
            found[each] = found.get(each, False) or not path.is_dir()
    return found


def _readable(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return name.endswith((".json", ".jsonl", ".csv", ".txt"))
