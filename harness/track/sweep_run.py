"""One W&B run per sweep, made from its report: the joined table, the page, the plots."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.config.run import WandbTracking
from harness.errors import FactError
from harness.fetch import sha256_file
from harness.records import store
from harness.records.schema import Cell
from harness.track import figures, lineage, samples, session, shared

MOST_ROWS = 10_000
"""Of the table; W&B shows no more. The files in the report's artifact have all."""
_TABLE, _PAGE = "summary.parquet", "report.html"


def log(sweep_dir: Path, tracking: WandbTracking, *, again: bool = False) -> bool:
    """Write the run of a sweep's report; a report made anew goes on in the same run.

    Returns False when W&B has this report already; `again` writes it all the same. Raises
    FactError without a report, and what W&B raises.
    """
    missing = [name for name in (_TABLE, _PAGE) if not (sweep_dir / name).exists()]
    if missing:
        raise FactError(
            f"{sweep_dir}: no {' and no '.join(missing)}; make them with harness report {sweep_dir}"
        )
    identity = session.run_id(sweep_dir, f"report-{sweep_dir.name}")
    content = "-".join(sha256_file(sweep_dir / name)[:16] for name in (_TABLE, _PAGE))
    if not again and session.is_written(sweep_dir, identity, content):
        return False
    frame = pd.read_parquet(sweep_dir / _TABLE)
    with session.opened(
        sweep_dir,
        tracking,
        identity=identity,
        name=f"report of {sweep_dir.name}",
        job_type="report",
        tags=["report"],
        config=_config(frame, sweep_dir),
        content=content,
    ) as written:
        _write(written, frame, sweep_dir)
    return True


def _write(written: session.Session, frame: pd.DataFrame, sweep_dir: Path) -> None:
    import wandb

    run = written.run
    cells = list(store.cells(sweep_dir))
    for folder, cell in cells:
        lineage.use(run, lineage.record(cell, folder))
    shown = frame.head(MOST_ROWS)
    rows = _rows(shown, [cell for _, cell in cells])
    panels: dict[str, Any] = {
        "summary": samples.table(map(str, shown.columns), rows),
        # Without W&B's own styles, which would be fetched when the page is opened.
        "report": wandb.Html(str(sweep_dir / _PAGE), inject=False),
    }
    for name, svg in figures.pictures(_first_buyer(frame)):
        panels[f"figures/{name}"] = wandb.Html(svg, inject=False)
    written.log(panels)
    statuses = [cell.status for _, cell in cells]
    run.summary.update(
        {
            "cells": len(cells),
            "cells_done": statuses.count("done"),
            "cells_failed": statuses.count("failed"),
            "cells_interrupted": statuses.count("interrupted"),
            "cells_imported": sum(cell.origin is not None for _, cell in cells),
            "summary_rows_shown": len(shown),
            "summary_rows_total": len(frame),
            "attempt": written.attempt,
        }
    )
    lineage.log(run, lineage.report(sweep_dir))


def _config(frame: pd.DataFrame, sweep_dir: Path) -> dict[str, Any]:
    return {
        "sweep": sweep_dir.name,
        "summary_version": int(frame["summary_version"].iloc[0]),
        "buyers": _buyers(frame),
        "model": {"name": sorted(frame["model"].astype(str).unique())},
    }


def _buyers(frame: pd.DataFrame) -> list[str]:
    return [str(buyer) for buyer in frame["buyer"].unique()]


def _first_buyer(frame: pd.DataFrame) -> pd.DataFrame:
    """The main buyer's lines: what does not depend on the buyer is drawn once."""
    found: pd.DataFrame = frame[frame["buyer"] == frame["buyer"].iloc[0]]
    return found


def _rows(frame: pd.DataFrame, cells: Sequence[Cell]) -> list[list[Any]]:
    """Numbers as numbers, texts without what is this machine's; what is missing as None."""
    plain = frame.astype(object).where(frame.notna(), None)
    found: list[list[Any]] = shared.told(list(plain.itertuples(index=False, name=None)), cells)
    return found
