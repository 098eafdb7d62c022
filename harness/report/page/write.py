"""The page for procurement and legal: one file, no network, good on paper."""

import json
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from harness.records.store import write_text
from harness.report import leads
from harness.report.chosen import in_detail
from harness.report.clean import clean, clean_all
from harness.report.evidence import MARKS, MEANINGS, evidence_of
from harness.report.join import Table
from harness.report.naming import called
from harness.report.page import live, risk
from harness.report.page.cells import OF_DRAWS, groups, signed
from harness.report.page.curves import voids
from harness.report.page.library import library
from harness.report.page.plots import plots, without_plots
from harness.report.tables import DISCLAIMER, provenance
from harness.report.verdicts import plain

_MOST_CONTESTS = 12
_FEW = 0.005
"""A share of draws below this is not told."""
_SCRIPTS = ("rank.js", "state.js", "table.js", "charts.js", "knobs.js")
"""One script in this order: each uses what stands before it."""


def write_html(tables: Sequence[Table], path: Path) -> None:
    """Write the page for these buyers, the first one's in full; scripts and data are inside it."""
    table = tables[0]
    detailed = in_detail(table.rows)
    charts = plots(detailed)
    contests = [leads.contests(each) for each in tables]
    html = _template().render(
        disclaimer=DISCLAIMER,
        cpu=any(row.cell.cpu_only for row in table.rows),
        origins=Counter(row.cell.origin.evidence for row in table.rows if row.cell.origin),
        day=table.day,
        buyer=plain(table),
        buyers=[plain(each) for each in tables],
        marks=[(kind, MARKS[kind], meaning) for kind, meaning in MEANINGS.items()],
        signs=MARKS,
        of_draws=OF_DRAWS,
        gates=risk.gates(tables),
        why=risk.why(tables),
        verdict=_verdict(contests),
        contests=len(contests[0]),
        stability=[(content, _told(shares)) for content, shares in leads.stability(table)],
        cheapest=[
            (_question(each), _told(each.shares))
            for each in contests[0][:_MOST_CONTESTS]
            if len(each.shares) > 1
        ],
        draws=leads.MOST_DRAWS,
        cells=len(table.rows),
        detailed=len(detailed),
        groups=groups(detailed, plain(table)),
        evidence=risk.evidence(table),
        charts=[chart for chart in charts if chart["spec"]],
        without_plots=without_plots(detailed),
        voids=voids(detailed, called(detailed)),
        missing=[chart["title"] for chart in charts if not chart["spec"]],
        specs=_script_json([chart["spec"] for chart in charts if chart["spec"]]),
        live=_script_json(live.payload(tables)),
        style=_packaged("style.css"),
        script="\n".join(_packaged(name) for name in _SCRIPTS),
        library=library(),
        provenance=provenance(table),
    )
    write_text(path, html)


def _question(contest: leads.Contest) -> str:
    counted = "output tokens" if contest.basis.endswith("output") else "all tokens"
    return f"{contest.workload}, by {counted}"


def _verdict(contests: Sequence[Sequence[leads.Contest]]) -> list[dict[str, Any]]:
    """Per workload the leader of each buyer, as the first table says it."""
    return [
        {"question": _question(each[0]), "leaders": [_leader(contest) for contest in each]}
        for each in list(zip(*contests, strict=True))[:_MOST_CONTESTS]
    ]


def _leader(contest: leads.Contest) -> dict[str, str]:
    able = f"{len(contest.shares)} of {contest.models} models may be ranked"
    found = contest.leader
    if found is None:
        return {"model": "", "usd": "", "text": f"none: {able}", "kind": "missing"}
    evidence = found.row.text("evidence")
    usd = signed(f"{found.usd:.3g} USD", "estimated")
    origin = signed(evidence.split(";")[0], evidence_of(evidence))
    text = f"per million; its bill: {origin}; {able}"
    if len(contest.shares) > 1:
        text = f"{text}; stays cheapest in {found.share:.0%} of the draws"
    return {"model": found.name, "usd": usd, "text": text, "kind": ""}


def _told(shares: Sequence[tuple[str, float]]) -> str:
    """The shares as a sentence's end; the small ones as one."""
    told = [f"{name} in {share:.0%}" for name, share in shares if share >= _FEW]
    rest = len(shares) - len(told)
    if rest:
        told.append(f"{'the other' if rest == 1 else f'each of the other {rest}'} in less than 1%")
    return ", ".join(told)


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in, its texts made safe to show."""
    return json.dumps(clean_all(value), separators=(",", ":")).replace("<", "\\u003c")


def _packaged(name: str) -> str:
    return resources.files("harness.report.page").joinpath(name).read_text("utf-8")


def _shown(value: Any) -> Any:
    """Every text that the template shows is made safe to show; ours, marked as such, is."""
    ours = hasattr(value, "__html__")
    return clean(value) if isinstance(value, str) and not ours else value


def _template() -> jinja2.Template:
    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=_shown)
    return made.from_string(_packaged("page.html.j2"))
