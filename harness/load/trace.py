"""Recorded traces: when requests came, how long they and their answers were, what they shared.

Mooncake: JSON lines with `timestamp` (ms), `input_length`, `output_length` and `hash_ids`, one id
for each block of 512 tokens, the last block partial; github.com/kvcache-ai/Mooncake,
FAST25-release. Azure: CSV with TIMESTAMP, ContextTokens, GeneratedTokens;
github.com/Azure/AzurePublicDataset, LLM inference traces of 2023 and 2024. Both as read 2026-11.
"""

import csv
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from harness.config.workload import TraceLevel
from harness.errors import ConfigError
from harness.load.files import require

BLOCK_TOKENS = 512  # of a hash id in a Mooncake trace
_AZURE_FIELDS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")


@dataclass(frozen=True)
class TraceRequest:
    """One recorded request."""

    due_s: float  # from the first request of the trace
    input_tokens: int
    output_tokens: int
    blocks: tuple[int, ...] | None  # equal ids are equal tokens; None: the trace does not tell


def read(level: TraceLevel) -> list[TraceRequest]:
    """The first `level.requests` requests of the trace, at `level.speed` times its speed.

    A request without input or without output cannot be asked of a server: it is left out and not
    counted, and the times of the others stay as they are. Lines after the last request that is
    needed are not looked at. Raises ConfigError that names level, line, field and the fix.
    """
    where = f"workload.levels, {level.name}"
    require(level.path, level.sha256, where)
    parse = _mooncake if level.format == "mooncake" else _azure
    rows: list[TraceRequest] = []
    first_s = last_s = None
    line = 0
    try:
        # A spreadsheet's export begins with a byte order mark.
        with level.path.open(encoding="utf-8-sig", newline="") as stream:
            for line, field, at_s, row in parse(stream):
                if last_s is not None and at_s < last_s:
                    raise _Wrong(line, f"{field}: before that of the line above; sort by time")
                last_s = at_s
                if not (row.input_tokens and row.output_tokens):
                    continue
                first_s = at_s if first_s is None else first_s
                due_s = (at_s - first_s) / level.speed
                rows.append(TraceRequest(due_s, row.input_tokens, row.output_tokens, row.blocks))
                if len(rows) == level.requests:
                    return rows
    except _Wrong as wrong:
        raise ConfigError(f"{where}: {level.path}, line {wrong.line}: {wrong}") from wrong
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: {level.path}: no text in UTF-8; is it compressed?") from error
    except csv.Error as error:
        raise ConfigError(f"{where}: {level.path}, line {line + 1}: no CSV: {error}") from error
    raise ConfigError(
        f"{where}: {level.path} has {len(rows)} requests with input and output, not"
        f" {level.requests}; lower requests"
    )


class _Wrong(Exception):
    """What is wrong with a line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class _Lengths:
    input_tokens: int
    output_tokens: int
    blocks: tuple[int, ...] | None = None


# Line number, name of the field with the time, seconds, lengths.
_Parsed = Iterator[tuple[int, str, float, _Lengths]]


def _mooncake(stream: TextIO) -> _Parsed:
    for number, text in enumerate(stream, start=1):
        if not text.strip():
            continue
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise _Wrong(number, f"no JSON ({error}); one object a line is expected") from error
        if not isinstance(raw, dict):
            raise _Wrong(number, "one JSON object a line is expected")
        at_ms = raw.get("timestamp")
        if isinstance(at_ms, bool) or not isinstance(at_ms, int | float) or not 0 <= at_ms < 1e15:
            raise _Wrong(number, f"timestamp: milliseconds from 0 on expected, found {at_ms!r}")
        lengths = _Lengths(
            _count(number, "input_length", raw.get("input_length")),
            _count(number, "output_length", raw.get("output_length")),
            _blocks(number, raw),
        )
        yield number, "timestamp", at_ms / 1000, lengths


def _blocks(number: int, raw: dict[str, Any]) -> tuple[int, ...] | None:
    ids = raw.get("hash_ids")
    if ids is None:
        return None
    if not isinstance(ids, list) or not all(type(each) is int for each in ids):
        raise _Wrong(number, "hash_ids: a list of whole numbers is expected")
    needed = -(-raw["input_length"] // BLOCK_TOKENS)
    if len(ids) != needed:
        raise _Wrong(
            number,
            f"hash_ids: {raw['input_length']} tokens are {needed} blocks of {BLOCK_TOKENS}, found"
            f" {len(ids)} ids; convert a trace with other blocks, or leave hash_ids out",
        )
    return tuple(ids)


def _azure(stream: TextIO) -> _Parsed:
    reader = csv.DictReader(stream)
    missing = [name for name in _AZURE_FIELDS if name not in (reader.fieldnames or ())]
    if missing:
        raise _Wrong(
            1, f"no column {', '.join(missing)}; the header is to be {','.join(_AZURE_FIELDS)}"
        )
    for raw in reader:
        number = reader.line_num
        try:
            at = dt.datetime.fromisoformat(raw["TIMESTAMP"] or "")
        except ValueError as error:
            raise _Wrong(
                number,
                "TIMESTAMP: a time like 2023-11-16 18:15:46.6805900 expected, found"
                f" {raw['TIMESTAMP']!r}",
            ) from error
        # The trace of 2023 has no time zone, that of 2024 has +00:00.
        at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        lengths = _Lengths(
            _count(number, "ContextTokens", raw["ContextTokens"]),
            _count(number, "GeneratedTokens", raw["GeneratedTokens"]),
        )
        yield number, "TIMESTAMP", at.timestamp(), lengths


def _count(number: int, field: str, value: Any) -> int:
    """A number of tokens: whole, not negative, as a number or, in CSV, as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if type(value) is not int or not 0 <= value < 10**9:
        raise _Wrong(number, f"{field}: a whole number of tokens expected, found {value!r}")
    return value
