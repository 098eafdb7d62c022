"""The price of an hour, or of a hosted token, among the inputs of an explanation."""

from harness import cost
from harness.config.judge import ApiPrice, Tiers
from harness.report.explain.explained import Working, shown
from harness.report.priced import machine_price
from harness.report.rows import gpus

KINDS = ("input", "cached", "output")
"""Of tokens, in the order in which prices and counts stand."""


def price_file(out: Working) -> str:
    """The option file that the prices stand in."""
    return f"pricing/{out.table.judge.pricing.name}.yaml"


def machine_tiers(out: Working) -> Tiers:
    """Add the price of an hour, with who asks it."""
    name = out.cell.config["hardware"]["name"]
    price = machine_price(out.cell, out.table.judge)
    tiers, where = price.tiers, f"{price_file(out)}, machines.{name}"
    if price.kind == "rented":
        terms = f"{price.basis}, {price.provider}, {price.region}"
        what = f"price of an hour ({terms}), low / middle / high"
        value = " / ".join(shown(each) for each in tiers)
    else:
        what, value = "price of an owned hour", shown(tiers.mid)
        for field in (
            "purchase_usd",
            "residual_usd",
            "life_years",
            "power_w",
            "pue",
            "usd_per_kwh",
            "space_usd_per_month",
            "staff_usd_per_year",
        ):
            out.given(field, getattr(price, field), where)
    out.given(f"{what}, USD", value, f"{where}: {price.source}, as of {price.as_of}")
    return tiers


def per_second(out: Working, machines: int | None = None) -> float:
    """Add the price of a working second, in USD, and what it is made of."""
    tiers, share = machine_tiers(out), out.table.judge.pricing.used_share
    own = gpus(out.cell)
    units = machines or own or 1
    out.given("utilisation", f"{share:.4g}", f"{price_file(out)}, utilisation")
    if machines:
        out.recorded("GPUs charged, that the throughput is of", "imported.gpus", units)
    elif own:
        for name in ("tensor_parallel_size", "pipeline_parallel_size"):
            field = f"model.{name}"
            out.recorded(name.replace("_", " "), f"config.{field}", out.setting(field))
        out.step(f"GPUs charged: tensor x pipeline parallel = {units}")
    else:
        out.recorded(
            "one machine charged, of kind", "config.hardware.kind", out.setting("hardware.kind")
        )
    usd = cost.usd_per_second(tiers.mid, units, share)
    out.step(
        f"USD of a working second: {shown(tiers.mid)} x {units} / (3600 x {shown(share)})"
        f" = {shown(usd)}"
    )
    return usd


def api_price(out: Working) -> ApiPrice:
    """Add the list prices of the model's tokens."""
    name = out.cell.config["model"]["name"]
    price = out.table.judge.pricing.apis[name]
    for kind, usd in zip(
        KINDS,
        (price.input_usd_per_mtok, price.cached_input_usd_per_mtok, price.output_usd_per_mtok),
        strict=True,
    ):
        out.given(
            f"list price of a million {kind} tokens, USD",
            usd,
            f"{price_file(out)}, apis.{name}: {price.source}, as of {price.as_of}",
        )
    return price
