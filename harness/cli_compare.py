"""`harness compare` and `harness explain`: questions to records that were judged."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli_lists import DAY, print_json
from harness.config import load
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.report.compare.mixtures import Side

_CONFIG_DIR = click.option(
    "--config-dir", help="A folder with further options for pricing, risk and buyer."
)
_IN_FULL = 5  # cells that `explain` writes out; a model may have forty
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="A [B] [KEY=VALUE...]")
@click.option("--as-of-a", type=DAY, help="Facts of that day for A; default: today.")
@click.option("--as-of-b", type=DAY, help="Facts of that day for B; default: today.")
@click.option("--pricing-a", help="A file of conf/pricing for A.")
@click.option("--pricing-b", help="A file of conf/pricing for B.")
@click.option("--buyer-a", help="A file of conf/buyer for A.")
@click.option("--buyer-b", help="A file of conf/buyer for B.")
@_CONFIG_DIR
@_JSON
def compare(
    arguments: tuple[str, ...],
    as_of_a: dt.datetime | None,
    as_of_b: dt.datetime | None,
    pricing_a: str | None,
    pricing_b: str | None,
    buyer_a: str | None,
    buyer_b: str | None,
    config_dir: str | None,
    as_json: bool,
) -> None:
    """What changed between two sweeps, or one sweep judged in two ways, and what it does.

    \b
    harness compare results/may results/june
    harness compare results/demo --as-of-a 2026-06-01 --as-of-b 2026-06-30
    harness compare results/demo --pricing-a list_2026_06 --pricing-b term_2026_06
    harness compare results/ours results/imported        measured beside imported

    Each change of cost, risk and rank is parted by cause; differences inside the noise of the
    measurement are called so. KEY=VALUE holds for both sides. See docs/compare.md.
    """
    from harness.report.compare.compare import compare as compared

    sweeps = [Path(argument) for argument in arguments if "=" not in argument]
    if not 1 <= len(sweeps) <= 2:
        raise ConfigError(
            f"{len(sweeps)} sweep folders: name two, or one and what differs, e.g. --as-of-b"
        )
    shared = [argument for argument in arguments if "=" in argument]
    a = _side(sweeps[0], shared, config_dir, pricing_a, buyer_a, as_of_a)
    b = _side(sweeps[-1], shared, config_dir, pricing_b, buyer_b, as_of_b)
    if a == b:
        raise ConfigError(
            "nothing differs between A and B: name two sweeps, or give --as-of-b, --pricing-b or"
            " --buyer-b"
        )
    found = compared(a, b)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for line in found.lines():
        click.echo(line)


def _side(
    sweep: Path,
    shared: Sequence[str],
    config_dir: str | None,
    pricing: str | None,
    buyer: str | None,
    as_of: dt.datetime | None,
) -> "Side":
    """One side; what is said of it alone stands over what is said of both."""
    from harness.report.compare.mixtures import Side

    if as_of and as_of.date() > dt.date.today():
        raise ConfigError(f"--as-of {as_of.date()} is in the future")
    own = {
        "pricing": pricing,
        "buyer": buyer,
        "risk.as_of": f"'{as_of.date()}'" if as_of else None,
    }
    said = {key: value for key, value in own.items() if value is not None}
    kept = [override for override in shared if override.partition("=")[0] not in said]
    own_words = [f"{key}={value}" for key, value in said.items()]
    return Side(sweep, load.judge([*load.search_path(config_dir), *kept, *own_words]))


@click.command()
@click.argument("sweep", type=click.Path(path_type=Path), metavar="SWEEP_DIR")
@click.argument("model")
@click.argument("column")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE...]")
@_CONFIG_DIR
@_JSON
def explain(
    sweep: Path,
    model: str,
    column: str,
    overrides: tuple[str, ...],
    config_dir: str | None,
    as_json: bool,
) -> None:
    """The way from the raw records to one figure, with files, sample sizes and sources.

    \b
    harness explain results/demo smollm2_135m bill_usd_per_mtok_total
    harness explain results/demo smollm2_135m risk_score buyer=us_state_texas

    MODEL: its name, its repo or a cell id. COLUMN: a column of summary.csv. The formula is shown
    with its numbers put in, and what the raw files allow is computed again. Of a model with many
    cells the five cheapest are written out.
    """
    from harness.report.explain import explain as explaining
    from harness.report.join import join

    explaining.column_named(column)  # before the records are read
    wrong = [override for override in overrides if "=" not in override]
    if wrong:
        raise ConfigError(f"{wrong[0]}: a setting is KEY=VALUE, e.g. buyer=us_private")
    judge = load.judge([*load.search_path(config_dir), *overrides])
    found = explaining.explain(join([sweep], judge), model, column)
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    for each in found[:_IN_FULL]:
        for line in each.lines():
            click.echo(line)
    if len(found) > _IN_FULL:
        click.echo(f"{len(found) - _IN_FULL} more cells; name one instead of {model} for its way:")
    for each in found[_IN_FULL:]:
        click.echo(f"  {each.cell_id}: {each.shown}")
