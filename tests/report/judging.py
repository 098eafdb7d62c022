"""Cells judged with round prices and a little registry: one clean model, one on a federal list."""

from pathlib import Path
from typing import Any

from harness.records.schema import Cell, Stage
from harness.report.join import Table, join
from harness.report.rows import Row
from tests.builders import (
    cell,
    developer,
    estimate,
    fact,
    instrument,
    judge_config,
    level,
    listing,
    model,
    registry,
    write_registry,
    write_sweep,
)

SAFE, RISKY = "acme/tiny", "risky/tiny"
FACTS = registry(
    model(SAFE),
    model(RISKY, developer="risky"),
    developers=(
        developer("acme"),
        developer("risky", listings=(listing("flist"),), headquarters=fact("CN")),
    ),
    instruments=(
        instrument("flist", kind="federal_list", gates={"us_defence_contractor": "blocked"}),
    ),
)
ON = Stage(status="done")
API = {
    "pricing.apis": {
        "tiny": {
            "input_usd_per_mtok": 0.2,
            "output_usd_per_mtok": 1.0,
            "source": "a price page",
            "as_of": "2026-11-25",
        }
    }
}
CACHED_PRICE = {
    "pricing.apis": {"tiny": API["pricing.apis"]["tiny"] | {"cached_input_usd_per_mtok": 0.02}}
}


def table(tmp_path: Path, *cells: Cell, changes: dict[str, Any] | None = None) -> Table:
    """These cells in one sweep, judged."""
    facts = write_registry(tmp_path / "facts", FACTS)
    sweep = write_sweep(tmp_path / "unit", *cells)
    return join([sweep], judge_config(changes, (facts,)))


def row(tmp_path: Path, one: Cell, changes: dict[str, Any] | None = None) -> Row:
    """The one row of a cell."""
    [found] = table(tmp_path, one, changes=changes).rows
    return found


def risky(cell_id: str = "risky-chat-000000000002", **changes: Any) -> Cell:
    """A model whose maker stands on a federal list, at half the cost of the other."""
    config = {"model.name": "risky", "model.key": RISKY, "model.developer": "risky"}
    part = level().window
    assert part is not None
    fast = level(output_tok_per_s=estimate(20.0), window=part.model_copy(update={"end_s": 5.0}))
    return cell(cell_id, **{"config": config, "levels": (fast,)} | changes)


def endpoint(**changes: Any) -> Cell:
    """A hosted API."""
    engine = {"kind": "endpoint", "base_url": "https://api.example", "served_model": "m"}
    return cell(config={"engine": engine}, **changes)


def scored(*scores: Any, **changes: Any) -> Cell:
    """A cell with these accuracy figures."""
    return cell(scores=scores, stages=cell().stages | {"accuracy": ON}, **changes)
