"""The page for procurement and legal: one file, no network, good on paper."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import jinja2

from harness.config.judge import FactorName
from harness.records.store import write_text
from harness.report import leads, live
from harness.report.chosen import in_detail
from harness.report.columns import BY_KEY
from harness.report.join import Table
from harness.report.page_library import library
from harness.report.page_plots import plots
from harness.report.rows import Figure, Row
from harness.report.tables import DISCLAIMER, cell_text, provenance, title

_MOST_CONTESTS = 12
_FEW = 0.005
"""A share of draws below this is not told."""
GROUPS = (
    ("Decision", ("model", "headquarters", "jurisdictions", "licence", "evidence", "gate",
        "gate_reasons", "bill_usd_per_mtok_total", "risk_adjusted_usd_per_mtok_total",
        "risk_score", "status")),
    ("Cost", ("model", "hardware", "split_usd_per_mtok_input", "split_usd_per_mtok_cached",
        "split_usd_per_mtok_output", "blend_usd_per_mtok_own", "cost_usd_per_1000_tasks",
        "cost_usd_per_correct", "bill_usd_per_mtok_total", "bill_usd_per_mtok_output")),
    ("Cost of other mixes and of text", ("model", "blend_usd_per_mtok_7_2_1",
        "blend_usd_per_mtok_3_1", "cost_usd_per_mb_en_input", "cost_usd_per_mb_en_output",
        "cost_usd_per_mb_zh_input", "cost_usd_per_mb_zh_output", "cost_usd_per_mb_code_input",
        "cost_usd_per_mb_code_output", "cost_conditions")),
    ("Energy", ("model", "energy_j_per_output_tok", "energy_j_per_answer", "idle_power_w",
        "energy_usd_per_mtok_output", "co2e_g_per_mtok_output", "co2e_g_per_answer")),
    ("Speed", ("model", "level", "output_tok_per_s", "repeats", "output_tok_per_s_restarts",
        "goodput_rps", "goodput_search", "mfu", "mbu", "headroom")),
    ("Latency", ("model", "level", "ttft_p50_s", "ttft_p99_s", "ttfa_p50_s", "itl_p50_s",
        "itl_p99_s", "tpot_p50_s", "tpot_p99_s", "e2e_p50_s", "e2e_p99_s")),
    ("How far the load can be trusted", ("model", "level", "void_levels", "client")),
    ("Accuracy", ("model", "dtype", "accuracy_en", "accuracy_maths", "accuracy_zh",
        "accuracy_conditions")),
    ("Behaviour", ("model", "evasion_gap_en", "evasion_gap_zh", "evasion_gap_es", "evasion_did_zh",
        "over_refusal_share", "hijack_share", "jailbreak_share", "insecure_code_share",
        "behaviour_conditions")),
    ("Fine-tuning effort", ("model", "finetune_gain", "finetune_seconds", "finetune_tokens",
        "finetune_peak_memory_gib", "finetune_cost_usd")),
    ("Risk", ("model", "deployment", "gate", "risk_score", "risk_score_strict", "risk_rank",
        "risk_ties", "risk_factors", "risk_sensitivity")),
    ("Withdrawal", ("model", "withdrawal_hazard_per_year", "withdrawal_hazard_parts", "fallback",
        "switch_cost_usd", "break_even_hazard_per_year", "risk_adjusted_usd_per_mtok_total",
        "risk_adjusted_usd_per_mtok_output", "ranked_usd_per_mtok", "ranked_cost_kind", "cost_rank",
        "below_fallback_share", "warm_fallback_usd", "recovery_days")),
    ("Provenance", ("model", "model_key", "developer", "weights_provenance", "workload",
        "cell_id")),
)  # fmt: skip


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
        buyer=table.judge.buyer.profile.replace("_", " "),
        buyers=[each.judge.buyer.profile.replace("_", " ") for each in tables],
        gates=_gates(tables),
        verdict=_verdict(contests),
        contests=len(contests[0]),
        stability=_told(leads.stability(table)),
        cheapest=[
            (_question(each), _told(each.shares))
            for each in contests[0][:_MOST_CONTESTS]
            if len(each.shares) > 1
        ],
        draws=leads.MOST_DRAWS,
        cells=len(table.rows),
        detailed=len(detailed),
        groups=[
            {
                "title": heading,
                "columns": [{"title": title(BY_KEY[key])} for key in keys],
                "rows": [[_shown(row, key) for key in keys] for row in detailed],
            }
            for heading, keys in _groups(detailed)
        ],
        evidence=_evidence(table),
        charts={
            "drawn": [chart["title"] for chart in charts if chart["spec"]],
            "missing": [chart["title"] for chart in charts if not chart["spec"]],
        },
        specs=_script_json([chart["spec"] for chart in charts if chart["spec"]]),
        live=_script_json(live.payload(tables)),
        style=_packaged("page.css"),
        script=_packaged("page.js"),
        library=library(),
        provenance=provenance(table),
    )
    write_text(path, html)


def _groups(rows: Sequence[Row]) -> list[tuple[str, Sequence[str]]]:
    """The groups of columns; with the workload beside the model where there are several."""
    if len({row.text("workload") for row in rows}) < 2:
        return list(GROUPS)
    return [
        (heading, keys if "workload" in keys else (keys[0], "workload", *keys[1:]))
        for heading, keys in GROUPS
    ]


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
        return {"model": "", "text": f"none: {able}", "kind": "missing"}
    text = f"{found.usd:.3g} USD per million; {found.row.text('evidence').split(';')[0]}; {able}"
    if len(contest.shares) > 1:
        text = f"{text}; stays cheapest in {found.share:.0%} of the draws"
    return {"model": found.row.text("model"), "text": text, "kind": ""}


def _told(shares: Sequence[tuple[str, float]]) -> str:
    """The shares as a sentence's end; the small ones as one."""
    told = [f"{name} in {share:.0%}" for name, share in shares if share >= _FEW]
    rest = len(shares) - len(told)
    if rest:
        told.append(f"{'the other' if rest == 1 else f'each of the other {rest}'} in less than 1%")
    return ", ".join(told)


def _one_each(rows: Sequence[Row]) -> list[Row]:
    """The first row of each model and way of use: risk is theirs, not a cell's."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        found.setdefault((row.text("model_key"), row.text("deployment")), row)
    return list(found.values())


def _gates(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """Per model and way of use the gate of each buyer, with its reasons."""
    called = live.ways(tables[0].rows)
    return [
        {
            "model": called[rows[0].text("model"), rows[0].text("deployment")],
            "headquarters": rows[0].text("headquarters"),
            "gates": [
                {"gate": row.text("gate").replace("_", " "), "why": row.text("gate_reasons")}
                for row in rows
            ],
        }
        for rows in zip(*(_one_each(table.rows) for table in tables), strict=True)
    ]


def _evidence(table: Table) -> list[dict[str, Any]]:
    """Per model and way of use its factors; those with some numbered as the live data does."""
    called, assessed = live.ways(table.rows), count()
    return [
        {
            "model": called[row.text("model"), row.text("deployment")],
            "kind": None if row.judged is None else next(assessed),
            "factors": _factors(row, table.judge.risk.weights),
            "reason": row.text("risk_factors"),
        }
        for row in _one_each(table.rows)
    ]


def _factors(row: Row, weights: Mapping[FactorName, float]) -> list[dict[str, Any]]:
    """Factors of a row with their reasons; none where the model is not assessed."""
    if row.judged is None:
        return []
    return [
        {
            "name": f.name.replace("_", " "),
            "weight": weights[f.name],
            "low": f.low,
            "high": f.high,
            "reasons": f.reasons,
        }
        for f in row.judged.assessment.factors
    ]


def _shown(row: Row, key: str) -> dict[str, str]:
    value = row.values[key]
    kind = "missing" if isinstance(value, Figure) and value.value is None else ""
    if key == "evidence":
        kind = f"evidence {row.text(key).split(' ', maxsplit=1)[0]}"
    return {
        "text": cell_text(row, BY_KEY[key]),
        "source": value.source if isinstance(value, Figure) else "",
        "kind": kind,
    }


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _packaged(name: str) -> str:
    return resources.files("harness.report").joinpath(name).read_text("utf-8")


def _template() -> jinja2.Template:
    text = _packaged("page.html.j2")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
