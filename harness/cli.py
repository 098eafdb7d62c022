"""Commands and help; the only place that turns errors into exit codes."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
import hydra
from omegaconf import DictConfig

from harness import cli_track
from harness.cli_compare import compare, explain
from harness.cli_import import import_
from harness.cli_risk import risk
from harness.config import load
from harness.errors import ConfigError, HarnessError, MeasurementError, SetupError

_PASSED_TO_HYDRA = {"--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", "--version"}
_state: dict[str, Any] = {}  # the sweep of this process; a launcher's workers have none


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="harness")
@click.option("--debug", is_flag=True, help="Anywhere on the line: show the traceback of an error.")
def cli(debug: bool) -> None:
    """Decide which open-weight model to run: measure cost, accuracy, energy and fine-tuning
    effort with vLLM, and join them with jurisdictional risk.

    \b
    Start with   harness run experiment=demo dry_run=true
    Then         harness run experiment=demo
    And          harness report results/demo buyer=us_defence_contractor

    Exit status: 0 done; 2 wrong configuration; 3 the machine lacks something; 4 a cell failed;
    5 a fact, price or record is wrong; 130 stopped by a signal.
    """
    del debug  # taken out of the arguments in `main`, where errors are printed


@cli.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    }
)
@click.pass_context
def run(context: click.Context) -> None:
    """Measure one model or a sweep (a Hydra application; `harness run --help`)."""
    # Hydra refuses overrides on both sides of a flag; this one may stand anywhere.
    arguments = sorted(context.args, key=lambda a: a not in ("-m", "--multirun"))
    if _PASSED_TO_HYDRA & {argument.split("=")[0] for argument in arguments}:
        _hydra(arguments)
        return
    _measure(arguments)


@cli.command()
@click.argument("arguments", nargs=-1, required=True, metavar="SWEEP_DIR... [KEY=VALUE...]")
@click.option("--config-dir", help="A folder with further options for pricing, risk and buyer.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where to write; default: the first sweep."
)
def report(arguments: tuple[str, ...], config_dir: str | None, out: Path | None) -> None:
    """Judge measured sweeps again, in seconds: prices, risk weights and buyer may differ.

    \b
    harness report results/demo
    harness report results/demo results/other buyer=us_state_texas pricing=term_2026_06
    harness report results/demo buyer=us_private,us_state_texas,eu_private    side by side

    Writes summary.csv, .parquet, .md and .xlsx and report.html. Groups: pricing, risk, buyer.
    """
    sweeps = [Path(argument) for argument in arguments if "=" not in argument]
    overrides = [argument for argument in arguments if "=" in argument]
    overrides = [*load.search_path(config_dir), *overrides]
    if not sweeps:
        raise ConfigError("name at least one sweep folder, e.g. harness report results/demo")
    _report(sweeps, overrides, out)


@cli.command()
@click.option(
    "--streams",
    default="1,16,64,200,400,700,1000",
    show_default=True,
    help="Concurrent streams to measure at, separated by commas.",
)
@click.option("--processes", type=int, help="Client processes; default: one per 1,000 streams.")
@click.option(
    "--timestamps",
    type=click.Choice(["kernel", "user"]),
    default="kernel",
    show_default=True,
    help="Who takes the times: the kernel's receive stamps, or the client's own clock.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Also write the figures as JSON.")
def calibrate(streams: str, processes: int | None, timestamps: str, out: Path | None) -> None:
    """Measure the load generator itself, on this machine, before you trust what it measures.

    Starts a server that writes its own send time into every event and compares: the error of
    each event's time, of TTFT and ITL, of the throughput, and how many events were read together
    with a later one (those get bounds instead of a time). Prints the highest number of streams at
    which the client is within 1%. Takes about half a minute. A sweep runs a short form first.
    """
    from harness.config.workload import ClientConfig
    from harness.load.calibrate import calibrate as measure

    try:
        counts = [int(text) for text in streams.split(",")]
        config = ClientConfig.model_validate({"processes": processes, "timestamps": timestamps})
    except ValueError as error:
        raise ConfigError(f"--streams, --processes: {error}") from error
    if min(counts) < 1:
        raise ConfigError(f"--streams={streams}: at least 1 stream is needed")
    with _terminate_like_interrupt(), _Console() as console:
        found = measure(config, counts, short=False, say=console.say)
    click.echo(_calibration_table(found))
    if out:
        from harness.records import store

        store.write_text(out, found.model_dump_json(indent=1) + "\n")


cli.add_command(risk)
cli.add_command(compare)
cli.add_command(explain)
cli.add_command(import_)
cli.add_command(cli_track.track)


@cli.group()
def prices() -> None:
    """Prices of machines."""


@prices.command()
@click.argument("hardware", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("my/conf"),
    show_default=True,
    help="Folder of options, for `harness report --config-dir`.",
)
def refresh(hardware: tuple[str, ...], out: Path) -> None:
    """Fetch on-demand GPU prices of today through `gpuhunt`; keep them as a dated snapshot.

    \b
    harness prices refresh                     all machines that are known
    harness prices refresh h100_sxm h200       these only

    Writes <out>/pricing/gpuhunt_YYYY_MM_DD.yaml and overwrites none. Use it with
    harness report SWEEP_DIR --config-dir <out> pricing=gpuhunt_YYYY_MM_DD
    """
    import datetime as dt

    from harness import prices as price_lists

    click.echo(price_lists.refresh(hardware, out, dt.date.today()))


def _calibration_table(found: Any) -> str:
    """The points as a table, errors in milliseconds."""
    heads = (
        "streams  event error p50 / p99    own clock p99   TTFT error p50 / p99   ITL error p99"
        "    tok/s sent / seen    merged  within 1%"
    )
    lines = [f"times are taken by the {found.stamps} clock; errors in ms", heads]
    for p in found.points:
        cells = [p.event_error_p50_s, p.event_error_p99_s, p.user_error_p99_s]
        cells += [p.ttft_error_p50_s, p.ttft_error_p99_s, p.itl_error_p99_s]
        a, b, c, d, e, f = (f"{value * 1e3:.3f}" for value in cells)
        lines.append(
            f"{p.streams:7}  {a:>11} / {b:<7}  {c:>15}   {d:>10} / {e:<7} {f:>15}"
            f"  {p.sent_tok_per_s:9.0f} / {p.seen_tok_per_s:<9.0f} {p.merged_share:6.1%}"
            f"  {'yes' if p.within_1_percent else 'no'}"
        )
    most = found.highest_streams_within_1_percent
    lines.append(
        f"within 1% up to {most} streams" if most else "within 1% at none of these numbers"
    )
    return "\n".join(lines)


def _report(sweeps: Sequence[Path], overrides: Sequence[str], out: Path | None) -> None:
    from harness.report import build

    written = build.write(sweeps, load.judges(overrides), out or sweeps[0])
    click.echo(written.console)
    click.echo(f"report: {written.html}")


def _measure(arguments: list[str]) -> None:
    from harness.run import sweep

    given = _hydra_arguments(arguments)
    cells = load.plan(given.overrides, multirun=given.multirun, config_dir=given.config_dir)
    entries = sweep.plan([cell.config for cell in cells])
    first = entries[0].config
    if first.dry_run:
        _print_plan(entries)
        return
    with (
        _terminate_like_interrupt(),
        _Console() as console,
        sweep.Sweep(entries, console.say, console.show) as running,
    ):
        _state["sweep"] = running
        try:
            _hydra(arguments)
        finally:
            _state.clear()
    folder = sweep.sweep_dir(first)
    from harness.records import store

    left = [e.cell_id for e in entries if store.status(folder, e.cell_id) != "done"]
    if first.report.enabled and any(store.cells(folder)):
        _report([folder], first.report.overrides, None)
        cli_track.after_report(first, folder)
    kinds: set[str] = set()
    for name in left:
        status = store.status(folder, name)
        failure = store.read(folder / name).failure if status != "due" else None
        kinds.add(failure.kind if failure else status)
        why = f" in stage {failure.stage}: {failure.reason}" if failure else ""
        click.echo(f"{name}: {status}{why}", err=True)
        for line in failure.log_tail[-5:] if failure else ():
            click.echo(f"  server log | {line[:300]}", err=True)
    if left:
        message = (
            f"{len(left)} of {len(entries)} cells did not finish; the same command tries again"
        )
        # Setup and measurement fail for different people to fix; a mixture counts as the latter.
        raise (SetupError if kinds == {SetupError.__name__} else MeasurementError)(message)


def _one_cell(composed: DictConfig) -> None:
    """What Hydra calls for each cell, in this process or in a launcher's worker."""
    from harness.run import sweep

    config = load.validate_run(composed)
    running = _state.get("sweep")
    try:
        if running is not None:
            cell = running.run(config)
        else:
            entries = sweep.plan([config])
            with _terminate_like_interrupt(), sweep.Sweep(entries, show=click.echo) as own:
                cell = own.run(config)
    except KeyboardInterrupt:
        cli_track.after_cell(config)
        raise
    if cell is not None:
        cli_track.after_cell(config)


def _hydra(arguments: list[str]) -> None:
    sys.argv = ["harness run", *arguments]
    hydra.main(version_base="1.3", config_path=str(load.CONF_DIR), config_name="run")(_one_cell)()


def _hydra_arguments(arguments: list[str]) -> Any:
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    # argparse would print its usage and exit; it has no other hook.
    parser.error = _refuse  # type: ignore[method-assign]
    return parser.parse_args(arguments)


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"{message}; see harness run --help")


def _print_plan(entries: Sequence[Any]) -> None:
    for entry in entries:
        click.echo(f"{entry.cell_id}  [{entry.status}]")
        click.echo(f"  stages   {', '.join(entry.stages)}")
        if entry.command:
            env = " ".join(f"{name}={value}" for name, value in sorted(entry.env.items()))
            click.echo(f"  server   {env} {' '.join(entry.command)}")
        click.echo(
            f"  estimate {entry.estimate.tokens:,} tokens, about {entry.estimate.minutes:.0f}"
            " minutes (rough; from parameters and the machine's peak, not measured)"
        )
    due = [entry for entry in entries if entry.status != "done"]
    minutes = sum(entry.estimate.minutes for entry in due)
    click.echo(f"{len(due)} of {len(entries)} cells due, about {minutes:.0f} minutes")


class _Console:
    """Lines that stay and, on a terminal, one status line that moves."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("") if self._console.is_terminal else None

    def __enter__(self) -> "_Console":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def say(self, text: str) -> None:
        """Replace the status line."""
        if self._status:
            self._status.update(text)

    def show(self, text: str) -> None:
        """Print a line."""
        import datetime as dt

        self._console.print(f"{dt.datetime.now():%H:%M:%S} {text}", markup=False, soft_wrap=True)


class _terminate_like_interrupt:
    """SIGTERM and SIGHUP end a run as Ctrl-C does: record written, server stopped."""

    def __enter__(self) -> None:
        self._before = {
            number: signal.signal(number, self._raise) for number in (signal.SIGTERM, signal.SIGHUP)
        }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @staticmethod
    def _raise(number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt(signal.Signals(number).name)


def main() -> None:
    """Entry point of the `harness` command."""
    debug = "--debug" in sys.argv[1:]
    if debug:
        sys.argv = [sys.argv[0], *(a for a in sys.argv[1:] if a != "--debug")]
    # Hydra would print its own error and exit; with this it raises, and we print one line.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        cli(standalone_mode=False)
    except HarnessError as error:
        _fail(str(error), error.exit_code, debug)
    except click.ClickException as error:
        error.show()
        sys.exit(ConfigError.exit_code)
    except (KeyboardInterrupt, click.exceptions.Abort):
        _fail("stopped by a signal; records are complete, the same command goes on", 130, debug)
    except Exception as error:  # a bug of ours: still one line, the traceback on request
        _fail(f"{type(error).__name__}: {error} (a bug; --debug shows where)", 1, debug)


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    if debug:
        import traceback

        traceback.print_exc()
    for line in message.splitlines():
        click.echo(f"error: {line}", err=True)
    sys.exit(code)
