"""The page for procurement and legal: one file, no network, good on paper."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import pandas as pd
import vl_convert

from harness.config.judge import FactorName
from harness.records.store import write_text
from harness.report import live
from harness.report.columns import BY_KEY
from harness.report.join import Table
from harness.report.rows import Figure, Row
from harness.report.tables import DISCLAIMER, cell_text, provenance, title

MOST_IN_DETAIL = 40
"""Cells whose every column stands in the page; the table at its top has all of them."""
PLOTS = (
    ("bill_usd_per_mtok_total", "accuracy_en", "Cost against accuracy (English)"),
    ("bill_usd_per_mtok_total", "accuracy_zh", "Cost against accuracy (Chinese)"),
    ("bill_usd_per_mtok_total", "risk_score", "Cost against risk"),
)
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
        "risk_adjusted_usd_per_mtok_output",
        "below_fallback_share", "warm_fallback_usd", "recovery_days")),
    ("Provenance", ("model", "model_key", "developer", "weights_provenance", "workload",
        "cell_id")),
)  # fmt: skip


def chart(rows: Sequence[Row], x: str, y: str, heading: str) -> alt.LayerChart | None:
    """Two figures of each model against each other, with their intervals; None without points."""
    points = []
    for row in rows:
        fx, fy = row.figure(x), row.figure(y)
        if fx.value is not None and fy.value is not None:
            points.append(
                {
                    "model": row.text("model"),
                    "evidence": row.text("evidence"),
                    "x": fx.value,
                    "x_low": fx.value if fx.low is None else fx.low,
                    "x_high": fx.value if fx.high is None else fx.high,
                    "y": fy.value,
                    "y_low": fy.value if fy.low is None else fy.low,
                    "y_high": fy.value if fy.high is None else fy.high,
                    "shown": f"{cell_text(row, BY_KEY[x])}; {cell_text(row, BY_KEY[y])}",
                }
            )
    if not points:
        return None
    x_axis = alt.X("x:Q", title=title(BY_KEY[x]), scale=alt.Scale(zero=True))
    y_axis = alt.Y("y:Q", title=title(BY_KEY[y]), scale=alt.Scale(zero=True))
    base = alt.Chart(pd.DataFrame(points))
    marks = base.mark_point(filled=True, size=110).encode(
        x=x_axis,
        y=y_axis,
        color=alt.Color("model:N", title="Model"),
        shape=alt.Shape("model:N", legend=None),
        tooltip=[alt.Tooltip("model:N"), alt.Tooltip("shown:N"), alt.Tooltip("evidence:N")],
    )
    across = base.mark_rule(opacity=0.6).encode(
        x="x_low:Q", x2="x_high:Q", y="y:Q", color="model:N"
    )
    along = base.mark_rule(opacity=0.6).encode(x="x:Q", y="y_low:Q", y2="y_high:Q", color="model:N")
    return (across + along + marks).properties(
        title=heading, width="container", height=300, description=f"{heading}, one mark per model"
    )


def curves(rows: Sequence[Row]) -> alt.LayerChart | None:
    """Throughput against latency: each valid load level of each cell; None without two levels."""
    points = [
        {
            "model": f"{row.text('model')}, {row.text('workload')}",
            "level": level.name,
            "rate": level.output_tok_per_s.value,
            "ttft": level.ttft_s.p50.value,
        }
        for row in rows
        for level in row.cell.levels
        if not level.void and level.output_tok_per_s and level.ttft_s.p50
    ]
    if len(points) < 2:
        return None
    base = alt.Chart(pd.DataFrame(points)).encode(
        x=alt.X("rate:Q", title="Output throughput (tok/s)"),
        y=alt.Y("ttft:Q", title="TTFT p50 (s)"),
        color=alt.Color("model:N", title="Model, workload"),
    )
    marks = base.mark_point(filled=True).encode(tooltip=["model:N", "level:N", "rate:Q", "ttft:Q"])
    heading = "Throughput against time to first token, by load level"
    return (base.mark_line() + marks).properties(
        title=heading, width="container", height=300, description=heading
    )


def correct(rows: Sequence[Row]) -> alt.LayerChart | None:
    """Cost of a right answer with its interval; None where no model has one."""
    points = []
    for row in rows:
        figure = row.figure("cost_usd_per_correct")
        if figure.value is not None:
            points.append(
                {
                    "model": row.text("model"),
                    "usd": figure.value,
                    "low": figure.value if figure.low is None else figure.low,
                    "high": figure.value if figure.high is None else figure.high,
                }
            )
    if not points:
        return None
    base = alt.Chart(pd.DataFrame(points)).encode(y=alt.Y("model:N", title=None))
    bars = base.mark_bar(opacity=0.7).encode(x=alt.X("usd:Q", title="USD per right GSM8K answer"))
    heading = "Cost per right answer"
    return (bars + base.mark_rule().encode(x="low:Q", x2="high:Q")).properties(
        title=heading, width="container", height={"step": 26}, description=heading
    )


def learning(rows: Sequence[Row]) -> alt.LayerChart | None:
    """Training loss against the bytes of text trained on, of the cells that kept their curve."""
    points = []
    for row in rows:
        tuned, path = row.cell.finetune, row.folder / "finetune" / "outcome.json"
        if tuned is None or not path.exists():
            continue
        curve = json.loads(path.read_text("utf-8")).get("curve") or []
        steps = max((each["step"] for each in curve), default=0)
        points += [
            {
                "model": row.text("model"),
                "bytes": tuned.train_completion_bytes * each["step"] / steps,
                "loss": each["loss"],
            }
            for each in curve
            if steps and "loss" in each
        ]
    if not points:
        return None
    heading = "Learning curves"
    base = alt.Chart(pd.DataFrame(points)).encode(
        x=alt.X("bytes:Q", title="Bytes of answers trained on, passes counted"),
        y=alt.Y("loss:Q", title="Training loss"),
        color=alt.Color("model:N", title="Model"),
    )
    return alt.layer(base.mark_line()).properties(
        title=heading, width="container", height=300, description=heading
    )


def write_html(tables: Sequence[Table], path: Path) -> None:
    """Write the page for these buyers, the first one's in full; scripts and data are inside it."""
    table = tables[0]
    detailed = table.rows[:MOST_IN_DETAIL]
    drawn = [(heading, chart(detailed, x, y, heading)) for x, y, heading in PLOTS]
    drawn += [
        ("Throughput against time to first token", curves(detailed)),
        ("Cost per right answer", correct(detailed)),
        ("Learning curves", learning(detailed)),
    ]
    charts: list[dict[str, Any]] = [
        {"title": heading, "spec": json.loads(made.to_json()) if made else None}
        for heading, made in drawn
    ]
    html = _template().render(
        disclaimer=DISCLAIMER,
        cpu=any(row.cell.cpu_only for row in table.rows),
        borrowed=sum(row.cell.origin is not None for row in table.rows),
        day=table.day,
        buyer=table.judge.buyer.profile.replace("_", " "),
        buyers=[each.judge.buyer.profile.replace("_", " ") for each in tables],
        verdicts=_verdicts(tables),
        stability=live.stability(table),
        cheapest=live.cheapest(table),
        cells=len(table.rows),
        detailed=len(detailed),
        groups=[
            {
                "title": heading,
                "columns": [{"title": title(BY_KEY[key])} for key in keys],
                "rows": [[_shown(row, key) for key in keys] for row in detailed],
            }
            for heading, keys in GROUPS
        ],
        evidence=[
            {
                "model": row.text("model"),
                "factors": _factors(row, table.judge.risk.weights),
                "reason": row.text("risk_factors"),
            }
            for row in _one_each(table.rows)
        ],
        charts=charts,
        specs=_script_json([chart["spec"] for chart in charts if chart["spec"]]),
        live=_script_json(live.payload(tables)),
        script=_packaged("page.js"),
        library=_library(),
        provenance=provenance(table),
    )
    write_text(path, html)


def _one_each(rows: Sequence[Row]) -> list[Row]:
    """The first row of each model and way of use: risk is theirs, not a cell's."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        found.setdefault((row.text("model_key"), row.text("deployment")), row)
    return list(found.values())


def _verdicts(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """Per model the gate of each buyer, with its reasons."""
    return [
        {
            "model": rows[0].text("model"),
            "headquarters": rows[0].text("headquarters"),
            "gates": [
                {"gate": row.text("gate").replace("_", " "), "why": row.text("gate_reasons")}
                for row in rows
            ],
        }
        for rows in zip(*(_one_each(table.rows) for table in tables), strict=True)
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


def _shown(row: Any, key: str) -> dict[str, str]:
    value = row.values[key]
    source = value.source if isinstance(value, Figure) else ""
    missing = isinstance(value, Figure) and value.value is None
    return {
        "text": cell_text(row, BY_KEY[key]),
        "source": source,
        "missing": "missing" if missing else "",
    }


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _library() -> str:
    code: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return code.replace("</script", "<\\/script")


def _packaged(name: str) -> str:
    return resources.files("harness.report").joinpath(name).read_text("utf-8")


def _template() -> jinja2.Template:
    text = _packaged("page.html.j2")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
