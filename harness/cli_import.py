"""`harness import`: other people's measurements as records of ours."""

import datetime as dt
import functools
import sys
from pathlib import Path
from typing import Any

import click

from harness.errors import ConfigError, FactError


@click.command(name="import")
@click.argument("format_name", metavar="FORMAT")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--sweep", help="Folder under --results-dir that the records go to.")
@click.option(
    "--results-dir", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
@click.option("--hardware", help="Option of conf/hardware, where the file does not say.")
@click.option("--gpus", type=click.IntRange(min=1), help="GPUs that the throughput is of.")
@click.option("--model", help="Hub name, where the file gives none or a name of its own.")
@click.option("--engine", help="What served it, with its version, where the file does not say.")
@click.option("--mapping", type=click.Path(path_type=Path), help="Mapping file of format csv.")
@click.option("--address", help="Where the files were published.")
@click.option("--commit", help="Commit of that place.")
@click.option("--measured-on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the measurement.")
@click.option("--published", type=click.DateTime(["%Y-%m-%d"]), help="Day of publication.")
@click.option("--attribution", help="Whom to name beside the figures.")
@click.option("--licence-note", help="What the source's licence allows, or lacks.")
def import_(
    format_name: str,
    paths: tuple[str, ...],
    sweep: str | None,
    results_dir: Path,
    mapping: Path | None,
    **about: Any,
) -> None:
    """Turn what other tools measured into records, marked by where they came from.

    \b
    harness import vllm-bench results.json --sweep old --hardware h100_sxm --gpus 1
    harness import auto downloads/*.json --sweep others
    harness import csv template > mapping.yaml         print a mapping file to fill in
    harness import csv runs.csv --mapping mapping.yaml --sweep own

    FORMAT: auto (recognise it), or one of those that `harness import formats` lists. PATH: files,
    folders, patterns, also .gz. Then `harness report results/<sweep>` judges them like own ones.
    Figures that cannot be turned into our definition are kept under their own names and ranked
    nowhere; what the source does not give stays unknown.
    """
    from harness.imports import csv_mapping, formats

    if format_name == "formats":
        for name, module in sorted(formats.FORMATS.items()):
            click.echo(f"{name:28} {(module.__doc__ or '').splitlines()[0]}")
        return
    if (format_name, *paths) == ("csv", "template"):
        click.echo(csv_mapping.TEMPLATE, nl=False)
        return
    if not paths or not sweep:
        raise click.UsageError("PATH and --sweep are needed, e.g. --sweep published")
    if Path(sweep).name != sweep or sweep in (".", ".."):
        raise ConfigError(f"--sweep {sweep}: a plain name is needed; the folder: --results-dir")
    dates = {key: about[key].date() if about[key] else None for key in ("measured_on", "published")}
    _import(format_name, paths, results_dir / sweep, mapping, about | dates)


def _import(
    name: str, paths: tuple[str, ...], folder: Path, mapping: Path | None, about: dict[str, Any]
) -> None:
    from rich.progress import track

    from harness.imports import formats
    from harness.imports.cells import About, cell, unmapped
    from harness.imports.csv_mapping import with_mapping
    from harness.imports.found import expand, read
    from harness.records import store

    now = dt.datetime.now(dt.UTC)
    cells: dict[str, Any] = {}
    without: list[str] = []
    files = expand(paths)
    quiet = not sys.stdout.isatty()
    # All are read before the first is written: a bad file leaves no half of an import.
    for path, named in track(
        files.items(), description="reading", transient=True, disable=quiet, total=len(files)
    ):
        source = read(path)
        if not named and formats.foreign(name, source):
            without.append(path.name)
            continue
        format_name, reader = formats.reader(name, source)
        found = (
            formats.guarded("the mapping", lambda each: with_mapping(each, mapping), source)
            if format_name == "csv"
            else reader(source)
        )
        without += [] if found else [path.name]
        for each in found:
            told = About(format=format_name, **about)
            made = formats.guarded(
                format_name, functools.partial(cell, each, about=told, sweep=folder.name, now=now),
                source,
            )  # fmt: skip
            if made.cell_id in cells:
                raise FactError(
                    f"{path}: the same measurement twice ({made.cell_id}): model, machine, level"
                    " and file are the same"
                )
            cells[made.cell_id] = made
    if not cells:
        raise FactError(f"{', '.join(paths)}: no measurement there")
    known = {made.cell_id: made for _, made in store.cells(folder)} if folder.exists() else {}
    new = [made for made in cells.values() if not _same(known.get(made.cell_id), made)]
    for made in track(new, description="writing", transient=True, disable=quiet):
        store.commit(store.begin(folder, made.cell_id), made)  # the old record is kept aside
    corrected, there = (
        sum(made.cell_id in known for made in new),
        len(cells) - len(new),
    )
    click.echo(
        f"{len(new) - corrected} record{'' if len(new) - corrected == 1 else 's'} in {folder}"
        + (f", {corrected} corrected" if corrected else "")
        + (f", {there} were there" if there else "")
        + f", from {len(files)} file{'s' if len(files) > 1 else ''}"
    )
    if without:
        click.echo(f"of another kind, or part of a file that was read: {', '.join(without)}")
    for key in unmapped(list(cells.values())):
        click.echo(f"not in the registry, so not assessed: {key}; harness risk add model {key}")
    click.echo(f"next: harness report {folder}")


def _same(one: Any, other: Any) -> bool:
    """Whether two records say the same, whenever they were imported."""
    return one is not None and _lasting(one) == _lasting(other)


def _lasting(cell: Any) -> dict[str, Any]:
    kept: dict[str, Any] = cell.model_dump(mode="json", exclude={"origin": {"imported_at"}})
    if cell.origin.measured_on is None:
        # Without a day of measurement the record carries that of the import.
        kept |= {"started_at": None, "ended_at": None}
    return kept
