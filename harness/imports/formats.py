"""All formats: which one a file has, and its reader."""

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

from harness.errors import ConfigError, FactError
from harness.imports import (
    aiperf,
    csv_mapping,
    guidellm,
    inference_perf,
    inferencex,
    lm_eval,
    mlenergy,
    optimum,
    peft_comparison,
    vllm_bench,
)
from harness.imports.found import Found, Source

_MODULES = (
    aiperf, csv_mapping, guidellm, inference_perf, inferencex, lm_eval, mlenergy, optimum,
    peft_comparison, vllm_bench,
)  # fmt: skip
FORMATS: dict[str, Any] = {module.FORMAT: module for module in _MODULES}
AUTO = "auto"
T = TypeVar("T")


def foreign(name: str, source: Source) -> bool:
    """Whether a file is whole, but of none of the formats (or not of the one named).

    What is no JSON and does not call itself so is whole; what does is cut off.
    """
    kind = source.path.name.removesuffix(".gz")
    if name == csv_mapping.FORMAT:
        return not kind.endswith(".csv")
    chosen = FORMATS.values() if name == AUTO else [FORMATS[name]] if name in FORMATS else []
    data = _parsed(source)
    if isinstance(data, str):
        return not kind.endswith((".json", ".jsonl"))
    return not any(module.fits(data) for module in chosen)


def reader(name: str, source: Source) -> tuple[str, Callable[[Source], list[Found]]]:
    """The reader of a file, by the format's name or by what the file looks like.

    Raises FactError for a file that fits none or several, with what was looked for.
    """
    if name != AUTO:
        if name not in FORMATS:
            raise ConfigError(f"no format {name}; known are {', '.join([AUTO, *sorted(FORMATS)])}")
        return name, functools.partial(guarded, name, FORMATS[name].read)
    data = _parsed(source)
    if isinstance(data, str):
        raise FactError(
            f"{source.path}: no JSON, perhaps cut off (a table is read by: harness import csv)"
        )
    fitting = [key for key, module in FORMATS.items() if module.fits(data)]
    if len(fitting) != 1:
        said = f"fits {' and '.join(fitting)}; name one of them" if fitting else _looked_for()
        raise FactError(f"{source.path}: {said}")
    name = fitting[0]
    return name, functools.partial(guarded, name, FORMATS[name].read)


def guarded(name: str, read: Callable[[Source], T], source: Source) -> T:
    """What is made of a file. Raises FactError also where a part of it has another shape."""
    try:
        return read(source)
    # A number of 400 digits is an OverflowError, an invalid record a ValueError.
    except (
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError,
    ) as error:  # fmt: skip
        kind = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise FactError(f"{source.path}: not of the shape that {name} has ({kind})") from error


def _looked_for() -> str:
    signs = "; ".join(f"{name}: {module.SIGNS}" for name, module in sorted(FORMATS.items()))
    return f"fits no format; looked for {signs}"


def _parsed(source: Source) -> Any:
    """JSON, or the lines of JSON Lines, or the text where it is neither."""
    try:
        return json.loads(source.text)
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in source.text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return source.text
