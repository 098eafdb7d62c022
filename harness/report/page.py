"""The page for procurement and legal: one file, no network, good on paper."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import pandas as pd
import vl_convert

from harness.config.judge import FactorName
from harness.records.store import write_text
from harness.report.columns import BY_KEY
from harness.report.join import Table
from harness.report.rows import Figure, Row
from harness.report.tables import DISCLAIMER, cell_text, provenance, title

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
    ("Fine-tuning effort", ("model", "finetune_gain", "finetune_seconds", "finetune_tokens",
        "finetune_peak_memory_gib", "finetune_cost_usd")),
    ("Risk", ("model", "deployment", "gate", "risk_score", "risk_score_strict", "risk_rank",
        "risk_ties", "risk_factors", "risk_sensitivity")),
    ("Withdrawal", ("model", "withdrawal_hazard_per_year", "withdrawal_hazard_parts", "fallback",
        "switch_cost_usd", "break_even_hazard_per_year", "risk_adjusted_usd_per_mtok_total",
        "below_fallback_share", "warm_fallback_usd", "recovery_days")),
    ("Provenance", ("model", "model_key", "developer", "weights_provenance", "workload",
        "cell_id")),
)  # fmt: skip


def chart(table: Table, x: str, y: str, heading: str) -> alt.LayerChart | None:
    """Two figures of each model against each other, with their intervals; None without points."""
    points = []
    for row in table.rows:
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


def write_html(table: Table, path: Path) -> None:
    """Write the page; scripts and data are inside it."""
    charts: list[dict[str, Any]] = []
    for x, y, heading in PLOTS:
        made = chart(table, x, y, heading)
        spec = json.loads(made.to_json()) if made else None
        charts.append({"title": heading, "spec": spec})
    html = _template().render(
        disclaimer=DISCLAIMER,
        cpu=any(row.cell.cpu_only for row in table.rows),
        day=table.day,
        buyer=table.judge.buyer.profile.replace("_", " "),
        groups=[
            {
                "title": heading,
                "columns": [{"title": title(BY_KEY[key])} for key in keys],
                "rows": [[_shown(row, key) for key in keys] for row in table.rows],
            }
            for heading, keys in GROUPS
        ],
        evidence=[
            {
                "model": row.text("model"),
                "factors": _factors(row, table.judge.risk.weights),
                "reason": row.text("risk_factors"),
            }
            for row in table.rows
        ],
        charts=charts,
        specs=_script_json([chart["spec"] for chart in charts if chart["spec"]]),
        library=_library(),
        provenance=provenance(table),
    )
    write_text(path, html)


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
    return json.dumps(value).replace("<", "\\u003c")


def _library() -> str:
    code: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return code.replace("</script", "<\\/script")


def _template() -> jinja2.Template:
    text = resources.files("harness.report").joinpath("page.html.j2").read_text("utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
