"""A table of your own: one line a measurement, and a file that says what its columns mean."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from harness.errors import ConfigError, FactError
from harness.fields import Frozen
from harness.imports.found import MEDIAN, Found, Source, load_level, needed, percentile
from harness.records.imported import Imported, ImportedFigure

FORMAT = "csv"
SIGNS = "nothing: name the format and give --mapping"
_P99 = 0.99
FIGURES = (
    "output_tok_per_s", "ttft_p50_s", "ttft_p99_s", "itl_p50_s", "itl_p99_s", "tpot_p50_s",
    "tpot_p99_s", "e2e_p50_s", "e2e_p99_s", "energy_j_per_output_tok", "energy_j_per_answer",
)  # fmt: skip
TEMPLATE = """\
# Mapping of a CSV for `harness import csv`. Left: ours; right: your column. Remove what you lack.
# Definitions: docs/metrics.md. A figure of another definition belongs under `own`.
tool: "name and version of what measured"
engine: "vllm 0.32.0"
evidence: imported        # or estimated: computed, not measured, e.g. a roofline
columns:
  model: model            # Hub name, owner/name
  workload: workload
  gpu: gpu                # e.g. H100; or give --hardware
  gpus: num_gpus
  concurrency: concurrency
  precision: dtype
  input_tokens_mean: input_len
  output_tokens_mean: output_len
  total_tok_per_s: total_tps
figures:
  # ours: {column: yours, times: factor to our unit, n: your column with the sample size}
  output_tok_per_s: {column: output_tps}
  ttft_p50_s: {column: ttft_median_ms, times: 0.001, n: requests}
  energy_j_per_output_tok: {column: joules_per_token}
own:
  - tpot_with_prefill_ms
"""


class FigureColumn(Frozen):
    """Where a figure stands, and in which unit."""

    column: str
    times: float = Field(1.0, gt=0, description="Factor from the column's unit to ours")
    n: str | None = Field(None, description="Column with the sample size")
    low: str | None = Field(None, description="Columns with the ends of a 95% interval")
    high: str | None = None


class Mapping(Frozen):
    """The mapping file."""

    tool: str = Field(min_length=1)
    engine: str = "unknown"
    evidence: Literal["imported", "estimated"] = "imported"
    columns: dict[str, str]
    figures: dict[str, FigureColumn] = Field(min_length=1)
    own: tuple[str, ...] = ()


_COLUMNS = (
    "model", "workload", "gpu", "gpus", "concurrency", "precision", "input_tokens_mean",
    "output_tokens_mean", "total_tok_per_s",
)  # fmt: skip


def fits(data: Any) -> bool:
    """Never by itself: a table says nothing about what its columns mean."""
    del data
    return False


def read(source: Source) -> list[Found]:
    """Refuse: a CSV needs its mapping."""
    raise ConfigError(f"{source.path}: csv needs --mapping; harness import csv template prints one")


def with_mapping(source: Source, mapping_file: Path | None) -> list[Found]:
    """One measurement per line. Raises ConfigError for the mapping, FactError for the table."""
    if mapping_file is None:
        return read(source)
    mapping = _mapping(mapping_file)
    rows = csv.DictReader(io.StringIO(source.text))
    header = rows.fieldnames or []
    wanted = [
        *mapping.columns.values(),
        *(f.column for f in mapping.figures.values()),
        *mapping.own,
    ]
    wanted += [name for f in mapping.figures.values() for name in (f.n, f.low, f.high) if name]
    absent = [name for name in dict.fromkeys(wanted) if name not in header]
    if absent:
        raise FactError(f"{source.path}: no column {', '.join(absent)}; it has {', '.join(header)}")
    found = [_line(row, mapping, f"{source.path}:{rows.line_num}") for row in rows]
    if not found:
        raise FactError(f"{source.path}: no line below the header")
    return found


def _mapping(path: Path) -> Mapping:
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
        mapping = Mapping.model_validate_json(json.dumps(given))
    except OSError as error:
        raise ConfigError(f"--mapping {path}: {error}") from error
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())[:300]}") from error
    unknown = [key for key in mapping.columns if key not in _COLUMNS]
    unknown += [key for key in mapping.figures if key not in FIGURES]
    if unknown:
        raise ConfigError(
            f"{path}: {unknown[0]}: no such name; columns: {', '.join(_COLUMNS)};"
            f" figures: {', '.join(FIGURES)}"
        )
    if "model" not in mapping.columns:
        raise ConfigError(f"{path}: columns.model is needed")
    return mapping


def _line(row: dict[str, Any], mapping: Mapping, where: str) -> Found:
    def cell(ours: str) -> str | None:
        name = mapping.columns.get(ours)
        value = (row.get(name) or "").strip() if name else ""
        return value or None

    def count(ours: str) -> float | None:
        value = cell(ours)
        return None if value is None else _number(value, where, mapping.columns[ours])

    if None in row or None in row.values():
        raise FactError(f"{where}: not as many columns as the header, perhaps cut off")
    model = cell("model")
    if model is None:
        raise FactError(f"{where}: {mapping.columns['model']}: empty")
    figures, missing = {}, {}
    for ours, column in mapping.figures.items():
        value = (row.get(column.column) or "").strip()
        if not value:
            missing[ours] = f"not measured: {column.column} is empty in the source"
            continue
        found = _figure(row, column, value, where)
        _, reason = percentile(found.value, _P99 if "_p99_" in ours else MEDIAN, found.n, ours)
        if reason:
            missing[ours] = reason
        else:
            figures[ours] = found
    gpus, concurrency = count("gpus"), count("concurrency")
    return Found(
        model=model,
        workload=cell("workload") or "unknown",
        gpu=cell("gpu"),
        imported=Imported(
            level=load_level(concurrency, None) if concurrency else "as the source ran it",
            concurrency=concurrency,
            gpus=None if gpus is None else int(gpus),
            figures=figures,
            input_tokens_mean=count("input_tokens_mean"),
            output_tokens_mean=count("output_tokens_mean"),
            total_tok_per_s=count("total_tok_per_s"),
            missing=missing,
            own={name: row[name] for name in mapping.own if (row.get(name) or "").strip()},
            conditions=("columns as mapped by hand",),
        ),
        tool=mapping.tool,
        tool_version="as named",
        engine=mapping.engine,
        evidence=mapping.evidence,
        precision=cell("precision") or "unknown",
        details={"line": where.rpartition(":")[2]},
    )


def _figure(row: dict[str, Any], column: FigureColumn, value: str, where: str) -> ImportedFigure:
    def part(name: str | None) -> float | None:
        given = (row.get(name) or "").strip() if name else ""
        return _number(given, where, name or "") * column.times if given else None

    size = (row.get(column.n) or "").strip() if column.n else ""
    return ImportedFigure(
        value=_number(value, where, column.column, positive=True) * column.times,
        n=int(_number(size, where, column.n or "")) if size else None,
        low=part(column.low),
        high=part(column.high),
    )


def _number(value: str, where: str, name: str, *, positive: bool = False) -> float:
    try:
        return needed({name: float(value)}, name, where, positive=positive)
    except ValueError:
        raise FactError(f"{where}: {name}: expected a number, got {value!r}") from None
