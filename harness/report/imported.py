"""Columns of cells that somebody else measured: what the source gives, and what a price makes.

Nothing is filled in: a figure that the source lacks has its reason, and one without an interval has
none.
"""

from harness import cost
from harness.config.judge import JudgeConfig
from harness.records.imported import Imported, Origin
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
    gpus = f"{found.gpus} x " if found.gpus else ""
    values |= {
        "model": config["model"]["name"],
        "model_key": config["model"]["key"],
        "weights_provenance": cell.weights["provenance"],
        "hardware": f"{gpus}{config['hardware']['name']}, as the source says",
        "evidence": evidence(origin),
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


def evidence(origin: Origin) -> str:
    """How a table marks it."""
    served = "" if origin.engine == "unknown" else f", served by {origin.engine}"
    return f"imported from {origin.tool} {origin.tool_version}{served}; {NO_INTERVAL}"


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
    rate = row.values.get("output_tok_per_s")
    if not isinstance(rate, Figure) or rate.value is None:
        given = rate.reason if isinstance(rate, Figure) else None
        reason = given or "not measured: the source gives no output throughput"
        values |= {
            c.key: Figure(reason=reason) for c in COLUMNS if c.priced and c.key not in values
        }
        values["cost_conditions"] = reason
        return
    if found.gpus is None and row.cell.config["hardware"]["kind"] == "gpu":
        reason = "not measured: how many GPUs is unknown; import with --gpus"
        values |= {
            c.key: Figure(reason=reason) for c in COLUMNS if c.priced and c.key not in values
        }
        values["cost_conditions"] = reason
        return
    tiers = machine_price(row.cell, judge).tiers
    units = found.gpus or 1
    per_s = cost.usd_per_second(tiers.mid, units, judge.pricing.used_share)
    base = Estimate(value=rate.value, n=rate.n or 1, low=rate.low, high=rate.high)

    def paid(per_second: float | None, over: float, why: str) -> Figure:
        """USD of `over` things that come at so many per second."""
        if per_second is None or per_second <= 0:
            return Figure(reason=why)
        usd = cost.against(base, per_s * over / per_second)
        figure = Figure(
            value=usd.value, low=usd.low, high=usd.high, n=rate.n, source=row.source(_CELL)
        )
        return by_price(figure, tiers)

    m = cost.TOKENS_PER_MTOK
    both = found.total_tok_per_s
    length = found.output_tokens_mean
    values |= {
        "bill_usd_per_mtok_output": paid(rate.value, m, ""),
        "bill_usd_per_mtok_total": paid(
            both, m, "not measured: the source gives no count of input tokens"
        ),
        "cost_usd_per_1000_tasks": paid(
            rate.value / length if length else None,
            1000,
            "not measured: the source gives no output length",
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
            *found.conditions,
        ]
    )
