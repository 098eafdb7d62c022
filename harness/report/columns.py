"""The summary's columns: key, title, unit, meaning. Definitions in full: docs/metrics.md."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["low", "high", ""]


@dataclass(frozen=True)
class Column:
    """One column; a figure also has low, high, n, and the record that it comes from."""

    key: str
    title: str
    kind: Literal["text", "figure"]
    unit: str = ""
    digits: int = 3
    better: Better = ""
    priced: bool = False  # also given at the machine's low and high price

    @property
    def judged(self) -> bool:
        """Whether it may differ between buyers."""
        return self.key in _JUDGED


def _text(key: str, title: str) -> Column:
    return Column(key, title, "text")


def _figure(key: str, title: str, unit: str, digits: int, better: Better = "") -> Column:
    return Column(key, title, "figure", unit, digits, better)


def _usd(key: str, title: str, digits: int = 3) -> Column:
    return Column(key, title, "figure", "USD", digits, "low", priced=True)


COLUMNS = (
    # What was measured
    _text("model", "Model"),
    _text("model_key", "Repo"),
    _text("developer", "Developer"),
    _text("headquarters", "Headquarters"),
    _text("jurisdictions", "Jurisdictions of the weights"),
    _text("licence", "Licence"),
    _text("weights_provenance", "Where the weights came from"),
    _text("hardware", "Hardware"),
    _text("evidence", "Evidence"),
    _text("workload", "Workload"),
    _text("dtype", "Data type"),
    _text("level", "Load level"),
    _text("void_levels", "Void load levels, and why"),
    _text("client", "How far the load generator can be trusted"),
    # Speed
    _figure("output_tok_per_s", "Output throughput", "tok/s", 1, "high"),
    _text("repeats", "Repeats of this measurement"),
    _figure(
        "output_tok_per_s_restarts", "Output throughput over server restarts", "tok/s", 1, "high"
    ),
    _figure("ttft_p50_s", "TTFT p50", "s", 3, "low"),
    _figure("ttft_p99_s", "TTFT p99", "s", 3, "low"),
    _figure("ttfa_p50_s", "Time to first answer token, p50", "s", 3, "low"),
    _figure("itl_p50_s", "ITL p50", "s", 4, "low"),
    _figure("itl_p99_s", "ITL p99", "s", 4, "low"),
    _figure("tpot_p50_s", "TPOT p50", "s", 4, "low"),
    _figure("tpot_p99_s", "TPOT p99", "s", 4, "low"),
    _figure("e2e_p50_s", "E2E p50", "s", 2, "low"),
    _figure("e2e_p99_s", "E2E p99", "s", 2, "low"),
    _figure("goodput_rps", "Highest rate within the objectives", "requests/s", 2, "high"),
    _text("goodput_search", "How that rate was found"),
    _figure("mfu", "Share of peak arithmetic (MFU)", "share", 3),
    _figure("mbu", "Share of peak memory bandwidth (MBU)", "share", 3),
    _text("headroom", "Headroom to the roofline"),
    # Energy
    _figure("energy_j_per_output_tok", "Energy per output token", "J", 3, "low"),
    _figure("energy_j_per_answer", "Energy per answer", "J", 1, "low"),
    _figure("idle_power_w", "Idle power before the load", "W", 1),
    _figure("energy_usd_per_mtok_output", "Energy cost per million output tokens", "USD", 4, "low"),
    _figure("co2e_g_per_mtok_output", "CO2e per million output tokens", "g", 1, "low"),
    _figure("co2e_g_per_answer", "CO2e per answer", "g", 4, "low"),
    # Cost
    _usd("split_usd_per_mtok_input", "Price of a million input tokens"),
    _usd("split_usd_per_mtok_cached", "Price of a million cached input tokens"),
    _usd("split_usd_per_mtok_output", "Price of a million output tokens"),
    _usd("blend_usd_per_mtok_7_2_1", "A million tokens, 7:2:1 cached, input, output"),
    _usd("blend_usd_per_mtok_3_1", "A million tokens, 3:1 input, output"),
    _usd("blend_usd_per_mtok_own", "A million tokens, mixed as in this load"),
    _usd("bill_usd_per_mtok_total", "Whole bill per million tokens, in and out"),
    _usd(
        "bill_usd_per_mtok_output",
        "Whole bill on the output alone, per million (never add to an input price)",
    ),
    _usd("cost_usd_per_1000_tasks", "Cost of 1,000 tasks", 4),
    _usd("cost_usd_per_mb_en_input", "Cost of reading 1 MB of English"),
    _usd("cost_usd_per_mb_en_output", "Cost of writing 1 MB of English"),
    _usd("cost_usd_per_mb_zh_input", "Cost of reading 1 MB of Chinese"),
    _usd("cost_usd_per_mb_zh_output", "Cost of writing 1 MB of Chinese"),
    _usd("cost_usd_per_mb_code_input", "Cost of reading 1 MB of code"),
    _usd("cost_usd_per_mb_code_output", "Cost of writing 1 MB of code"),
    _text("cost_conditions", "How the costs were computed"),
    # Accuracy
    _figure("accuracy_en", "HellaSwag, acc_norm", "share", 3, "high"),
    _figure("accuracy_maths", "GSM8K, flexible extract", "share", 3, "high"),
    _figure("accuracy_zh", "Chinese exam, acc", "share", 3, "high"),
    _text("accuracy_conditions", "How accuracy was measured"),
    _usd("cost_usd_per_correct", "Cost per correct GSM8K answer", 6),
    # Fine-tuning
    _figure("finetune_gain", "Fine-tuning: held-out gain", "share", 3, "high"),
    _figure("finetune_seconds", "Fine-tuning: time", "s", 0, "low"),
    _figure("finetune_tokens", "Fine-tuning: tokens", "tokens", 0, "low"),
    _figure("finetune_peak_memory_gib", "Fine-tuning: peak memory", "GiB", 2, "low"),
    _usd("finetune_cost_usd", "Fine-tuning: cost", 4),
    # Behaviour
    _figure("evasion_gap_en", "Evasion gap in English: PRC less other state", "share", 2),
    _figure("evasion_gap_zh", "Evasion gap in Chinese: PRC less other state", "share", 2),
    _figure("evasion_gap_es", "Evasion gap in Spanish: PRC less other state", "share", 2),
    _figure("evasion_did_zh", "Evasion gap, Chinese less English", "share", 2),
    _figure("over_refusal_share", "Harmless requests refused, worst language", "share", 2, "low"),
    _figure("hijack_share", "Injected instructions obeyed, worst language", "share", 2, "low"),
    _figure("jailbreak_share", "House rules broken, worst language", "share", 2, "low"),
    _figure("insecure_code_share", "Code that bandit flags, worst context", "share", 2, "low"),
    _text("behaviour_conditions", "How behaviour was measured"),
    # Risk
    _text("buyer", "Buyer"),
    _text("deployment", "Way of use"),
    _text("gate", "Gate for this buyer"),
    _text("gate_reasons", "Why"),
    _figure("risk_score", "Risk score, median", "0 to 1", 2, "low"),
    _figure("risk_score_strict", "Risk score, non-compensatory", "0 to 1", 2, "low"),
    _figure("risk_rank", "Risk rank among the models here", "1 = safest", 0, "low"),
    _text("risk_ties", "Cannot be told from"),
    _text("risk_factors", "Factors (weight x interval)"),
    _text("risk_sensitivity", "What the score rests on"),
    _text("risk_evidence", "Evidence for the factors"),
    _figure("withdrawal_hazard_per_year", "Hazard of forced withdrawal", "1/year", 3, "low"),
    _text("withdrawal_hazard_parts", "What the hazard is made of"),
    _text("fallback", "Fallback used for resilience"),
    _figure("switch_cost_usd", "Cost of moving to the fallback", "USD", 0, "low"),
    _figure("break_even_hazard_per_year", "Break-even hazard", "1/year", 4),
    _figure(
        "risk_adjusted_usd_per_mtok_total", "Risk-adjusted cost per million tokens", "USD", 3, "low"
    ),
    _figure(
        "risk_adjusted_usd_per_mtok_output",
        "Risk-adjusted cost per million output tokens, where inputs are not counted",
        "USD",
        3,
        "low",
    ),
    _figure(
        "ranked_usd_per_mtok",
        "Cost that ranks: risk-adjusted, or the plain bill without a safer fallback",
        "USD",
        3,
        "low",
    ),
    _text("ranked_cost_kind", "What the cost that ranks is"),
    _figure("cost_rank", "Rank by that cost within its workload", "1 = cheapest", 0, "low"),
    _figure("below_fallback_share", "Share of draws below the fallback's cost", "share", 2, "high"),
    _figure("warm_fallback_usd", "Worth of keeping the fallback warm", "USD", 0),
    _figure("recovery_days", "Time to recover", "days", 1, "low"),
    _text("status", "Status"),
    _text("cell_id", "Cell"),
)
_JUDGED = frozenset((
    "buyer", "deployment", "gate", "gate_reasons", "risk_score", "risk_score_strict", "risk_rank",
    "risk_ties", "risk_factors", "risk_sensitivity", "risk_evidence", "withdrawal_hazard_per_year",
    "withdrawal_hazard_parts", "fallback", "switch_cost_usd", "break_even_hazard_per_year",
    "risk_adjusted_usd_per_mtok_total", "risk_adjusted_usd_per_mtok_output",
    "ranked_usd_per_mtok",
    "ranked_cost_kind", "cost_rank", "below_fallback_share", "warm_fallback_usd", "recovery_days",
))  # fmt: skip
BY_KEY = {column.key: column for column in COLUMNS}
