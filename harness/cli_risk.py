"""The commands of `harness risk`: questions to registry and lists, answered with sources."""

import datetime as dt
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli_lists import DAY, lists, print_json
from harness.config import load
from harness.config.judge import Deployment, JudgeConfig
from harness.errors import ConfigError, FactError

if TYPE_CHECKING:
    from harness.risk.assess import Assessment
    from harness.risk.gates import Reason
    from harness.risk.registry import Model, Registry

_NOT_ADVICE = "Evidence and arithmetic, not legal advice."


@click.group()
def risk() -> None:
    """Who made a model, under which law, on which lists, what it was derived from.

    \b
    harness risk score Qwen/Qwen3-8B openai/gpt-oss-20b --buyer us_private
    harness risk explain Qwen/Qwen3-8B --buyer us_defence_contractor
    harness risk screen "Knowledge Atlas Technology"

    Evidence and arithmetic, not legal advice. docs/risk.md has the rubric and the formulas.
    """


@dataclass(frozen=True)
class _Question:
    """What every question says: whose facts, which day, for whom, and how to answer."""

    judge: JudgeConfig
    registry: "Registry"
    day: dt.date
    deployment: Deployment | None  # None: the buyer's
    as_json: bool


def _asked(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of every question; it gets them as one `asked`."""

    @functools.wraps(command)
    def answered(
        *args: Any,
        config_dir: str | None,
        facts: tuple[Path, ...],
        as_of: dt.datetime | None,
        as_json: bool,
        buyer: str = "us_private",
        deployment: Deployment | None = None,
        **kwargs: Any,
    ) -> None:
        judge, registry, day = _settings(facts, config_dir, as_of, buyer)
        asked = _Question(judge, registry, day, deployment, as_json)
        command(*args, asked=asked, **kwargs)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        click.option(
            "--facts",
            multiple=True,
            type=click.Path(path_type=Path),
            help="A folder with facts of your own, laid over the shipped ones; may be repeated.",
        ),
        click.option("--config-dir", help="A folder with further options for risk and buyer."),
        click.option("--as-of", type=DAY, help="State of that day; default: today."),
    ):
        answered = option(answered)
    return answered


def _bought(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a question that depends on the buyer."""
    asked = _asked(command)
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
        asked = option(asked)
    return asked


def _settings(
    facts: Sequence[Path], config_dir: str | None, as_of: dt.datetime | None, buyer: str
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
            hint = f"; do you mean {near[0]}? Else," if near else ";"
            raise FactError(
                f"{name}: not assessed, the registry has no entry{hint} to add it:"
                f" harness risk add model {name}"
            )
        found.append(model)
    return found


@risk.command()
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option("--since", type=DAY, help="History: one row per day on which facts changed.")
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
    asked: _Question,
) -> None:
    """Gate, score and hazard of models (all of the registry if none is named).

    \b
    harness risk score Qwen/Qwen3-8B openai/gpt-oss-20b
    harness risk score deepseek-ai/DeepSeek-V3 --since 2024-01-01 --plot deepseek.svg
    """
    from harness.risk.compare import Subject, compare, over_time

    found_models = _models(asked.registry, models)
    if plot and not since:
        raise ConfigError("--plot draws a history; give its first day with --since")
    if since:
        history = over_time(
            asked.registry, found_models, asked.judge, since.date(), asked.day, asked.deployment
        )
        if plot:
            from harness.report.history import draw

            draw(history, plot)
        if asked.as_json:
            print_json([point.model_dump(mode="json") for point in history])
            return
        for point in history:
            click.echo(
                f"{point.on}  {point.model:48}  {point.gate:14}"
                f"  {point.median:.2f} [{point.low:.2f}, {point.high:.2f}]"
            )
        click.echo(str(plot) if plot else _NOT_ADVICE)
        return
    subjects = [Subject(model, asked.deployment) for model in found_models]
    found = compare(asked.registry, subjects, asked.judge.buyer, asked.judge.risk, asked.day)
    if asked.as_json:
        print_json(found.model_dump(mode="json"))
        return
    for line in found.lines():
        click.echo(line)
    click.echo(_NOT_ADVICE)


@risk.command()
@click.argument("name", metavar="MODEL")
@_bought
def explain(
    name: str,
    asked: _Question,
) -> None:
    """The tree from gate and factors down to each fact and its source.

    \b
    harness risk explain nvidia/OpenReasoning-Nemotron-14B --buyer us_defence_contractor
    """
    from harness.risk.assess import assess

    [model] = _models(asked.registry, [name])
    judge = asked.judge
    found = assess(asked.registry, model, judge.buyer, judge.risk, asked.day, asked.deployment)
    if asked.as_json:
        print_json(found.model_dump(mode="json"))
        return
    weights = {str(key): weight for key, weight in judge.risk.weights.items()}
    _tree(found, judge.buyer.profile, asked.day, weights)
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
    asked: _Question,
) -> None:
    """Look names up in the lists at hand; or every party of the registry.

    Hits come from identifiers, aliases and exact names; what only looks alike is a proposal that
    a person has to rule on. A clean result covers the lists shown and no others.
    """
    from harness.risk.screen_lists import screen_lists

    if not names and not whole:
        raise ConfigError("name somebody, or --registry for every party")
    found = screen_lists(asked.registry, names, asked.judge.risk, asked.day)
    if asked.as_json:
        print_json(found.model_dump(mode="json"))
        return
    for line in found.lines():
        click.echo(line)


@risk.command()
@_asked
def check(
    asked: _Question,
) -> None:
    """Check the registry: schema, staleness, lineage, citations, proposals nobody has ruled on.

    Exits with 5 while a proposal waits for a ruling, or an entry ruled on has changed.
    """
    from harness.risk.check import check as run

    found = run(asked.registry, asked.judge.risk, asked.day)
    if asked.as_json:
        print_json(found.model_dump(mode="json"))
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
    asked: _Question,
) -> None:
    """Concentration of a set of models by developer and jurisdiction, and what would stop it.

    \b
    harness risk portfolio Qwen/Qwen3-8B=0.6 openai/gpt-oss-20b=0.4 --buyer us_private
    """
    from harness import resilience
    from harness.risk.portfolio import portfolio as judge_portfolio

    judge, held = asked.judge, {}
    for text in shares:
        name, _, share = text.rpartition("=")
        try:
            value = float(share)
        except ValueError as error:
            raise ConfigError(f"{text}: give MODEL=SHARE, e.g. openai/gpt-oss-20b=0.5") from error
        [model] = _models(asked.registry, [name])
        held[model.key] = (model, value)
    total = sum(share for _, share in held.values())
    if abs(total - 1) > 1e-6 or min(share for _, share in held.values()) < 0:
        raise ConfigError(f"the shares sum to {total:g}, not 1, or one is negative")
    found = judge_portfolio(
        asked.registry, held, judge.buyer, judge.risk, asked.day, asked.deployment
    )
    index = {
        "hhi_developers": resilience.herfindahl(found.developers),
        "hhi_jurisdictions": resilience.herfindahl(found.jurisdictions),
    }
    if asked.as_json:
        print_json({**found.model_dump(mode="json"), **index})
        return
    click.echo(f"{judge.buyer.profile}, as of {asked.day}; shares of traffic")
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
@click.option("--from", "first", type=DAY, required=True, help="The earlier day.")
@click.option("--to", "last", type=DAY, help="The later day; default: today.")
@_bought
def diff(
    first: dt.datetime,
    last: dt.datetime | None,
    asked: _Question,
) -> None:
    """What began or ended between two days, and which models it moves for this buyer."""
    from harness.risk.history import changes, moved

    start, end = first.date(), last.date() if last else asked.day
    if not start < end <= dt.date.today():
        raise ConfigError(f"--from {start} must lie before --to {end}, and that not in the future")
    facts_changed = changes(asked.registry, start, end)
    judge = asked.judge
    models = moved(asked.registry, judge.buyer, judge.risk, start, end, asked.deployment)
    if asked.as_json:
        print_json(
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


risk.add_command(lists)
