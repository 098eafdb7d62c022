"""How the columns of a cell that another tool measured were made."""

from harness.records.imported import Imported
from harness.report.explain.explained import Working, shown
from harness.report.explain.prices import per_second
from harness.report.explain.settings import absent
from harness.report.imported import own_prices
from harness.report.priced import machine_price

M = 1e6
_OVER = {
    "bill_usd_per_mtok_output": "output_tok_per_s",
    "bill_usd_per_mtok_total": "total_tok_per_s",
}


def explain(out: Working, found: Imported) -> bool:
    """Explain a column that rests on imported figures; False: it is made as for any cell."""
    key = out.column.key
    if key in found.figures:
        _figure(out, found)
    elif key in _OVER and out.figure.value is not None:
        _bill(out, found)
    elif key == "cost_usd_per_1000_tasks" and out.figure.value is not None:
        _tasks(out, found)
    elif key == "finetune_cost_usd" and out.figure.value is not None:
        _training(out, found)
    elif key in ("level", "void_levels", "client", "repeats", "goodput_search", "cost_conditions"):
        out.recorded("load", "imported.level", found.level)
        out.recorded("void", "imported.void", "; ".join(found.void) or "no")
        for condition in found.conditions:
            out.recorded("depends on", "imported.conditions", condition)
    elif out.column.kind == "figure" and out.figure.value is None:
        absent(out)
    else:
        return False
    if key in found.missing:
        out.recorded("why it is not there", f"imported.missing.{key}", found.missing[key])
    origin(out)
    return True


def origin(out: Working) -> None:
    """Which tool measured it, and in which files; nothing of a cell that is our own."""
    if out.cell.origin is None:
        return
    for name, value in out.cell.origin.model_dump(mode="json").items():
        if name != "files" and value not in (None, []):
            told = ", ".join(value) if isinstance(value, list) else value
            out.recorded(f"origin, {name.replace('_', ' ')}", f"origin.{name}", told)
    for file in out.cell.origin.files:
        out.recorded(f"origin, {file.name}", "origin.files", f"sha256 {file.sha256}")


def _figure(out: Working, found: Imported) -> None:
    key = out.column.key
    figure = found.figures[key]
    where = f"imported.figures.{key}"
    out.recorded("load", "imported.level", found.level)
    n = "not published" if figure.n is None else figure.n
    out.recorded("sample size", f"{where}.n", n)
    known = figure.low is not None or figure.high is not None
    interval = f"{shown(figure.low)} to {shown(figure.high)}" if known else "no interval published"
    out.recorded("interval", where, interval)
    for condition in found.conditions:
        out.recorded("depends on", "imported.conditions", condition)
    out.reads("as imported, in our definition", figure.value)


def _bill(out: Working, found: Imported) -> None:
    """The machine by the second over the tokens by the second."""
    name = _OVER[out.column.key]
    total = name == "total_tok_per_s"
    rate = found.total_tok_per_s if total else found.figures["output_tok_per_s"].value
    assert rate is not None  # a bill has one
    where = f"imported.{name}" if total else f"imported.figures.{name}.value"
    out.recorded(name, where, rate, "tok/s")
    usd = per_second(out, found.gpus)
    out.gives(f"{shown(usd)} USD/s / {shown(rate)} tok/s x 1e6", usd / rate * M)
    for text in own_prices(out.row, found, machine_price(out.cell, out.table.judge).tiers.mid):
        out.step(text)


def _tasks(out: Working, found: Imported) -> None:
    """The machine by the second over the answers by the second."""
    rate, length = found.figures["output_tok_per_s"].value, found.output_tokens_mean
    assert length is not None  # a task's cost has one
    out.recorded("output throughput", "imported.figures.output_tok_per_s.value", rate, "tok/s")
    out.recorded("mean answer", "imported.output_tokens_mean", length, "tokens")
    usd = per_second(out, found.gpus)
    out.gives(
        f"{shown(usd)} USD/s / ({shown(rate)} / {shown(length)}) x 1000", usd * length / rate * 1000
    )


def _training(out: Working, found: Imported) -> None:
    seconds = found.figures["finetune_seconds"].value
    out.recorded("time of training", "imported.figures.finetune_seconds.value", seconds, "s")
    usd = per_second(out, found.gpus)
    out.gives(f"{shown(seconds)} s x {shown(usd)} USD/s", seconds * usd)
