"""Cells whose names and facts would do harm where a report did not take them as text."""

from pathlib import Path

from harness.report.join import Table, join
from tests.builders import cell, failed_cell, judge_config, level, write_sweep
from tests.risk.making import fact, facts, licence, model, registry, write_registry

FORMULA = '=HYPERLINK("http://evil.example","x")'
SCRIPT = "<script>alert(1)</script>"
PIPE = "a|b"
# The configuration refuses such model names; a record from elsewhere may hold them.
HOSTILE = {"model.name": f"{FORMULA}{SCRIPT}{PIPE}", "model.developer": SCRIPT, "model.key": "x/y"}


def hostile_table(tmp_path: Path) -> Table:
    """Done, failed, void, unknown to the registry, and hostile."""
    hostile = fact(SCRIPT + PIPE, source=f"{FORMULA}\nsecond line", publisher=SCRIPT)
    unpublished = fact("nothing", publisher=FORMULA)
    evil = model(
        "acme/evil@*",
        licences=(licence(SCRIPT + PIPE, evidence=hostile),),
        transparency=facts(unpublished),
    )
    made = registry(model(), evil)
    machine = cell().environment | {"cpu": PIPE}
    cells = [
        cell("a-done-000000000001"),
        failed_cell("b-failed-000000000002"),
        cell("c-void-000000000003", levels=(level(void=("errors",)),)),
        cell("d-hostile-000000000004", config=HOSTILE, environment=machine),
        cell("e-evil-000000000005", config={"model.key": "acme/evil", "model.name": FORMULA}),
    ]
    sweep = write_sweep(tmp_path / "unit", *cells)
    return join([sweep], judge_config(registry_dirs=(write_registry(tmp_path / "facts", made),)))
