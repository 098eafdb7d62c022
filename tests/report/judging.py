"""Cells judged with round prices and a little registry: one clean model, one on a federal list."""

import datetime as dt
from pathlib import Path
from typing import Any

from harness.records.schema import Cell, Stage
from harness.report.join import Table, join
from harness.report.rows import Row
from harness.risk.load import load_registry
from tests.builders import cell, estimate, judge_config, level, write_sweep
from tests.risk.making import (
    check,
    effect,
    facts,
    instrument,
    listing,
    model,
    party,
    registry,
    write_registry,
)

SAFE, RISKY, TWIN = "acme/tiny", "risky/tiny", "acme/twin"
LISTED = listing("flist", since=dt.date(2026, 6, 1))
# The test registry lies over the shipped one, whose instruments need a look too.
CLEAN = tuple(load_registry().instruments)
FACTS = registry(
    model(f"{SAFE}@*"),
    model(f"{RISKY}@*", "risky"),
    model(f"{TWIN}@*"),
    parties=(
        party("acme", checks=(check("flist", *CLEAN),)),
        party("risky", listings=(LISTED,), checks=(check(*CLEAN),), headquarters=facts("CN")),
    ),
    instruments=(
        instrument(
            "flist",
            kind="national_list",
            effects=(effect("blocked", ("us_defence_contractor",)),),
        ),
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
