"""Columns of cells that somebody else measured: what the source gives, and what a price makes.

Nothing is filled in: a figure that the source lacks has its reason, and one without an interval has
none.
"""

from harness import cost
from harness.config.judge import JudgeConfig
from harness.records.imported import NO_MACHINE, Imported, ImportedFigure, Origin
from harness.records.schema import Cell
from harness.report.behaved import behaved
from harness.report.columns import COLUMNS
from harness.report.measured import accuracy_columns, finetune_columns
from harness.report.priced import by_price, energy_columns, finetune_price, machine_price
from harness.report.rows import Figure, Row
from harness.stats import Estimate

NO_INTERVAL = "no interval published"
_CELL = "cell.json, imported"


def imported(row: Row, judge: JudgeConfig) -> None:
    """Fill in everything that does not depend on the other rows."""
    cell, values = row.cell, row.values
    found, origin = cell.imported, cell.origin
    assert found is not None
    assert origin is not None
    config = cell.config
    values |= {
        "model": config["model"]["name"],
        "model_key": config["model"]["key"],
        "weights_provenance": cell.weights["provenance"],
        "hardware": _hardware(found, origin, config["hardware"]["name"]),
        "evidence": evidence(cell),
        "workload": config["workload"]["name"],
        "dtype": cell.server["dtype"],
        "level": found.level,
        "void_levels": "; ".join(found.void) or "none of 1",
        "client": f"not ours: {origin.tool} {origin.tool_version}",
        "status": "imported",
        "cell_id": cell.cell_id,
        "repeats": "as published; no repeats known",
        "headroom": "not measured: the source gives no MFU",
        "goodput_search": "not measured: the source has no search",
    }
    accuracy_columns(row)
    finetune_columns(row)
    behaved(row)
    finetune_price(row, judge)
    _figures(row, found)
    _training_cost(row, found, judge)
    _costs(row, found, judge)
    absent = Figure(reason="not measured: the source does not give it")
    for key in ("energy_j_per_output_tok", "energy_j_per_answer"):
        values.setdefault(key, absent)
    energy_columns(row, judge)
    for column in COLUMNS:
        if column.kind == "figure" and not column.judged:
            values.setdefault(column.key, absent)


def _hardware(found: Imported, origin: Origin, name: str) -> str:
    """Which machine, how many GPUs, and who says so."""
    whole = f"{found.gpus} x {name}" if found.gpus else name
    machine, count = ("hardware" in origin.given, found.gpus and "gpus" in origin.given)
    if machine and (count or not found.gpus):
        return f"{whole}, as given to the import"
    if machine:
        return f"{whole}, as given to the import; how many, as the source says"
    if name == NO_MACHINE:
        return f"{name}, not in the source"
    said = "; how many, as given to the import" if count else ""
    return f"{whole}, as the source says{said}"


def evidence(cell: Cell) -> str:
    """How a table marks it, and whether the source gives intervals."""
    origin, found = cell.origin, cell.imported
    assert origin is not None
    assert found is not None
    served = "" if origin.engine == "unknown" else f", served by {origin.engine}"
    known = [_bounded(figure) for figure in found.figures.values()]
    known += [_bounded(score.value) for score in cell.scores if score.value is not None]
    said = (
        "intervals as published"
        if known and all(known)
        else "intervals only where published"
        if any(known)
        else NO_INTERVAL
    )
    return f"{origin.told()} {origin.tool_version}{served}; {said}"


def _bounded(figure: ImportedFigure | Estimate) -> bool:
    return figure.low is not None or figure.high is not None


def _figures(row: Row, found: Imported) -> None:
    void = f"void: {'; '.join(found.void)}" if found.void else None
    for key, figure in found.figures.items():
        row.values[key] = (
            Figure(reason=void)
            if void
            else Figure(
                value=figure.value,
                low=figure.low,
                high=figure.high,
                n=figure.n,
                source=row.source(_CELL),
            )
        )
    for key, reason in found.missing.items():
        row.values.setdefault(key, Figure(reason=reason))


def _training_cost(row: Row, found: Imported, judge: JudgeConfig) -> None:
    spent = found.figures.get("finetune_seconds")
    if spent is None:
        return
    tiers = machine_price(row.cell, judge).tiers
    usd = cost.machine_usd(spent.value, tiers.mid, found.gpus or 1) / judge.pricing.used_share
    row.values["finetune_cost_usd"] = by_price(
        Figure(value=usd, n=1, source=row.source(_CELL)), tiers
    )


def _costs(row: Row, found: Imported, judge: JudgeConfig) -> None:
    """The bill over output tokens, over all tokens where both are known, and of an answer.

    USD per second / tokens per second, at the pricing's utilisation; as in `harness.cost.bill`.
    """
    values = row.values
    rate = values.get("output_tok_per_s")
    made = rate if isinstance(rate, Figure) else Figure()
    no_output = made.reason or "not measured: the source gives no output throughput"
    void = f"void: {'; '.join(found.void)}" if found.void else None
    both = None if void else found.total_tok_per_s
    unpriced = (
        void or no_output
        if made.value is None and both is None
        else "not measured: how many GPUs is unknown; import with --gpus"
        if found.gpus is None and row.cell.config["hardware"]["kind"] == "gpu"
        else None
    )
    if unpriced is not None:
        values |= {
            c.key: Figure(reason=unpriced) for c in COLUMNS if c.priced and c.key not in values
        }
        values["cost_conditions"] = unpriced
        return
    tiers = machine_price(row.cell, judge).tiers
    units = found.gpus or 1
    per_s = cost.usd_per_second(tiers.mid, units, judge.pricing.used_share)

    def paid(per_second: float | None, over: float, why: str) -> Figure:
        """USD of `over` things; the deployment makes tokens at the output's interval."""
        if not per_second:
            none = "not measured: the source gives 0 tokens per second"
            return Figure(reason=why if per_second is None else none)
        usd = per_s * over / per_second
        if made.value is None:
            return by_price(Figure(value=usd, source=row.source(_CELL)), tiers)
        base = Estimate(value=made.value, n=made.n or 1, low=made.low, high=made.high)
        spread = cost.against(base, usd)
        figure = Figure(
            value=spread.value,
            low=spread.low,
            high=spread.high,
            n=made.n,
            source=row.source(_CELL),
        )
        return by_price(figure, tiers)

    m = cost.TOKENS_PER_MTOK
    length = found.output_tokens_mean
    values |= {
        "bill_usd_per_mtok_output": paid(made.value, m, no_output),
        "bill_usd_per_mtok_total": paid(
            both, m, "not measured: the source gives no count of input tokens"
        ),
        "cost_usd_per_1000_tasks": paid(
            made.value / length if made.value and length else None,
            1000,
            no_output if made.value is None else "not measured: the source gives no output length",
        ),
    }
    split = "not measured: telling input from output takes levels of several shapes"
    for column in COLUMNS:
        if column.priced and column.key not in values:
            values[column.key] = Figure(reason=split)
    values["cost_conditions"] = "; ".join(
        [
            f"{units} {'GPU' if units == 1 else 'GPUs'} charged",
            f"utilisation {100 * judge.pricing.used_share:.3g}%",
            *own_prices(row, found, tiers.mid),
            *found.conditions,
        ]
    )


_INFERENCEX = {
    "output": "output_tput_per_gpu",
    "total": "tput_per_gpu",
    "input": "input_tput_per_gpu",
}


def own_prices(row: Row, found: Imported, usd_per_hour: float) -> list[str]:
    """What InferenceX's own formula gives at this price, and why it is not ours."""
    if row.cell.origin is None or row.cell.origin.format != "inferencex":
        return []
    prices = [
        f"{kind} {cost.inferencex_usd_per_mtok(usd_per_hour, float(found.own[key])):.3f}"
        for kind, key in _INFERENCEX.items()
        if found.own.get(key)
    ]
    return [
        f"by InferenceX's own formula at {usd_per_hour:g} USD per GPU-hour, USD per million:"
        f" {', '.join(prices)}; each charges the whole GPU, ours charges it once"
    ]
