"""`harness track`, and what `harness run` copies to W&B as it goes."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.config.run import RunConfig, WandbTracking
from harness.errors import ConfigError, HarnessError, SetupError

_DEFAULT_PROJECT = "harness"
_UPLOAD_TIMEOUT_S = 300.0
"""After a cell. What is not uploaded by then lies offline for `harness track`."""


@click.command()
@click.argument("sweep_dir", type=click.Path(path_type=Path))
@click.option("--project", help="Default: the sweep's own, or `harness`.")
@click.option("--entity", help="User or team; default: the sweep's own, or W&B's default.")
@click.option(
    "--mode",
    type=click.Choice(["auto", "online", "offline"]),
    default="auto",
    show_default=True,
    help="online: upload at the end; auto: that where a key is set.",
)
@click.option("--again", is_flag=True, help="Also what W&B was given before.")
@click.option("--workspace", is_flag=True, help="Save a view of the project; see docs/wandb.md.")
def track(
    sweep_dir: Path,
    project: str | None,
    entity: str | None,
    mode: str,
    again: bool,
    workspace: bool,
) -> None:
    """Copy a sweep to W&B: a run per cell, and one for the report.

    \b
    harness track results/demo                     offline unless a key is set
    harness track results/demo --mode online       also uploads what earlier runs left offline
    harness track results/published --project h100

    Works on any sweep, also on an imported one. What W&B has already is skipped. The report's run
    needs the report: harness report SWEEP_DIR. With `tracking=wandb` a run does this by itself.
    """
    from rich.progress import track as progress

    from harness.records import store
    from harness.track import cell_run, session, sweep_run
    from harness.track.upload import upload
    from harness.track.workspace import save

    cells = list(store.cells(sweep_dir))
    if not cells:
        raise ConfigError(f"{sweep_dir}: no cell records there (a folder of results/ is expected)")
    tracking = _tracking(cells[0][1].config, project, entity, mode)
    problems: list[str] = []
    written = 0
    with session.one_service():
        for folder, cell in progress(
            cells, description="W&B", transient=True, disable=not sys.stdout.isatty()
        ):
            log = functools.partial(cell_run.log, folder, cell, tracking, again=again)
            written += _tried(log, folder, problems)
        click.echo(f"W&B: {written} of {len(cells)} cells written, {len(problems)} could not be")
        if _tried(lambda: sweep_run.log(sweep_dir, tracking, again=again), sweep_dir, problems):
            click.echo("W&B: report written")
    if session.mode(tracking) == "online":
        click.echo(f"W&B: {upload(sweep_dir)} offline runs uploaded")
    if workspace:
        click.echo(f"W&B: view {save(tracking)}")
    if problems:
        raise SetupError("\n".join(problems))


def after_cell(config: RunConfig) -> None:
    """Copy a cell's record to W&B where the configuration asks for it; never raises."""
    tracking = config.tracking
    if not isinstance(tracking, WandbTracking):
        return
    from harness.config.identity import cell_id

    folder = config.results_dir / config.sweep / cell_id(config)
    problems: list[str] = []

    def log() -> bool:
        from harness.records import store
        from harness.track import cell_run

        done = cell_run.log(folder, store.read(folder), tracking)
        _upload(tracking, folder.parent, folder.name)
        return done

    _tried(log, folder, problems)
    _say(problems)


def after_report(config: RunConfig, sweep_dir: Path) -> None:
    """Copy the sweep's report to W&B where the configuration asks for it; never raises."""
    tracking = config.tracking
    if not isinstance(tracking, WandbTracking):
        return
    problems: list[str] = []

    def log() -> bool:
        from harness.track import sweep_run

        done = sweep_run.log(sweep_dir, tracking)
        _upload(tracking, sweep_dir, f"report-{sweep_dir.name}")
        return done

    _tried(log, sweep_dir, problems)
    _say(problems)


def _upload(tracking: WandbTracking, sweep_dir: Path, name: str) -> None:
    from harness.track import session
    from harness.track.upload import upload

    if session.mode(tracking) == "online":
        upload(sweep_dir, session.run_id(sweep_dir, name), _UPLOAD_TIMEOUT_S)


def _tried(log: Callable[[], bool], what: Path, problems: list[str]) -> bool:
    """Whether it was written; what W&B raises becomes a line, since the files are on disk."""
    try:
        return log()
    except HarnessError as error:
        problems.append(f"W&B: {error}")
    except Exception as error:  # W&B, its service and the network raise anything
        line = (str(error).strip().splitlines() or [""])[0]
        problems.append(f"W&B: {type(error).__name__}: {line}; nothing is lost, see {what}")
    return False


def _say(problems: list[str]) -> None:
    for problem in problems:
        click.echo(problem, err=True)


def _tracking(
    config: dict[str, Any], project: str | None, entity: str | None, mode: str
) -> WandbTracking:
    own = config.get("tracking") or {}
    return WandbTracking.model_validate(
        {
            "kind": "wandb",
            "project": project or own.get("project") or _DEFAULT_PROJECT,
            "entity": entity or own.get("entity"),
            "mode": mode,
        }
    )
