"""The summary's columns: key, title, unit, meaning. Definitions in full: docs/metrics.md."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """One column; a figure also has low, high, n, and the record that it comes from."""

    key: str
    title: str
    kind: Literal["text", "figure"]
    unit: str = ""
    digits: int = 3
    better: Literal["low", "high", ""] = ""


COLUMNS = (
    Column("model", "Model", "text"),
    Column("model_key", "Repo", "text"),
    Column("developer", "Developer", "text"),
    Column("headquarters", "Headquarters", "text"),
    Column("jurisdictions", "Jurisdictions of the weights", "text"),
    Column("licence", "Licence", "text"),
    Column("weights_provenance", "Where the weights came from", "text"),
    Column("hardware", "Hardware", "text"),
    Column("evidence", "Evidence", "text"),
    Column("workload", "Workload", "text"),
    Column("dtype", "Data type", "text"),
    Column("level", "Load level", "text"),
    Column("output_tok_per_s", "Output throughput", "figure", "tok/s", 1, "high"),
    Column("ttft_p50_s", "TTFT p50", "figure", "s", 2, "low"),
    Column("ttft_p99_s", "TTFT p99", "figure", "s", 2, "low"),
    Column("itl_p50_s", "ITL p50", "figure", "s", 3, "low"),
    Column("tpot_p50_s", "TPOT p50", "figure", "s", 3, "low"),
    Column("e2e_p50_s", "E2E p50", "figure", "s", 2, "low"),
    Column("energy_j_per_output_tok", "Energy per output token", "figure", "J", 2, "low"),
    Column(
        "energy_usd_per_mtok_output",
        "Energy cost per million output tokens",
        "figure",
        "USD",
        4,
        "low",
    ),
    Column("cost_usd_per_mtok_output", "Cost per million output tokens", "figure", "USD", 3, "low"),
    Column(
        "cost_usd_per_mtok_total", "Cost per million tokens, in and out", "figure", "USD", 3, "low"
    ),
    Column(
        "cost_at_low_price_usd_per_mtok_output", "... at the low price", "figure", "USD", 3, "low"
    ),
    Column(
        "cost_at_high_price_usd_per_mtok_output", "... at the high price", "figure", "USD", 3, "low"
    ),
    Column("accuracy_en", "HellaSwag, acc_norm", "figure", "share", 3, "high"),
    Column("accuracy_maths", "GSM8K, flexible extract", "figure", "share", 3, "high"),
    Column("accuracy_zh", "Chinese exam, acc", "figure", "share", 3, "high"),
    Column("accuracy_conditions", "How accuracy was measured", "text"),
    Column("cost_usd_per_correct", "Cost per correct GSM8K answer", "figure", "USD", 6, "low"),
    Column("finetune_gain", "Fine-tuning: held-out gain", "figure", "share", 3, "high"),
    Column("finetune_seconds", "Fine-tuning: time", "figure", "s", 0, "low"),
    Column("finetune_tokens", "Fine-tuning: tokens", "figure", "tokens", 0, "low"),
    Column("finetune_peak_memory_gib", "Fine-tuning: peak memory", "figure", "GiB", 2, "low"),
    Column("finetune_cost_usd", "Fine-tuning: cost", "figure", "USD", 4, "low"),
    Column("gate", "Gate for this buyer", "text"),
    Column("gate_reasons", "Why", "text"),
    Column("risk_score", "Risk score, middle of its interval", "figure", "0 to 1", 2, "low"),
    Column("risk_factors", "Factors (weight x interval)", "text"),
    Column("risk_evidence", "Evidence for the factors", "text"),
    Column(
        "withdrawal_hazard_per_year", "Assumed hazard of withdrawal", "figure", "1/year", 3, "low"
    ),
    Column("fallback", "Fallback used for resilience", "text"),
    Column("break_even_hazard_per_year", "Break-even hazard", "figure", "1/year", 4),
    Column(
        "risk_adjusted_usd_per_mtok_total",
        "Risk-adjusted cost per million tokens",
        "figure",
        "USD",
        3,
        "low",
    ),
    Column("status", "Status", "text"),
    Column("cell_id", "Cell", "text"),
)
BY_KEY = {column.key: column for column in COLUMNS}
