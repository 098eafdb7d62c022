"""Rented prices of today, from the catalog behind `gpuhunt`, kept as a dated snapshot."""

import contextlib
import datetime as dt
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from harness.config import load
from harness.config.judge import PricingConfig, RentedMachine
from harness.errors import ConfigError, FactError, SetupError

_TIMEOUT_S = 30.0  # of one connection; the library sets none


class _Gpu(NamedTuple):
    """A card as the catalog names it. It does not tell forms apart, some instance names do."""

    name: str
    memory_gib: float
    cards: int
    not_named: str = ""


_ONE = {
    "rtx_4090": _Gpu("RTX4090", 24, 1),
    "l40s": _Gpu("L40S", 48, 1),
    "a100_80g": _Gpu("A100", 80, 1, not_named="pcie"),
    "h100_sxm": _Gpu("H100", 80, 1, not_named="pcie"),
    "h200": _Gpu("H200", 141, 1),
    "b200": _Gpu("B200", 180, 1),
}
_NODES = ("a100_80g", "h100_sxm", "h200", "b200")
GPUS = _ONE | {f"{name}_8x": _ONE[name]._replace(cards=8) for name in _NODES}


@dataclass(frozen=True)
class _Offer:
    usd_per_gpu_hour: float
    provider: str
    region: str
    instance: str


def refresh(names: Sequence[str], out_dir: Path, day: dt.date) -> Path:
    """Write `pricing/gpuhunt_YYYY_MM_DD.yaml` into `out_dir`, a folder for `--config-dir`.

    Per hardware name the cheapest, the median (of an even number the lower) and the dearest
    on-demand offer of so many of these GPUs, per GPU-hour. Utilisation, electricity and grid are
    those of the shipped default. `names`: empty for all that are known.

    Raises ConfigError for an unknown name and for a day that has its snapshot, SetupError without
    the library or the network, FactError when nobody offers any of the GPUs.
    """
    names = list(names) or list(GPUS)
    unknown = [name for name in names if name not in GPUS]
    if unknown:
        raise ConfigError(
            f"no GPU of the catalog is known for {', '.join(unknown)};"
            f" known: {', '.join(GPUS)}; write other prices by hand"
        )
    name = f"gpuhunt_{day:%Y_%m_%d}"
    path = out_dir / "pricing" / f"{name}.yaml"
    if path.exists():
        raise ConfigError(f"{path} exists; a snapshot is never overwritten")
    catalog = _catalog()
    offers = {each: _offers(catalog, GPUS[each]) for each in names}
    if not any(offers.values()):
        raise FactError(f"the catalog has no on-demand offer of {', '.join(names)}")
    default = load.judge([]).pricing
    pricing = PricingConfig(
        name=name,
        machines={each: _machine(found, day, catalog) for each, found in offers.items() if found},
        utilisation=default.utilisation,
        utilisation_by_hour=default.utilisation_by_hour,
        electricity_usd_per_kwh=default.electricity_usd_per_kwh,
        grid_gco2e_per_kwh=default.grid_gco2e_per_kwh,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as stream:
        stream.write(_text(pricing, day, [each for each in names if not offers[each]], catalog))
    return path


@dataclass(frozen=True)
class _Catalog:
    """The loaded catalog and what has to be said of it."""

    library: Any
    source: str
    versions: dict[str, str]  # by provider
    missing: list[str]
    read: dt.datetime


def _catalog() -> _Catalog:
    try:
        import gpuhunt

        # The address and the list of providers have no public name.
        from gpuhunt._internal.catalog import CATALOG_URL, OFFLINE_PROVIDERS
        from gpuhunt.version import __version__
    except ImportError as error:
        raise SetupError("prices come from gpuhunt: pip install '.[prices]'") from error
    address = os.environ.get("GPUHUNT_CATALOG_URL", CATALOG_URL).rstrip("/")
    library = gpuhunt.Catalog(auto_reload=False)
    try:
        with _bounded():
            library.load()
    except gpuhunt.GPUHuntError as error:
        raise SetupError(
            f"cannot load the catalog at {address}: {error.__cause__ or error};"
            " is the network reachable?"
        ) from error
    versions = {provider: found.version for provider, found in library.catalog.items()}
    return _Catalog(
        library,
        f"gpuhunt {__version__}, {address}",
        versions,
        [provider for provider in OFFLINE_PROVIDERS if provider not in versions],
        dt.datetime.now(dt.UTC),
    )


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """A limit for silent connections, and no tracebacks of providers that cannot be reached."""
    logger, before = logging.getLogger("gpuhunt"), socket.getdefaulttimeout()
    level = logger.level
    socket.setdefaulttimeout(_TIMEOUT_S)
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
        logger.setLevel(level)


def _offers(catalog: _Catalog, gpu: _Gpu) -> list[_Offer]:
    """Offers by price; those whose instance names another form of the card are left out."""
    items = catalog.library.query(
        provider=list(catalog.versions),
        gpu_name=gpu.name,
        min_gpu_count=gpu.cards,
        max_gpu_count=gpu.cards,
        min_gpu_memory=0.9 * gpu.memory_gib,  # catalogs round
        spot=False,
    )
    found = [
        _Offer(item.price / gpu.cards, item.provider, item.location, item.instance_name)
        for item in items
        if item.price > 0 and not (gpu.not_named and gpu.not_named in item.instance_name.lower())
    ]
    return sorted(found, key=lambda o: (o.usd_per_gpu_hour, o.provider, o.region, o.instance))


def _machine(offers: Sequence[_Offer], day: dt.date, catalog: _Catalog) -> RentedMachine:
    chosen = {"low": offers[0], "mid": offers[(len(offers) - 1) // 2], "high": offers[-1]}

    def of_each(attribute: str) -> str:
        return ", ".join(f"{getattr(offer, attribute)} ({tier})" for tier, offer in chosen.items())

    sellers = sorted({offer.provider for offer in offers})
    versions = ", ".join(f"{each} {catalog.versions[each]}" for each in sellers)
    return RentedMachine(
        kind="rented",
        basis="on_demand",
        provider=of_each("provider"),
        region=of_each("region"),
        low_usd_per_hour=round(chosen["low"].usd_per_gpu_hour, 6),
        mid_usd_per_hour=round(chosen["mid"].usd_per_gpu_hour, 6),
        high_usd_per_hour=round(chosen["high"].usd_per_gpu_hour, 6),
        source=f"{len(offers)} offers of {len(sellers)} sellers; {of_each('instance')};"
        f" {catalog.source}, catalogs {versions}, read {catalog.read:%Y-%m-%d %H:%M} UTC",
        as_of=day,
    )


def _text(pricing: PricingConfig, day: dt.date, without: Sequence[str], catalog: _Catalog) -> str:
    lines = [
        f"# On-demand offers by hardware name, snapshot of {catalog.source}; {day}",
        "# Per GPU-hour: cheapest, median and dearest offer; the median leans to sellers with many",
        "# regions. The catalog does not tell SXM from PCIe; what is named PCIe is left out.",
    ]
    if without:
        lines.append(f"# Nobody offered {', '.join(without)}: that is an error here, not a zero.")
    if catalog.missing:
        lines.append(f"# Not loaded: {', '.join(catalog.missing)}.")
    body = yaml.safe_dump(
        pricing.model_dump(mode="json"), sort_keys=False, width=1000, allow_unicode=True
    )
    return "\n".join([*lines, body])
