"""The commands of `harness risk`: questions to registry and lists, answered with sources."""

import datetime as dt
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.config import load
from harness.config.judge import Deployment, JudgeConfig
from harness.errors import ConfigError, FactError, HarnessError, SetupError

if TYPE_CHECKING:
    from harness.risk.assess import Assessment
    from harness.risk.gates import Reason
    from harness.risk.registry import Model, Registry

_C = TypeVar("_C", bound=Callable[..., Any])
_NOT_ADVICE = "Evidence and arithmetic, not legal advice."
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def risk() -> None:
    """Who made a model, under which law, on which lists, what it was derived from.

    \b
    harness risk score Qwen/Qwen3-8B openai/gpt-oss-20b --buyer us_private
    harness risk explain Qwen/Qwen3-8B --buyer us_defence_contractor
    harness risk screen "Knowledge Atlas Technology"

    Evidence and arithmetic, not legal advice. docs/risk.md has the rubric and the formulas.
    """


def _asked(command: _C) -> _C:
    """The options of every question."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        click.option(
            "--facts",
            multiple=True,
            type=click.Path(path_type=Path),
            help="A folder with facts of your own, laid over the shipped ones; may be repeated.",
        ),
        click.option("--config-dir", help="A folder with further options for risk and buyer."),
        click.option("--as-of", type=_DAY, help="State of that day; default: today."),
    ):
        command = option(command)
    return command


def _bought(command: _C) -> _C:
    """The options of a question that depends on the buyer."""
    for option in (
        click.option(
            "--deployment",
            type=click.Choice(["self_hosted", "in_region_cloud", "third_party", "developer_api"]),
            help="How the model is used; default: the buyer's.",
        ),
        click.option(
            "--buyer", default="us_private", show_default=True, help="A file of conf/buyer."
        ),
    ):
        command = option(command)
    return _asked(command)


def _settings(
    facts: Sequence[Path],
    config_dir: str | None,
    as_of: dt.datetime | None,
    buyer: str = "us_private",
) -> tuple[JudgeConfig, "Registry", dt.date]:
    from harness.risk.gates import check_buyer
    from harness.risk.load import load_registry

    overrides = [*load.search_path(config_dir), f"buyer={buyer}"]
    if as_of:
        overrides.append(f"risk.as_of='{as_of.date()}'")
    if facts:
        folders = ",".join(f"'{folder}'" for folder in facts)
        overrides.append(f"risk.registry_dirs=[{folders}]")
    judge = load.judge(overrides)
    day = judge.risk.as_of or dt.date.today()
    if day > dt.date.today():
        raise ConfigError(f"--as-of {day} is in the future")
    registry = load_registry(judge.risk.registry_dirs)
    check_buyer(registry, judge.buyer)
    return judge, registry, day


def _models(registry: "Registry", names: Sequence[str]) -> list["Model"]:
    found = []
    for name in names or sorted(registry.models):
        model = registry.find(name)
        if model is None:
            import difflib

            near = difflib.get_close_matches(name, registry.models, 1)
            hint = f"; do you mean {near[0]}?" if near else ""
            raise FactError(
                f"{name}: not assessed, the registry has no entry{hint} To add it:"
                f" harness risk add model {name}"
            )
        found.append(model)
    return found


@risk.command()
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option("--since", type=_DAY, help="History: one row per day on which facts changed.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="With --since: draw the history (.svg, .png or .html).",
)
@_bought
def score(
    models: tuple[str, ...],
    since: dt.datetime | None,
    plot: Path | None,
    buyer: str,
    deployment: Deployment | None,
    config_dir: str | None,
    facts: tuple[Path, ...],
    as_of: dt.datetime | None,
    as_json: bool,
) -> None:
    """Gate, score and hazard of models (all of the registry if none is named).

    \b
    harness risk score Qwen/Qwen3-8B openai/gpt-oss-20b
    harness risk score deepseek-ai/DeepSeek-V3 --since 2024-01-01 --plot deepseek.svg
    """
    from harness.risk.compare import Subject, compare, over_time

    judge, registry, day = _settings(facts, config_dir, as_of, buyer)
    asked = _models(registry, models)
    if since or plot:
        if not since:
            raise ConfigError("--plot draws a history; give its first day with --since")
        history = over_time(registry, asked, judge, since.date(), day, deployment)
        if plot:
            from harness.report.history import draw

            draw(history, plot)
        if as_json:
            _print_json([point.model_dump(mode="json") for point in history])
            return
        for point in history:
            click.echo(
                f"{point.on}  {point.model:48}  {point.gate:14}"
                f"  {point.median:.2f} [{point.low:.2f}, {point.high:.2f}]"
            )
        click.echo(str(plot) if plot else _NOT_ADVICE)
        return
    subjects = [Subject(model, deployment) for model in asked]
    found = compare(registry, subjects, judge.buyer, judge.risk, day)
    if as_json:
        _print_json(found.model_dump(mode="json"))
        return
    for line in found.lines():
        click.echo(line)
    click.echo(_NOT_ADVICE)


@risk.command()
@click.argument("name", metavar="MODEL")
@_bought
def explain(
    name: str,
    buyer: str,
    deployment: Deployment | None,
    config_dir: str | None,
    facts: tuple[Path, ...],
    as_of: dt.datetime | None,
    as_json: bool,
) -> None:
    """The tree from gate and factors down to each fact and its source.

    \b
    harness risk explain nvidia/OpenReasoning-Nemotron-14B --buyer us_defence_contractor
    """
    from harness.risk.assess import assess

    judge, registry, day = _settings(facts, config_dir, as_of, buyer)
    [model] = _models(registry, [name])
    found = assess(registry, model, judge.buyer, judge.risk, day, deployment)
    if as_json:
        _print_json(found.model_dump(mode="json"))
        return
    weights = {str(key): weight for key, weight in judge.risk.weights.items()}
    _tree(found, judge.buyer.profile, day, weights)
    click.echo(_NOT_ADVICE)


def _tree(found: "Assessment", buyer: str, day: dt.date, weights: dict[str, float]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    root = Tree(
        f"[bold]{escape(found.model)}[/bold], {escape(found.developer)},"
        f" {'/'.join(found.jurisdictions)}, licence {escape(found.licence)}, as of {day}"
    )
    if not found.named_revision:
        root.add("facts name no revision of this repo")
    days = f", {found.gate.days_left} days left" if found.gate.days_left else ""
    gate = root.add(
        f"gate for {buyer}, {found.deployment}: [bold]{found.gate.verdict}[/bold]{days}"
    )
    for reason in found.gate.reasons:
        gate.add(escape(_said(reason)))
    for reason in found.gate.pending:
        gate.add(escape(f"pending: {_said(reason)}"))
    for factor in found.factors:
        branch = root.add(
            f"{factor.name} [bold]{_span(factor.low, factor.high)}[/bold]"
            f" (weight {weights[factor.name]:g})"
        )
        for reason in factor.reasons:
            branch.add(escape(_said(reason)))
    for conflict in found.conflicts:
        root.add(escape(f"sources disagree: {conflict}"))
    if found.stale_facts:
        root.add(f"{found.stale_facts} of {found.facts} facts are past review")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # a file gets each fact on one line
    console.print(root)


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _said(reason: "Reason") -> str:
    """A reason in a line: verdict, path, text, and the fact behind it."""
    verdict = f"{reason.verdict}: " if reason.verdict else ""
    path = f"via {' <- '.join(reason.path[1:])}: " if len(reason.path) > 1 else ""
    fact = reason.fact
    if fact is None:
        return f"{verdict}{path}{reason.text}"
    dated = f"published {fact.published}" if fact.published else f"read {fact.read}"
    late = f", past review since {fact.review_by}" if reason.stale else ""
    at = f", {fact.at}" if fact.at else ""
    return (
        f"{verdict}{path}{reason.text}"
        f" ({fact.confidence}, {fact.publisher}, {dated}{late}: {fact.source}{at})"
    )


@risk.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--registry", "whole", is_flag=True, help="Screen every party of the registry.")
@_asked
def screen(
    names: tuple[str, ...],
    whole: bool,
    config_dir: str | None,
    facts: tuple[Path, ...],
    as_of: dt.datetime | None,
    as_json: bool,
) -> None:
    """Look names up in the lists at hand; or every party of the registry.

    Hits come from identifiers, aliases and exact names; what only looks alike is a proposal that
    a person has to rule on. A clean result covers the lists shown and no others.
    """
    from harness.risk.screen_lists import screen_lists

    if not names and not whole:
        raise ConfigError("name somebody, or --registry for every party")
    judge, registry, day = _settings(facts, config_dir, as_of)
    found = screen_lists(registry, names, judge.risk, day)
    if as_json:
        _print_json(found.model_dump(mode="json"))
        return
    for line in found.lines():
        click.echo(line)


@risk.group(invoke_without_command=True)
@click.option("--as-of", type=_DAY, help="Lists as held for that day; default: today.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def lists(context: click.Context, as_of: dt.datetime | None, as_json: bool) -> None:
    """The lists at hand: edition, rows, hash, and what each does not contain."""
    if context.invoked_subcommand:
        return
    from harness.risk.lists import snapshots

    held = snapshots.all_latest((as_of or dt.datetime.now()).date())
    if as_json:
        _print_json([snapshot.meta.model_dump(mode="json") for snapshot in held])
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


@risk.command()
@_asked
def check(
    config_dir: str | None,
    facts: tuple[Path, ...],
    as_of: dt.datetime | None,
    as_json: bool,
) -> None:
    """Check the registry: schema, staleness, lineage, citations, proposals nobody has ruled on.

    Exits with 5 while a proposal waits for a ruling, or an entry ruled on has changed.
    """
    from harness.risk.check import check as run

    judge, registry, day = _settings(facts, config_dir, as_of)
    found = run(registry, judge.risk, day)
    if as_json:
        _print_json(found.model_dump(mode="json"))
    else:
        for line in found.lines():
            click.echo(line)
    if found.faults:
        raise FactError(f"{len(found.faults)} faults in the registry; see above")


@risk.command()
@click.argument("shares", nargs=-1, required=True, metavar="MODEL=SHARE...")
@_bought
def portfolio(
    shares: tuple[str, ...],
    buyer: str,
    deployment: Deployment | None,
    config_dir: str | None,
    facts: tuple[Path, ...],
    as_of: dt.datetime | None,
    as_json: bool,
) -> None:
    """Concentration of a set of models by developer and jurisdiction, and what would stop it.

    \b
    harness risk portfolio Qwen/Qwen3-8B=0.6 openai/gpt-oss-20b=0.4 --buyer us_private
    """
    from harness import resilience
    from harness.risk.portfolio import portfolio as judge_portfolio

    judge, registry, day = _settings(facts, config_dir, as_of, buyer)
    asked = {}
    for text in shares:
        name, _, share = text.rpartition("=")
        try:
            value = float(share)
        except ValueError as error:
            raise ConfigError(f"{text}: give MODEL=SHARE, e.g. openai/gpt-oss-20b=0.5") from error
        [model] = _models(registry, [name])
        asked[model.key] = (model, value)
    total = sum(share for _, share in asked.values())
    if abs(total - 1) > 1e-6 or min(share for _, share in asked.values()) < 0:
        raise ConfigError(f"the shares sum to {total:g}, not 1, or one is negative")
    found = judge_portfolio(registry, asked, judge.buyer, judge.risk, day, deployment)
    index = {
        "hhi_developers": resilience.herfindahl(found.developers),
        "hhi_jurisdictions": resilience.herfindahl(found.jurisdictions),
    }
    if as_json:
        _print_json({**found.model_dump(mode="json"), **index})
        return
    click.echo(f"{judge.buyer.profile}, as of {day}; shares of traffic")
    for title, part in (
        (f"developers, HHI {index['hhi_developers']:.2f}", found.developers),
        (f"jurisdictions, HHI {index['hhi_jurisdictions']:.2f}", found.jurisdictions),
        ("stopped by one instrument in force or dated", found.in_force),
        ("would be stopped by one that is pending", found.pending),
    ):
        click.echo(f"{title}:")
        for name, part_share in part.items():
            click.echo(f"    {part_share:6.1%}  {name}")
        if not part:
            click.echo("    none")
    click.echo(f"stopped if everything pending passes: {found.if_all_pass:.1%}")
    fate = found.together
    if fate:
        click.echo(
            f"two or more developers listed within {judge.buyer.horizon_years:g} years:"
            f" {fate.within:.1%} with listings in batches ({fate.dates_per_year:.2f} dates a year,"
            f" each hits {fate.hit_share:.0%}), on one day {fate.at_once:.1%}; were each to come by"
            f" itself {fate.independent:.1%}"
        )
    click.echo(_NOT_ADVICE)


@risk.command()
@click.option("--from", "first", type=_DAY, required=True, help="The earlier day.")
@click.option("--to", "last", type=_DAY, help="The later day; default: today.")
@_bought
def diff(
    first: dt.datetime,
    last: dt.datetime | None,
    buyer: str,
    deployment: Deployment | None,
    config_dir: str | None,
    facts: tuple[Path, ...],
    as_of: dt.datetime | None,
    as_json: bool,
) -> None:
    """What began or ended between two days, and which models it moves for this buyer."""
    from harness.risk.history import changes, moved

    judge, registry, day = _settings(facts, config_dir, as_of, buyer)
    start, end = first.date(), last.date() if last else day
    if not start < end <= dt.date.today():
        raise ConfigError(f"--from {start} must lie before --to {end}, and that not in the future")
    facts_changed = changes(registry, start, end)
    models = moved(registry, judge.buyer, judge.risk, start, end, deployment)
    if as_json:
        _print_json(
            {
                "changes": [each.model_dump(mode="json") for each in facts_changed],
                "moved": [each.model_dump(mode="json") for each in models],
            }
        )
        return
    for change in facts_changed:
        click.echo(f"{change.on}  {change.what}  ({change.source})")
    for each in models:
        gate = f"{each.gate[0]} -> {each.gate[1]}" if each.gate[0] != each.gate[1] else each.gate[0]
        parts = [
            f"{name} {_span(*old)} -> {_span(*new)}" for name, (old, new) in each.factors.items()
        ]
        click.echo(f"{each.model:48}  {gate}  {'; '.join(parts)}")
    click.echo(f"{len(facts_changed)} changes, {len(models)} models moved. {_NOT_ADVICE}")


@risk.command()
@click.argument("kind", type=click.Choice(["model", "party", "instrument"]))
@click.argument("key")
def add(kind: Any, key: str) -> None:
    """Print a filled template of an entry; docs/risk.md says where it goes."""
    from harness.risk.templates import template

    click.echo(template(kind, key, dt.date.today()))


def _print_json(answer: Any) -> None:
    click.echo(json.dumps(answer, indent=1, ensure_ascii=False))
