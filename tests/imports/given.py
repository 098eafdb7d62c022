"""Files for readers: real ones of the tools, and ones written on the spot."""

import json
from pathlib import Path
from typing import Any

from harness.imports.formats import AUTO, reader
from harness.imports.found import Found, Source, read

DATA = Path(__file__).parent / "data"


def source(tmp_path: Path, data: Any, name: str = "given.json") -> Source:
    """A file of that name holding `data` (text as it is, else as JSON)."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return read(path)


def shipped(name: str) -> Any:
    """The content of a real file."""
    return json.loads((DATA / name).read_text("utf-8"))


def found(name: str) -> list[Found]:
    """What is read from a real file whose format is recognised."""
    file = read(DATA / name)
    return reader(AUTO, file)[1](file)


def values(each: Found) -> dict[str, float]:
    """Its figures in our definition."""
    return {key: figure.value for key, figure in each.imported.figures.items()}
