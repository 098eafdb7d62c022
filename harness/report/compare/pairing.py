"""Which rows of two tables belong together. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from harness.fields import Frozen
from harness.report.rows import Row


class Unmatched(Frozen):
    """A row that has no counterpart on the other side, and what the nearest one differs in."""

    side: str
    model: str
    cell_id: str
    why: str


def match(a: Sequence[Row], b: Sequence[Row]) -> tuple[list[tuple[Row, Row]], list[Unmatched]]:
    """Rows of the same settings, then of the same model the most alike; every row at most once.

    An import whose number of GPUs is unknown is a counterpart of nothing but itself.
    """
    again = {row.cell.cell_id: row for row in b}
    pairs = [(row, again[row.cell.cell_id]) for row in a if row.cell.cell_id in again]
    paired = {row.cell.cell_id for row, _ in pairs}
    ours, theirs = (
        _by_model(r for r in rows if r.cell.cell_id not in paired and not _uncounted(r))
        for rows in (a, b)
    )
    for key in ours.keys() & theirs.keys():
        unlike = np.array([[_unlike(row, other) for other in theirs[key]] for row in ours[key]])
        places = zip(*linear_sum_assignment(unlike), strict=True)
        pairs += [(ours[key][i], theirs[key][j]) for i, j in places]
    left = [
        *_left_over("A", a, [row for row, _ in pairs], b),
        *_left_over("B", b, [row for _, row in pairs], a),
    ]
    return sorted(pairs, key=lambda pair: pair[0].cell.cell_id), left


def _by_model(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.text("model_key")].append(row)
    return found


def _left_over(
    side: str, rows: Sequence[Row], paired: Sequence[Row], others: Sequence[Row]
) -> Iterator[Unmatched]:
    taken = {row.folder for row in paired}
    known = {row.text("model_key") for row in others}
    for row in rows:
        if row.folder not in taken:
            further = "further " if row.text("model_key") in known else ""
            yield Unmatched(
                side=side,
                model=row.text("model"),
                cell_id=row.cell.cell_id,
                why="number of GPUs not given; import with --gpus"
                if further and _uncounted(row)
                else f"no {further}row of this model on the other side",
            )


def _uncounted(row: Row) -> bool:
    """Whether nobody said how many GPUs the figures of an import are of."""
    found = row.cell.imported
    on_gpus = row.cell.config["hardware"]["kind"] == "gpu"
    return found is not None and bool(found.figures) and found.gpus is None and on_gpus


def _machine(row: Row) -> str:
    """What it ran on; of an import without who said so."""
    found = row.cell.imported
    if found is None:
        return row.text("hardware")
    return f"{found.gpus} x {row.cell.config['hardware']['name']}"


def _unlike(a: Row, b: Row) -> float:
    """How much two rows of one model differ; the machine counts most, then the load."""
    one, other = a.cell.config, b.cell.config
    return (
        8.0 * (_machine(a) != _machine(b))
        + 4.0 * (a.text("workload") != b.text("workload"))
        + 2.0 * (one.get("repeat") != other.get("repeat"))
        + 1.0 * (a.text("dtype") != b.text("dtype"))
    )
