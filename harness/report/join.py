"""Records + judgements -> one table; each figure keeps its sample size, interval and record."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from harness import cost, effort, resilience
from harness.config.judge import JudgeConfig, MachinePrice
from harness.errors import FactError
from harness.fields import Frozen
from harness.records import store
from harness.records.schema import Cell, Level, StageName
from harness.report.columns import COLUMNS
from harness.risk.assess import Assessment, assess
from harness.risk.facts import load_registry
from harness.stats import Estimate


class Figure(Frozen):
    """One number of the table, or the reason why there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str | None = None
    source: str = ""  # file under the sweep's folder, and what in it


@dataclass
class Row:
    """One cell of a sweep, judged."""

    cell: Cell
    folder: Path
    assessment: Assessment | None
    values: dict[str, str | Figure] = field(default_factory=dict)

    def figure(self, key: str) -> Figure:
        """A figure's column."""
        value = self.values[key]
        assert isinstance(value, Figure)
        return value

    def text(self, key: str) -> str:
        """A text column."""
        return str(self.values[key])


@dataclass(frozen=True)
class Table:
    """What a report shows."""

    rows: list[Row]
    judge: JudgeConfig
    day: dt.date
    sweeps: list[Path]

    def frame(self) -> pd.DataFrame:
        """Flat: a figure gives its value and <key>_low, _high, _n; a missing value its reason."""
        records = []
        for row in self.rows:
            flat: dict[str, Any] = {}
            for column in COLUMNS:
                value = row.values[column.key]
                if isinstance(value, Figure):
                    flat[column.key] = value.reason if value.value is None else value.value
                    flat |= {
                        f"{column.key}_low": value.low,
                        f"{column.key}_high": value.high,
                        f"{column.key}_n": value.n,
                    }
                else:
                    flat[column.key] = value
            records.append(flat)
        return pd.DataFrame(records).astype(object)


def join(sweeps: Sequence[Path], judge: JudgeConfig) -> Table:
    """Read the sweeps' records and judge them.

    Raises FactError for a sweep without records and for a machine without a price.
    """
    day = judge.risk.as_of or dt.date.today()
    registry = load_registry(judge.risk.registry_dirs)
    rows: list[Row] = []
    for sweep in sweeps:
        found = list(store.cells(sweep))
        if not found:
            raise FactError(f"{sweep}: no cell records there (a folder of results/ is expected)")
        for folder, cell in found:
            key = cell.config["model"]["key"]
            assessed = assess(registry, key, judge.buyer.profile, judge.risk.weights, day)
            row = Row(cell, folder, assessed)
            _measured(row)
            _priced(row, judge)
            _judged(row, judge)
            rows.append(row)
    for row in rows:
        _resilience(row, rows, judge)
    return Table(rows, judge, day, list(sweeps))


# --- measured --------------------------------------------------------------------------------


def _measured(row: Row) -> None:
    cell, config, values = row.cell, row.cell.config, row.values
    level = headline(cell)
    values |= {
        "model": config["model"]["name"],
        "model_key": config["model"]["key"],
        "weights_provenance": cell.weights.get("provenance", "not recorded"),
        "hardware": _hardware(cell),
        "evidence": _evidence_kind(cell),
        "workload": config["workload"].get("name", "none"),
        "dtype": cell.server.get("dtype", "not measured: no server was started"),
        "level": level.name if level else _why_no_load(cell),
        "status": _status(cell),
        "cell_id": cell.cell_id,
        "accuracy_conditions": _conditions(cell),
    }
    pick: dict[str, Callable[[Level], Estimate | None]] = {
        "output_tok_per_s": lambda v: v.output_tok_per_s,
        "ttft_p50_s": lambda v: v.ttft_s.p50,
        "ttft_p99_s": lambda v: v.ttft_s.p99,
        "itl_p50_s": lambda v: v.itl_s.p50,
        "tpot_p50_s": lambda v: v.tpot_s.p50,
        "e2e_p50_s": lambda v: v.e2e_s.p50,
    }
    for key, of in pick.items():
        estimate = of(level) if level else None
        values[key] = _figure(row, estimate, _why_no_load(cell), "requests.parquet")
    joules = level.energy_j / level.output_tokens if level and level.energy_j else None
    values["energy_j_per_output_tok"] = Figure(
        value=joules,
        n=level.requests if level and joules is not None else None,
        reason=None
        if joules is not None
        else (level.energy_source if level else _why_no_load(cell)),
        source=_source(row, "telemetry.parquet"),
    )
    for key, task, metric in (
        ("accuracy_en", ("hellaswag",), "acc_norm"),
        ("accuracy_maths", ("gsm8k",), "exact_match,flexible-extract"),
        ("accuracy_zh", ("exam_zh", "ceval"), "acc"),
    ):
        values[key] = _accuracy(row, task, metric)
    tuned = cell.finetune
    reason = _why(cell, "finetune")
    values["finetune_gain"] = Figure(reason=reason)
    spent = {
        "finetune_seconds": tuned.seconds if tuned else None,
        "finetune_tokens": float(tuned.train_tokens) if tuned else None,
        "finetune_peak_memory_gib": tuned.peak_memory_bytes / 2**30 if tuned else None,
    }
    for key, value in spent.items():
        values[key] = Figure(
            value=value,
            n=1 if tuned else None,
            reason=None if tuned else reason,
            source=_source(row, "finetune/outcome.json"),
        )


def headline(cell: Cell) -> Level | None:
    """The level that the cost is taken at: most output tokens per second among the clean ones.

    Clean: no request failed and every answer had the length asked for.
    """
    clean = [
        (level.output_tok_per_s.value, level)
        for level in cell.levels
        if level.failed == 0 and level.length_missed == 0 and level.output_tok_per_s
    ]
    return max(clean, key=lambda pair: pair[0])[1] if clean else None


def _accuracy(row: Row, tasks: tuple[str, ...], metric: str) -> Figure:
    scores = [
        score
        for score in row.cell.scores
        if score.task.startswith(tasks) and score.metric == metric and not score.adapter
    ]
    if not scores:
        return Figure(reason=_why(row.cell, "accuracy"))
    score = scores[0]
    file = f"accuracy/samples-{score.task}.jsonl"
    return _figure(row, score.value, f"void: {score.void_reason}", file)


def _conditions(cell: Cell) -> str:
    main = [score for score in cell.scores if not score.adapter]
    if not main:
        return _why(cell, "accuracy")
    first = main[0]
    tasks = dict.fromkeys(
        f"{score.task}: limit {score.limit or 'none'}, {score.num_fewshot}-shot"
        + (f", {score.cut} cut, {score.empty} empty" if score.cut is not None else "")
        + (f", {score.failed} failed" if score.failed else "")
        for score in main
    )
    return (
        f"lm-eval {first.lm_eval_version}, {first.dtype}, chat template"
        f" {'on' if first.chat_template else 'off'}, BOS {'added' if first.bos else 'not added'}; "
        + "; ".join(tasks)
    )


# --- priced ----------------------------------------------------------------------------------


def _priced(row: Row, judge: JudgeConfig) -> None:
    cell, values = row.cell, row.values
    level = headline(cell)
    why = _why_no_load(cell)
    keys = (
        "cost_usd_per_mtok_output",
        "cost_usd_per_mtok_total",
        "cost_at_low_price_usd_per_mtok_output",
        "cost_at_high_price_usd_per_mtok_output",
        "cost_usd_per_correct",
        "energy_usd_per_mtok_output",
    )
    values |= {key: Figure(reason=why) for key in keys}
    if cell.config["engine"]["kind"] == "endpoint":
        _priced_api(row, judge, level)
        return
    price, units = machine_price(cell, judge), _units(cell)
    if cell.finetune:
        usd = cost.machine_usd(cell.finetune.seconds, price, 1)  # training takes one GPU
        spent = effort.effort(
            cell.finetune.seconds,
            min(1, _gpus(cell)),
            usd,
            cell.finetune.accuracy_before,
            cell.finetune.accuracy_after,
        )
        source = _source(row, "finetune/")
        values["finetune_gain"] = _figure(row, spent.gain, "", "finetune/")
        values["finetune_cost_usd"] = Figure(value=usd, n=1, source=source)
    else:
        values["finetune_cost_usd"] = Figure(reason=_why(cell, "finetune"))
    if level is None or level.output_tok_per_s is None:
        return
    use = judge.pricing.utilisation
    source = _source(row, "requests.parquet")
    tiers = {
        "cost_usd_per_mtok_output": price.mid_usd_per_hour,
        "cost_at_low_price_usd_per_mtok_output": price.low_usd_per_hour,
        "cost_at_high_price_usd_per_mtok_output": price.high_usd_per_hour,
    }
    for key, hourly in tiers.items():
        found = cost.usd_per_mtok(hourly * units, level.output_tok_per_s, use)
        values[key] = Figure(**found.model_dump(), source=source)
    share = level.output_tokens / (level.input_tokens + level.output_tokens)
    output = row.figure("cost_usd_per_mtok_output")
    values["cost_usd_per_mtok_total"] = Figure(
        value=None if output.value is None else output.value * share,
        low=None if output.low is None else output.low * share,
        high=None if output.high is None else output.high * share,
        n=output.n,
        source=source,
    )
    joules = row.figure("energy_j_per_output_tok")
    tariff = judge.pricing.electricity_usd_per_kwh.value
    values["energy_usd_per_mtok_output"] = Figure(
        value=None if joules.value is None else cost.energy_usd(joules.value * 1e6, tariff),
        n=joules.n,
        reason=joules.reason,
        source=joules.source,
    )
    values["cost_usd_per_correct"] = _per_correct(row)


def _priced_api(row: Row, judge: JudgeConfig, level: Level | None) -> None:
    name = row.cell.config["model"]["name"]
    if name not in judge.pricing.apis:
        raise FactError(
            f"pricing {judge.pricing.name}: no API price for {name}; add pricing.apis.{name}"
        )
    price = judge.pricing.apis[name]
    row.values["finetune_cost_usd"] = Figure(reason="not measured: an endpoint is not fine-tuned")
    for key in ("cost_at_low_price_usd_per_mtok_output", "cost_at_high_price_usd_per_mtok_output"):
        row.values[key] = Figure(reason="not applicable: an API has one price per token")
    row.values["energy_usd_per_mtok_output"] = Figure(reason="not measured: the API's own")
    row.values["cost_usd_per_correct"] = Figure(reason=_why(row.cell, "accuracy"))
    row.values["cost_usd_per_mtok_output"] = Figure(
        value=price.output_usd_per_mtok, source=price.source
    )
    if level:
        row.values["cost_usd_per_mtok_total"] = Figure(
            value=cost.api_usd_per_mtok_total(price, level.input_tokens, level.output_tokens),
            n=level.requests,
            source=price.source,
        )


def _per_correct(row: Row) -> Figure:
    maths, output = row.figure("accuracy_maths"), row.figure("cost_usd_per_mtok_output")
    scores = [s for s in row.cell.scores if s.task.startswith("gsm8k") and s.output_tokens]
    if maths.value is None or output.value is None or not scores or not maths.n or not output.n:
        return Figure(reason=maths.reason or output.reason or "not measured: no token counts")
    tokens = (scores[0].output_tokens or 0) / (maths.n + scores[0].failed)
    estimate = cost.usd_per_correct(_estimate(output), tokens, _estimate(maths))
    if estimate is None:
        return Figure(reason="no bound: no answer was correct", n=maths.n)
    return Figure(**estimate.model_dump(), source=maths.source)


def machine_price(cell: Cell, judge: JudgeConfig) -> MachinePrice:
    """The price of the machine that a cell ran on; a missing one is an error, never zero."""
    name = cell.config["hardware"]["name"]
    if name not in judge.pricing.machines:
        raise FactError(
            f"pricing {judge.pricing.name}: no price for hardware {name};"
            f" add pricing.machines.{name} or choose another pricing"
        )
    return judge.pricing.machines[name]


def _gpus(cell: Cell) -> int:
    model = cell.config["model"]
    used: int = model["tensor_parallel_size"] * model["pipeline_parallel_size"]
    return used if cell.config["hardware"]["kind"] == "gpu" else 0


def _units(cell: Cell) -> int:
    """GPUs paid for; a CPU machine is priced whole."""
    return _gpus(cell) or 1


# --- judged ----------------------------------------------------------------------------------


def _judged(row: Row, judge: JudgeConfig) -> None:
    found, values = row.assessment, row.values
    config = row.cell.config["model"]
    if found is None:
        missing = f"not assessed: {config['key']} is not in the registry; add it to models.yaml"
        values |= dict.fromkeys(
            ("headquarters", "jurisdictions", "gate_reasons", "risk_factors", "risk_evidence"),
            missing,
        )
        values |= {"developer": config["developer"], "licence": config["licence"]["value"]}
        values["gate"] = "not_assessed"
        values["risk_score"] = values["withdrawal_hazard_per_year"] = Figure(reason=missing)
        return
    gate = found.gate
    reasons = [f"{_path(r.path)}{r.text}" for r in gate.reasons]
    pending = [f"pending: {_path(r.path)}{r.text}" for r in gate.pending]
    stale = f"; {found.stale_facts} of {found.facts} facts past review" if found.stale_facts else ""
    values |= {
        "developer": found.developer,
        "headquarters": found.headquarters,
        "jurisdictions": ", ".join(found.jurisdictions),
        "licence": found.licence,
        "gate": gate.verdict + (f", {gate.days_left} days left" if gate.days_left else ""),
        "gate_reasons": "; ".join([*reasons, *pending])
        or "no instrument in the registry gates this buyer (listings: see evidence)",
        "risk_factors": "; ".join(
            f"{f.name} {f.weight:g} x [{f.low:g}, {f.high:g}]" for f in found.factors
        ),
        "risk_evidence": " | ".join(_evidence(found)) + stale,
    }
    values["risk_score"] = Figure(
        value=(found.score_low + found.score_high) / 2,
        low=found.score_low,
        high=found.score_high,
        n=found.facts,
        source="harness/risk/registry",
    )
    values["withdrawal_hazard_per_year"] = Figure(
        value=judge.buyer.withdrawal_hazard_per_year[found.listing_state],
        source=f"assumed for {found.listing_state}: {judge.buyer.source}",
    )


def _evidence(found: Assessment) -> list[str]:
    lines = []
    for factor in found.factors:
        for reason in factor.reasons:
            fact = reason.fact
            dated = fact.published or f"read {fact.read}"
            mark = ", past review" if reason.stale else ""
            lines.append(
                f"{factor.name}: {_path(reason.path)}{reason.text}"
                f" ({fact.confidence}, {fact.publisher}, {dated}{mark}: {fact.source})"
            )
    return list(dict.fromkeys(lines))


def _path(path: Sequence[str]) -> str:
    return f"via {' <- '.join(path[1:])}: " if len(path) > 1 else ""


def _resilience(row: Row, rows: Sequence[Row], judge: JudgeConfig) -> None:
    """Against the cheapest other model that this buyer may use and that is less likely to go."""
    own, hazard = row.figure("cost_usd_per_mtok_total"), row.figure("withdrawal_hazard_per_year")
    values = row.values
    keys = ("break_even_hazard_per_year", "risk_adjusted_usd_per_mtok_total")
    values["fallback"] = "none"
    if own.value is None or hazard.value is None:
        values |= {key: Figure(reason=own.reason or hazard.reason) for key in keys}
        return
    if hazard.value == 0:
        values[keys[0]] = Figure(reason="not applicable: no withdrawal is assumed")
        values[keys[1]] = Figure(
            value=own.value, low=own.low, high=own.high, n=own.n, source=own.source
        )
        return
    others = [
        other
        for other in rows
        if other.cell.status == "done"
        and other.cell.config["hardware"] == row.cell.config["hardware"]
        and other.text("workload") == row.text("workload")
        and other.text("gate").split(",")[0] in ("clear", "dated_warning")
        and (other.figure("cost_usd_per_mtok_total").value is not None)
        and (other.figure("withdrawal_hazard_per_year").value or 0.0) < hazard.value
    ]
    if not others:
        missing = "not measured: no permitted, safer fallback in this report"
        values |= {key: Figure(reason=missing) for key in keys}
        return
    fallback = min(others, key=lambda r: r.figure("cost_usd_per_mtok_total").value or 0.0)
    other = fallback.figure("cost_usd_per_mtok_total").value or 0.0
    buyer = judge.buyer
    source = f"{own.source}; fallback {fallback.cell.cell_id}; buyer {buyer.profile}"
    values["fallback"] = f"{fallback.text('model')} (any accuracy difference is not priced)"
    even = resilience.break_even_hazard(
        own.value, other, buyer.mtok_per_year, buyer.switch_cost_usd
    )
    free = "not applicable: moving to the fallback costs nothing"
    values[keys[0]] = Figure(value=even, reason=free if even is None else None, source=source)
    values[keys[1]] = Figure(
        value=resilience.expected_usd_per_mtok(
            own.value,
            other,
            buyer.mtok_per_year,
            buyer.switch_cost_usd,
            hazard.value,
            buyer.horizon_years,
        ),
        n=own.n,
        source=source,
    )


# --- small things ----------------------------------------------------------------------------


def _figure(row: Row, estimate: Estimate | None, reason: str, file: str) -> Figure:
    if estimate is None:
        return Figure(reason=reason)
    return Figure(**estimate.model_dump(), source=_source(row, file))


def _estimate(figure: Figure) -> Estimate:
    assert figure.value is not None
    assert figure.n is not None
    return Estimate(value=figure.value, n=figure.n, low=figure.low, high=figure.high)


def _source(row: Row, file: str) -> str:
    return f"{row.cell.sweep}/{row.cell.cell_id}/{file}"


def _why(cell: Cell, stage: StageName) -> str:
    state = cell.stages[stage]
    text = {"off": "switched off", "not_reached": "not reached"}.get(state.status)
    return f"not measured: {text or state.reason or 'not among the tasks'}"


def _why_no_load(cell: Cell) -> str:
    if cell.levels:
        return "void: in every level requests failed or answers had the wrong length"
    return _why(cell, "load")


def _status(cell: Cell) -> str:
    if cell.failure:
        return f"{cell.status} in {cell.failure.stage}: {cell.failure.reason}"
    return cell.status


def _evidence_kind(cell: Cell) -> str:
    if cell.config["engine"]["kind"] == "endpoint":
        return "measured at an endpoint, hardware not ours"
    return "measured on a CPU, not what a GPU does" if cell.cpu_only else "measured"


def _hardware(cell: Cell) -> str:
    if cell.config["engine"]["kind"] == "endpoint":
        return "endpoint, hardware unknown"
    gpus = cell.environment.get("gpus")
    if cell.config["hardware"]["kind"] == "gpu" and isinstance(gpus, list):
        return f"{_gpus(cell)} x {gpus[0]['name']}"
    return f"{cell.environment['cpu']}, {cell.environment['cores']} cores, no GPU"
