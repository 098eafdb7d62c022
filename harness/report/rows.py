"""One row of the table: a cell with its figures, each with interval, record or reason."""

from dataclasses import dataclass, field
from pathlib import Path

from harness.records.schema import Cell, Level, Stage, StageName
from harness.risk.assess import Assessment
from harness.risk.compare import Judged
from harness.risk.hazard import HazardDraws
from harness.stats import Estimate


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the table, or the reason why there is none.

    A plain class: ten thousand cells make a million of them.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    at_low_price: float | None = None  # the value if the machine cost the low price
    at_high_price: float | None = None
    reason: str | None = None
    source: str = ""  # file under the sweep's folder, and what in it


@dataclass(frozen=True, slots=True)
class Move:
    """What moving off a model was reckoned with, for who reckons again at other prices."""

    fallback: Path  # the folder of its record
    unpriced_usd: float  # people, contracts, downtime: the median of the draws
    measured_usd: float  # re-tuning and evaluation of the fallback, at its machine's price
    quality_usd_per_year: float


@dataclass
class Row:
    """One cell of a sweep, judged."""

    cell: Cell
    folder: Path
    judged: Judged | None = None  # None: the registry does not know the model
    hazard: HazardDraws | None = None
    move: Move | None = None  # None: no fallback
    values: dict[str, str | Figure] = field(default_factory=dict)

    def figure(self, key: str) -> Figure:
        """A figure's column."""
        value = self.values[key]
        assert isinstance(value, Figure)
        return value

    def text(self, key: str) -> str:
        """A text column."""
        return str(self.values[key])

    def source(self, file: str) -> str:
        """Where a figure comes from, as the table names it."""
        return f"{self.cell.sweep}/{self.cell.cell_id}/{file}"

    def of(self, estimate: Estimate | None, reason: str, file: str) -> Figure:
        """The figure of an estimate from a file of the record; of none, the reason."""
        if estimate is None:
            return Figure(reason=reason)
        return Figure(
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            n=estimate.n,
            source=self.source(file),
        )


BILLS = ("bill_usd_per_mtok_total", "bill_usd_per_mtok_output")


def basis(row: Row) -> str:
    """The bill that a row goes by: of all tokens, or of output alone where inputs are unknown."""
    alone = row.cell.origin is not None and row.figure(BILLS[0]).value is None
    return BILLS[1] if alone else BILLS[0]


def barred(row: Row) -> str:
    """Empty if the row may stand in a ranking, else why not: failed, void, not assessed, gated."""
    return hindered(row, row.judged.assessment if row.judged else None)


def hindered(row: Row, found: Assessment | None) -> str:
    """The same of a row that is not judged yet, under this assessment; None: not assessed."""
    cell = row.cell
    if cell.status != "done":
        return row.text("status")
    if cell.levels and all(level.void for level in cell.levels):
        return row.text("level")
    if found is None:
        return "not assessed"
    return "" if found.gate.permits else f"gate: {found.gate.verdict.replace('_', ' ')}"


def headline(cell: Cell) -> Level | None:
    """The level of most columns: most output tokens per second among the valid ones.

    Among those of the workload's own shape, where there are any: a level with lengths of its own
    is there to tell input from output, and its throughput is that of another question.
    """
    own = [level for level in cell.levels if has_own_shape(level, cell)]
    valid = [
        (level.output_tok_per_s.value, level)
        for level in own or cell.levels
        if not level.void and level.output_tok_per_s
    ]
    return max(valid, key=lambda pair: pair[0])[1] if valid else None


def has_own_shape(level: Level, cell: Cell) -> bool:
    """Whether a level asked for the workload's own lengths, and not for some of its own."""
    workload = cell.config["workload"]
    asked_in = workload.get("prompts", {}).get("input_tokens")
    asked_out = workload.get("output", {}).get("tokens")
    return asked_in in (None, level.input_tokens_asked) and asked_out in (
        None,
        level.output_tokens_asked,
    )


def task_level(cell: Cell) -> Level | None:
    """The level whose request is a task: the fastest valid one of natural length, or the headline.

    Output length is the hidden multiplier of cost, and a fixed one is the workload's, not the
    model's.
    """
    natural = tuple(level for level in cell.levels if level.output_tokens_asked is None)
    return headline(cell.model_copy(update={"levels": natural})) or headline(cell)


def why_no_load(cell: Cell) -> str:
    """Why a cell has no headline level."""
    reasons = dict.fromkeys(reason for level in cell.levels for reason in level.void)
    if reasons:
        return f"void: {'; '.join(reasons)}"
    return "not measured: no throughput" if cell.levels else why(cell, "load")


def why(cell: Cell, stage: StageName) -> str:
    """Why a stage left no figure."""
    state = cell.stages.get(stage, Stage(status="off"))  # an older record knows fewer stages
    off = "switched off" if cell.origin is None else "not in the source"
    text = {"off": off, "not_reached": "not reached"}.get(state.status)
    return f"not measured: {text or state.reason or 'not among the tasks'}"


def gpus(cell: Cell) -> int:
    """GPUs that the model uses; 0 on a CPU, and where an import does not know."""
    if cell.imported is not None:
        return cell.imported.gpus or 0
    model = cell.config["model"]
    used: int = model["tensor_parallel_size"] * model["pipeline_parallel_size"]
    return used if cell.config["hardware"]["kind"] == "gpu" else 0


def is_endpoint(cell: Cell) -> bool:
    """Whether the machine behind the figures is somebody else's."""
    return bool(cell.config["engine"]["kind"] == "endpoint")
