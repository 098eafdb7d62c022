"""The commands of `harness risk lists`: which lists are at hand, and how newer ones get there."""

import datetime as dt
import functools
import json
from pathlib import Path
from typing import Any

import click

from harness.errors import ConfigError, FactError, HarnessError, SetupError

DAY = click.DateTime(["%Y-%m-%d"])


def print_json(answer: Any) -> None:
    """An answer for other programs."""
    click.echo(json.dumps(answer, indent=1, ensure_ascii=False))


@click.group(invoke_without_command=True)
@click.option("--as-of", type=DAY, help="Lists as held for that day; default: today.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def lists(context: click.Context, as_of: dt.datetime | None, as_json: bool) -> None:
    """The lists at hand: edition, rows, hash, and what each does not contain."""
    if context.invoked_subcommand:
        return
    from harness.risk.lists import snapshots

    held = snapshots.all_latest((as_of or dt.datetime.now()).date())
    if as_json:
        print_json([snapshot.meta.model_dump(mode="json") for snapshot in held])
        return
    for snapshot in held:
        meta = snapshot.meta
        mark = "shipped" if meta.shipped else f"fetched {meta.fetched_at:%Y-%m-%d %H:%M}"
        click.echo(
            f"{meta.list_key:20} edition {snapshot.edition}  {snapshot.rows:>6} rows"
            f"  sha256 {meta.sha256[:12]}  {mark}"
        )
    for line in snapshots.silent_about([snapshot.meta.list_key for snapshot in held]):
        click.echo(line)


_CONFIRM = click.option(
    "--confirm-shrink",
    is_flag=True,
    help="Accept a list with less than half the rows of the last one.",
)


@lists.command()
@click.argument("keys", nargs=-1, metavar="[LIST...]")
@click.option("--address", help="Fetch from here instead of the catalogue's address; one LIST.")
@_CONFIRM
def fetch(keys: tuple[str, ...], address: str | None, confirm_shrink: bool) -> None:
    """Download lists (all that have an address, if none is named) into the local store.

    The store is $HARNESS_LISTS, or the user's data folder. What was there stays in force when a
    download fails, is cut short, does not read or has shrunk by half.
    """
    from rich.progress import DownloadColumn, Progress, TextColumn

    from harness.risk.lists.catalogue import catalogue
    from harness.risk.lists.fetch import fetch as download

    asked = keys or tuple(key for key, known in catalogue().items() if known.address)
    if address and len(asked) != 1:
        raise ConfigError("--address belongs to one list; name it")
    failed = []
    with Progress(TextColumn("{task.description}"), DownloadColumn()) as bars:
        for key in asked:
            bar = bars.add_task(key, total=None)
            try:
                kept = download(
                    key,
                    address=address,
                    confirm_shrink=confirm_shrink,
                    progress=functools.partial(_advance, bars, bar),
                )
            except HarnessError as error:
                if len(asked) == 1:
                    raise
                failed.append(f"{key}: {error}")
                continue
            bars.console.print(f"{key}: edition {kept.edition}, {kept.rows} rows, {kept.path}")
    if failed:
        raise SetupError("\n".join(failed))


def _advance(bars: Any, bar: Any, done: int, total: int | None) -> None:
    bars.update(bar, completed=done, total=total)


@lists.command(name="add")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--list", "key", required=True, help="Key of the list; a new one for your own.")
@click.option("--format", "form", help="How to read it; default: the catalogue's.")
@click.option("--edition", help="Day of the edition, YYYY-MM-DD; default: as the format says.")
@_CONFIRM
def lists_add(
    file: Path, key: str, form: str | None, edition: str | None, confirm_shrink: bool
) -> None:
    """Keep a file as the newest snapshot of a list, e.g. your own as `company_csv`.

    \b
    columns of company_csv: name, aliases, identifiers, programme, start, end, note
    harness risk lists add suppliers.csv --list our-suppliers --format company_csv
    """
    from harness.risk.lists import snapshots

    kept = snapshots.add(file, key, format=form, edition=edition, confirm_shrink=confirm_shrink)
    click.echo(f"{key}: edition {kept.edition}, {kept.rows} rows, {kept.path}")


@lists.command(name="changes")
@click.argument("key", metavar="LIST")
def lists_changes(key: str) -> None:
    """What the newest snapshot of a list says that the one before it did not."""
    from harness.risk.lists import snapshots
    from harness.risk.lists.changes import changes

    held = snapshots.history(key)
    if len(held) < 2:
        raise FactError(f"{key}: {len(held)} snapshots at hand; two are needed")
    for line in changes(held[-2].entries, held[-1].entries).lines():
        click.echo(line)
