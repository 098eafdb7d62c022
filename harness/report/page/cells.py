"""The page's tables of figures: which columns stand together, and how a figure reads."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.report.columns import BY_KEY, Column
from harness.report.evidence import MARKS, Evidence, figure_evidence
from harness.report.naming import Use, called, use_of
from harness.report.rows import Figure, Row
from harness.report.tables import cell_text, show, title

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
    ("Hazard of withdrawal", ("model", "withdrawal_hazard_per_year", "withdrawal_hazard_parts",
        "fallback")),
    ("Cost of a withdrawal", ("model", "switch_cost_usd", "break_even_hazard_per_year",
        "risk_adjusted_usd_per_mtok_total", "risk_adjusted_usd_per_mtok_output",
        "below_fallback_share", "warm_fallback_usd", "recovery_days")),
    ("Cost that ranks", ("model", "cost_rank", "ranked_usd_per_mtok", "ranked_cost_kind")),
    ("Provenance", ("model", "model_key", "developer", "weights_provenance", "workload",
        "cell_id")),
)  # fmt: skip
OF_DRAWS = (
    f"Brackets round an estimate ({MARKS['estimated']}) hold the 5% to 95% points of seeded draws"
    " of what is not known: for a score weights and unknown facts, for a cost of withdrawal also"
    " the bill and the price of moving. They are no confidence intervals. Beside them stands how"
    " many facts the score rests on, or how many draws were made."
)
_FACTS = ("risk_score", "risk_score_strict")
_PLAIN = "ranked_usd_per_mtok"


def groups(rows: Sequence[Row], buyer: str) -> list[dict[str, Any]]:
    """Each group's heading, columns and cells, and how its brackets are to be read."""
    names = called(rows)
    return [
        {
            "title": heading,
            "notes": _notes(keys, buyer),
            "columns": [title(BY_KEY[key]) for key in keys],
            "rows": [[cell(row, key, names) for key in keys] for row in rows],
        }
        for heading, keys in _columns(rows)
    ]


def _columns(rows: Sequence[Row]) -> list[tuple[str, Sequence[str]]]:
    """The groups of columns; with the workload beside the model where there are several."""
    if len({row.text("workload") for row in rows}) < 2:
        return list(GROUPS)
    return [
        (heading, keys if "workload" in keys else (keys[0], "workload", *keys[1:]))
        for heading, keys in GROUPS
    ]


def _notes(keys: Sequence[str], buyer: str) -> list[str]:
    judged = [BY_KEY[key] for key in keys if BY_KEY[key].judged]
    notes = [f"As judged for {buyer}."] if judged else []
    return [*notes, OF_DRAWS] if any(column.kind == "figure" for column in judged) else notes


def cell(row: Row, key: str, names: Mapping[Use, str]) -> dict[str, str]:
    """One cell: its text, where it comes from, and the classes that set it apart."""
    column, value = BY_KEY[key], row.values[key]
    if key == "model":
        return {"text": names[use_of(row)], "source": "", "kind": ""}
    if not isinstance(value, Figure):
        kind = f"evidence {row.text(key).split(' ', maxsplit=1)[0]}" if key == "evidence" else ""
        return {"text": cell_text(row, column), "source": "", "kind": kind}
    if value.value is None:
        return {"text": cell_text(row, column), "source": value.source, "kind": "missing"}
    kind = figure_evidence(row.text("evidence"), column)
    return {"text": figure(row, column), "source": value.source, "kind": f"figure {kind}"}


def figure(row: Row, column: Column) -> str:
    """A figure that there is, with the sign of what it is, its interval and what n counts."""
    value = row.figure(column.key)
    kind = figure_evidence(row.text("evidence"), column)
    if not _drawn(row, column):
        return signed(show(value, column), kind)
    counted = "" if value.n is None else f" {value.n:,} {counts(column.key)}"
    return signed(show(replace(value, n=None), column) + counted, kind)


def counts(key: str) -> str:
    """What n is for a figure that is judged."""
    return "facts" if key in _FACTS else "draws"


def _drawn(row: Row, column: Column) -> bool:
    """Whether the interval is one of draws; that of a bill without a fallback is the bill's."""
    return column.judged and not (column.key == _PLAIN and row.move is None)


def signed(text: str, kind: Evidence) -> str:
    """The text with the sign of what is not our measurement; so it says without colour."""
    return text if kind == "measured" else f"{MARKS[kind]} {text}"
