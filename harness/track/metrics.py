"""What a cell's run shows: summary, points of its curves, the table of its levels. Pure.

Summary figures have the names of the summary's columns, units included; see docs/metrics.md.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.records.imported import Imported
from harness.records.schema import Cell, Latency, Level
from harness.report.measured import measured
from harness.report.rows import Figure, Row, headline
from harness.stats import Estimate

AXES = (
    ("open/*", "open/offered_rps"),
    ("closed/*", "closed/concurrency"),
    ("finetune/*", "finetune/text_bytes"),
)
"""History by what it is drawn against. A summary of it would be that of the last point: none."""

_LEVEL_COLUMNS = (
    "name", "kind", "concurrency", "rate_rps", "requests", "failed", "duration_s", "input_tokens",
    "output_tokens", "length_missed",
)  # fmt: skip
_LEVEL_FIGURES = ("total_tok_per_s", "requests_per_s", "goodput_rps")  # None where void
_PERCENTILES = ("p50", "p90", "p99")
_LATENCIES = ("ttft", "ttfa", "itl", "tpot", "e2e")
_LATENCY_COLUMNS = tuple(f"{name}_{p}_s" for name in _LATENCIES for p in _PERCENTILES)
LEVEL_TABLE = (
    *_LEVEL_COLUMNS, "output_tok_per_s", "output_tok_per_s_low", "output_tok_per_s_high",
    *_LEVEL_FIGURES, "void", "energy_j", "energy_source", *_LATENCY_COLUMNS,
)  # fmt: skip


def summary(cell: Cell, folder: Path) -> dict[str, Any]:
    """Summary metrics with units in their names; what was not measured is absent.

    Figures of a level begin with its name, those without are the headline level's.
    """
    found: dict[str, Any] = {
        "status": cell.status,
        "cpu_only": cell.cpu_only,
        # Empty rather than absent: a resumed run keeps what it is not told again.
        "failure_stage": cell.failure.stage if cell.failure else "",
        "failure_kind": cell.failure.kind if cell.failure else "",
        "failure_reason": cell.failure.reason if cell.failure else "",
    }
    for stage_name, stage in cell.stages.items():
        if stage.seconds is not None:
            found[f"stage/{stage_name}_s"] = stage.seconds
    if cell.imported and not cell.imported.void:
        for key, figure in cell.imported.figures.items():
            bounds = {key: figure.value, f"{key}_low": figure.low, f"{key}_high": figure.high}
            found |= {name: each for name, each in bounds.items() if each is not None}
    if cell.origin is None:
        found |= _columns(cell, folder)
    for level in cell.levels:
        for key, value in level_figures(level).items():
            found[f"{level.name}/{key}"] = value
    for score in cell.scores:
        if score.value is not None:
            prefix = "adapter/" if score.adapter else ""
            found[f"accuracy/{prefix}{score.task}/{score.metric}"] = score.value.value
            if score.stderr is not None:
                found[f"accuracy/{prefix}{score.task}/{score.metric}_stderr"] = score.stderr
    if cell.finetune:
        for name in ("trainable_parameters", "peak_memory_bytes", "loss_before", "loss_after"):
            found[f"lora/{name}"] = getattr(cell.finetune, name)
    return found


def _columns(cell: Cell, folder: Path) -> Iterator[tuple[str, Any]]:
    """Figures that the report takes straight from the record, with their intervals."""
    row = Row(cell, folder)
    measured(row)
    for key, value in row.values.items():
        if isinstance(value, Figure) and value.value is not None:
            yield key, value.value
            for end, bound in (("low", value.low), ("high", value.high)):
                if bound is not None:
                    yield f"{key}_{end}", bound
    level = headline(cell)
    if level:
        yield "level", level.name


def level_figures(level: Level) -> dict[str, Any]:
    """What a level showed; of a void one only that it is void: it must not be drawn beside others.

    A percentile that its sample is too small for is absent.
    """
    found: dict[str, Any] = {"void": bool(level.void), "failed": level.failed}
    if level.void:
        return found
    if level.output_tok_per_s:
        found["output_tok_per_s"] = level.output_tok_per_s.value
    for name in _LEVEL_FIGURES:
        value = getattr(level, name)
        if value is not None:
            found[name] = value
    if level.energy.energy_j is not None:
        found["energy_j"] = level.energy.energy_j
    return found | {k: v for k, v in _percentiles(level).items() if v is not None}


def level_points(cell: Cell) -> Iterator[dict[str, Any]]:
    """One step of history a level, in order of the load. A trace gives no load to draw against.

    Of an imported cell the one measurement that it is, where the source gives its load.
    """
    if cell.imported:
        yield from _imported_point(cell.imported)
    closed = [level for level in cell.levels if level.kind == "closed"]
    open_ = [level for level in cell.levels if level.rate_rps is not None]
    for axis, name, levels in (
        ("closed", "concurrency", closed),
        ("open", "offered_rps", open_),
    ):
        attribute = "rate_rps" if axis == "open" else "concurrency"
        for level in sorted(levels, key=lambda each: getattr(each, attribute) or 0):
            figures = {f"{axis}/{key}": value for key, value in level_figures(level).items()}
            yield {f"{axis}/{name}": getattr(level, attribute), **figures}


def _imported_point(found: Imported) -> Iterator[dict[str, Any]]:
    figures = {} if found.void else {key: each.value for key, each in found.figures.items()}
    for axis, name, load in (
        ("closed", "concurrency", found.concurrency),
        ("open", "offered_rps", found.rate_rps),
    ):
        if load is not None:
            named = {f"{axis}/{key}": value for key, value in figures.items()}
            yield {f"{axis}/{name}": load, f"{axis}/void": bool(found.void), **named}


def level_rows(cell: Cell) -> Iterator[list[Any]]:
    """Rows of the table of levels, void ones with their reasons and no figures."""
    for level in cell.levels:
        void = "; ".join(level.void)
        rate = None if level.void else level.output_tok_per_s
        percentiles = {} if level.void else _percentiles(level)
        yield [
            *(getattr(level, name) for name in _LEVEL_COLUMNS),
            *((rate.value, rate.low, rate.high) if rate else (None, None, None)),
            *(None if level.void else getattr(level, name) for name in _LEVEL_FIGURES),
            void,
            None if level.void else level.energy.energy_j,
            f"void: {void}" if level.void else level.energy.source,
            *(percentiles.get(name) for name in _LATENCY_COLUMNS),
        ]


def _percentiles(level: Level) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in _LATENCIES:
        latency: Latency = getattr(level, f"{name}_s")
        for p in _PERCENTILES:
            estimate: Estimate | None = getattr(latency, p)
            found[f"{name}_{p}_s"] = estimate.value if estimate else None
    return found


def learning_curve(cell: Cell, folder: Path) -> list[dict[str, float]] | str:
    """Training and held-out loss against bytes of training text; or the reason why there is none.

    The text is prompt and completion in UTF-8, counted again in each epoch. The trainer shuffles,
    so between the ends of epochs the bytes are those of as many examples of mean length.
    """
    if cell.finetune is None:
        return "not measured: no fine-tuning"
    try:
        job = json.loads((folder / "finetune" / "job.json").read_text("utf-8"))
        outcome = json.loads((folder / "finetune" / "outcome.json").read_text("utf-8"))
        lengths: list[int] = [len((e["prompt"] + e["completion"]).encode()) for e in job["train"]]
        epochs, batch = (int(job["settings"][name]) for name in ("epochs", "batch_size"))
        steps = [(point["step"], point["loss"]) for point in outcome["curve"]]
    except FileNotFoundError as error:
        return f"not measured: finetune/{Path(error.filename).name} is not there"
    except (ValueError, KeyError, TypeError) as error:
        return f"not measured: finetune/ cannot be read: {type(error).__name__}: {error}"
    per_epoch = -(-len(lengths) // batch)

    def text_bytes(step: int) -> int:
        whole, further = divmod(step, per_epoch)
        seen = whole * len(lengths) + min(further * batch, len(lengths))
        return round(seen * sum(lengths) / len(lengths))

    return [
        {"finetune/text_bytes": 0, "finetune/heldout_loss": cell.finetune.loss_before},
        *({"finetune/text_bytes": text_bytes(k), "finetune/loss": loss} for k, loss in steps),
        {
            "finetune/text_bytes": epochs * sum(lengths),
            "finetune/heldout_loss": cell.finetune.loss_after,
        },
    ]
