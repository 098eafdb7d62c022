"""The sheet of assumptions: what a reader may change, one named cell each."""

from collections.abc import Iterator
from typing import NamedTuple, get_args

from harness.config.judge import FACTORS, MachinePrice
from harness.config.workload import Content
from harness.report.naming import content_of
from harness.report.workbook.book import Book, Look, at, clean
from harness.report.workbook.plan import Plan

SHEET = "Assumptions"
HAZARD = "hazard_multiplier"
_VALUE, _JUDGED, _CHANGED = 1, 3, 4


class Assumption(NamedTuple):
    """One line."""

    what: str
    name: str
    value: float
    unit: str
    source: str
    least: float = 0.0
    most: float | None = None


def contents(plan: Plan) -> tuple[Content, ...]:
    """Those in this report."""
    found = {content_of(row) for row in plan.rows}
    return tuple(content for content in get_args(Content) if content in found)


def assumptions(plan: Plan) -> Iterator[Assumption]:
    """All lines, in order."""
    pricing, risk = plan.judge.pricing, plan.judge.risk
    kinds = {row.cell.config["hardware"]["name"]: row.cell.config["hardware"] for row in plan.rows}
    for machine, name in plan.prices.items():
        price = pricing.machines[machine]
        per = "GPU" if kinds[machine]["kind"] == "gpu" else "machine"
        what = f"Price of an hour of {machine}"
        yield Assumption(what, name, price.tiers.mid, f"USD per {per}-hour", _source(price), 1e-9)
    if plan.prices:
        yield Assumption(
            "Utilisation", "utilisation", pricing.used_share,
            "share of the paid hours that do work", f"pricing {pricing.name}", 1e-6, 1.0,
        )  # fmt: skip
    yield Assumption(
        "Multiplier of every hazard of withdrawal", HAZARD, 1.0, "times",
        "1 is the registry's counts and the buyer's chances; days that are known stay as they are",
    )  # fmt: skip
    for what, name, sourced, unit in (
        ("Electricity", "usd_per_kwh", pricing.electricity_usd_per_kwh, "USD per kWh"),
        ("Grid", "gco2e_per_kwh", pricing.grid_gco2e_per_kwh, "g CO2e per kWh"),
    ):
        source = f"{sourced.source} ({sourced.as_of})"
        yield Assumption(what, name, sourced.value, unit, source)
    for number, names in enumerate(plan.weights):
        if names in plan.weights[:number]:
            continue
        weighed = plan.tables[number].judge
        for factor in FACTORS:
            of = f", {weighed.buyer.profile}" if number else ""
            yield Assumption(
                f"Weight of {factor.replace('_', ' ')}{of}", names[factor],
                weighed.risk.weights[factor], "share; the weights are divided by their sum",
                "a judgement: the buyer's own" if weighed.buyer.weights
                else "a judgement: risk.weights",
            )  # fmt: skip
    for content in contents(plan):
        yield Assumption(
            f"Part of the weights of behaviour and security that counts for {content}",
            f"behaviour_counts_for_{content}", risk.behaviour_relevance[content],
            "share", "a judgement: risk.behaviour_relevance", 0.0, 1.0,
        )  # fmt: skip


def write(book: Book, plan: Plan) -> int:
    """Write the sheet and define the names; the number of lines."""
    sheet = book.sheet(SHEET, (46, 14, 26, 12, 11, 34, 50))
    heads = ("Assumption", "Value: change it here", "Unit", "As judged", "Changed?", "Name", "From")
    book.head(sheet, heads)
    number = 0
    for number, each in enumerate(assumptions(plan), start=1):
        book.put(sheet, number, 0, each.what, Look(wrap=True))
        book.put(sheet, number, _VALUE, each.value, Look(kind="input"))
        limits = {"validate": "decimal", "criteria": ">=", "value": each.least}
        if each.most is not None:
            limits |= {"criteria": "between", "minimum": each.least, "maximum": each.most}
        sheet.data_validation(number, _VALUE, number, _VALUE, limits)
        book.book.define_name(each.name, f"={at(SHEET, number, _VALUE)}")
        book.put(sheet, number, 2, each.unit, Look(wrap=True))
        book.put(sheet, number, _JUDGED, each.value)
        sheet.write_formula(
            number, _CHANGED, f'=IF(B{number + 1}=D{number + 1},"","changed")', None, ""
        )
        book.put(sheet, number, 5, each.name, Look(kind="side"))
        book.put(sheet, number, 6, clean(each.source), Look(wrap=True))
    warned = book.book.add_format({"bold": True, "border": 2, "pattern": 17})
    rule = {"type": "cell", "criteria": "==", "value": '"changed"', "format": warned}
    sheet.conditional_format(1, _CHANGED, number, _CHANGED, rule)
    book.paragraph(
        sheet, number + 2,
        "Everything else stands as it was judged. Another buyer, date or list of prices is"
        " another report: harness report SWEEP buyer=… pricing=… risk.as_of=…", 6,
    )  # fmt: skip
    return number


def changed(lines: int) -> str:
    """A formula that says whether any of the lines was changed."""
    count = f"COUNTIF('{SHEET}'!$E$2:$E${lines + 1},\"changed\")"
    many = f'{count}&" assumption(s) CHANGED since this file was made: see Assumptions"'
    return f'=IF({count}=0,"{UNCHANGED}",{many})'


UNCHANGED = "All assumptions stand as judged."


def _source(price: MachinePrice) -> str:
    tiers = price.tiers
    spread = "" if tiers.low == tiers.high else f"offers from {tiers.low:g} to {tiers.high:g}; "
    return f"{spread}{price.source} ({price.as_of})"
