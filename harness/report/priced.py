"""Columns that a price makes of what was measured."""

from dataclasses import dataclass, replace
from typing import Protocol

from harness import cost, effort
from harness.config.judge import ApiPrice, JudgeConfig, MachinePrice, Tiers
from harness.errors import FactError
from harness.records.schema import Cell, Level
from harness.report.columns import COLUMNS
from harness.report.rows import (
    Figure,
    Row,
    gpus,
    headline,
    is_endpoint,
    task_level,
    why,
    why_no_load,
)
from harness.stats import Estimate

TEXTS = ("en", "zh", "code")
_NO_CACHED = "not measured: no price of cached input"


class Tariff(Protocol):
    """What one cell's tokens and levels cost."""

    def mix(self, input_tokens: float, cached_tokens: float, output_tokens: float) -> Figure:
        """USD of so many tokens of each kind, each kind at its own price."""

    def bill(self, level: Level, over: float) -> Figure:
        """USD of a level's steady part / `over`."""

    @property
    def conditions(self) -> str:
        """How the prices of tokens came about."""


@dataclass(frozen=True)
class _Machine:
    """A machine paid by time."""

    row: Row
    tiers: Tiers
    units: int
    utilisation: float
    split: cost.TokenSeconds | cost.Unfit

    def mix(self, input_tokens: float, cached_tokens: float, output_tokens: float) -> Figure:
        if isinstance(self.split, cost.Unfit):
            return Figure(reason=f"not measured: {self.split.reason}")
        if cached_tokens and not self.split.has_cached:
            return Figure(reason=f"{_NO_CACHED}: the fitted levels had none")
        seconds = self.split.mix(input_tokens, cached_tokens, output_tokens)
        return self._figure(cost.scaled(seconds, self._usd_per_s))

    def bill(self, level: Level, over: float) -> Figure:
        found = cost.bill(level, self._usd_per_s, over)
        return self._figure(found) if found else Figure(reason="not measured: nothing was answered")

    @property
    def conditions(self) -> str:
        split = (
            f"no split: {self.split.reason}"
            if isinstance(self.split, cost.Unfit)
            else self.split.conditions
        )
        used = gpus(self.row.cell)
        charged = f"{used} GPU{'s' if used > 1 else ''}" if used else "one machine"
        return f"{split}; {charged} charged; utilisation {100 * self.utilisation:.3g}%"

    @property
    def _usd_per_s(self) -> float:
        return cost.usd_per_second(self.tiers.mid, self.units, self.utilisation)

    def _figure(self, estimate: Estimate) -> Figure:
        """With what it would be at the low and high price, since all cost is linear in it."""
        figure = self.row.of(estimate, "", "requests.parquet")
        return by_price(figure, self.tiers)


@dataclass(frozen=True)
class _Api:
    """A hosted API, paid by token."""

    price: ApiPrice

    def mix(self, input_tokens: float, cached_tokens: float, output_tokens: float) -> Figure:
        usd = cost.api_usd(self.price, input_tokens, cached_tokens, output_tokens)
        if usd is None:
            return Figure(reason=f"{_NO_CACHED}: the API's list gives none")
        return Figure(value=usd, source=self.price.source)

    def bill(self, level: Level, over: float) -> Figure:
        done = cost.work(level)
        if over <= 0:
            return Figure(reason="not measured: nothing was answered")
        usd = self.mix(done.input_tokens, done.cached_tokens, done.output_tokens)
        return _over(usd, over)

    @property
    def conditions(self) -> str:
        return "prices per token as listed by the API"


def priced(row: Row, judge: JudgeConfig) -> None:
    """Fill in what it costs.

    Raises FactError for a machine or an API without a price.
    """
    cell, values = row.cell, row.values
    tariff = _tariff(row, judge)
    finetune_price(row, judge)
    level, task = headline(cell), task_level(cell)
    keys = [c.key for c in COLUMNS if c.priced and c.key not in values]
    if level is None or task is None:
        none = why_no_load(cell)
        values |= {key: Figure(reason=none) for key in keys}
        values["cost_conditions"] = none
    else:
        _tokens(row, tariff, level)
        _tasks(row, tariff, task)
        _texts(row, tariff)
        _per_correct(row, tariff)
        values["cost_conditions"] = _conditions(row, tariff, level, task)
    energy_columns(row, judge)


def machine_price(cell: Cell, judge: JudgeConfig) -> MachinePrice:
    """The price of the machine that a cell ran on; a missing one is an error, never zero."""
    name = cell.config["hardware"]["name"]
    if name not in judge.pricing.machines:
        raise FactError(
            f"pricing {judge.pricing.name}: no price for hardware {name};"
            f" add pricing.machines.{name} or choose another pricing"
        )
    return judge.pricing.machines[name]


def _tariff(row: Row, judge: JudgeConfig) -> Tariff:
    cell, pricing = row.cell, judge.pricing
    if is_endpoint(cell):
        name = cell.config["model"]["name"]
        if name not in pricing.apis:
            raise FactError(
                f"pricing {pricing.name}: no API price for {name}; add pricing.apis.{name}"
            )
        return _Api(pricing.apis[name])
    # A CPU machine is priced whole.
    units = gpus(cell) or 1
    tiers = machine_price(cell, judge).tiers
    return _Machine(row, tiers, units, pricing.used_share, cost.fit(cell.levels))


# --- tokens, tasks, text ---------------------------------------------------------------------


def _tokens(row: Row, tariff: Tariff, level: Level) -> None:
    """Prices of a million tokens; a blend's weights are shares, so times a million."""
    m = cost.TOKENS_PER_MTOK
    done = cost.work(level)
    own = (
        tariff.mix(
            *(
                m * count / done.tokens
                for count in (done.input_tokens, done.cached_tokens, done.output_tokens)
            )
        )
        if done.tokens and cost.cache_told(level)
        else Figure(reason="not measured: the server does not tell cached tokens")
    )
    row.values |= {
        "split_usd_per_mtok_input": tariff.mix(m, 0, 0),
        "split_usd_per_mtok_cached": tariff.mix(0, m, 0),
        "split_usd_per_mtok_output": tariff.mix(0, 0, m),
        "blend_usd_per_mtok_7_2_1": tariff.mix(0.2 * m, 0.7 * m, 0.1 * m),
        "blend_usd_per_mtok_3_1": tariff.mix(0.75 * m, 0, 0.25 * m),
        "blend_usd_per_mtok_own": own,
        "bill_usd_per_mtok_total": tariff.bill(level, done.tokens / m),
        "bill_usd_per_mtok_output": tariff.bill(level, done.output_tokens / m),
    }


def _tasks(row: Row, tariff: Tariff, task: Level) -> None:
    row.values["cost_usd_per_1000_tasks"] = tariff.bill(task, cost.work(task).requests / 1000)


def _texts(row: Row, tariff: Tariff) -> None:
    """A megabyte of the same text for every model: tokenizers differ."""
    found = {text.name: text for text in row.cell.texts}
    for name in TEXTS:
        text = found.get(name)
        for way in ("input", "output"):
            key = f"cost_usd_per_mb_{name}_{way}"
            if text is None or not text.bytes:
                reason = f"not measured: no token count of the reference text {name}"
                row.values[key] = Figure(reason=reason)
                continue
            tokens = text.tokens / text.bytes * 1e6
            row.values[key] = (
                tariff.mix(tokens, 0, 0) if way == "input" else tariff.mix(0, 0, tokens)
            )


def _per_correct(row: Row, tariff: Tariff) -> None:
    maths = row.figure("accuracy_maths")
    answer = _per_answer(row, tariff)
    known = maths.value is not None and maths.n is not None
    if not known or answer.value is None:
        reason = maths.reason or answer.reason or "not measured: no token counts"
        row.values["cost_usd_per_correct"] = Figure(reason=reason)
        return
    estimate = cost.usd_per_correct(_estimate(answer), _estimate(maths))
    if estimate is None:
        row.values["cost_usd_per_correct"] = Figure(reason="no bound: no answer was correct")
        return
    row.values["cost_usd_per_correct"] = Figure(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        at_low_price=_times(answer.at_low_price, estimate.value / answer.value),
        at_high_price=_times(answer.at_high_price, estimate.value / answer.value),
        source=maths.source,
    )


def _per_answer(row: Row, tariff: Tariff) -> Figure:
    """Mean cost of an answered GSM8K item: prompt and answer at their own prices, if there are any.

    Otherwise its output tokens at the bill over output tokens, which pays for prompts in the
    proportion of the load's level.
    """
    scores = [s for s in row.cell.scores if s.task.startswith("gsm8k") and not s.adapter]
    maths = row.figure("accuracy_maths")
    if not scores or not maths.n:
        return Figure(reason=why(row.cell, "accuracy"))
    score = scores[0]
    if not score.output_tokens:
        return Figure(reason="not measured: not every answer told its tokens")
    output = score.output_tokens / maths.n
    if score.prompt_tokens is not None:
        split = tariff.mix(score.prompt_tokens / maths.n, 0, output)
        if split.value is not None:
            return split
    return _over(row.figure("bill_usd_per_mtok_output"), cost.TOKENS_PER_MTOK / output)


def _conditions(row: Row, tariff: Tariff, level: Level, task: Level) -> str:
    done = cost.work(task)
    each = (
        f"{(done.input_tokens + done.cached_tokens) / done.requests:.0f} tokens in and"
        f" {done.output_tokens / done.requests:.0f} out"
        if done.requests
        else "no whole answer"
    )
    length = "natural length" if task.output_tokens_asked is None else "fixed length"
    if task.kind == "trace":
        length = "lengths of the trace"
    parts = [
        tariff.conditions,
        f"bills from {level.name}",
        f"a task is one request of {task.name} ({each} on average, {length})",
    ]
    if row.figure("cost_usd_per_correct").value is not None:
        scores = [s for s in row.cell.scores if s.task.startswith("gsm8k") and not s.adapter]
        split = row.figure("split_usd_per_mtok_input").value is not None
        told = scores[0].prompt_tokens is not None
        ours = "prompt and answer apart" if split and told else "output tokens at the whole bill"
        parts.append(f"a right answer is priced by {ours}")
    return "; ".join(parts)


# --- fine-tuning and energy ------------------------------------------------------------------


def finetune_price(row: Row, judge: JudgeConfig) -> None:
    """Fill in what fine-tuning brought and cost."""
    tuned, values = row.cell.finetune, row.values
    if is_endpoint(row.cell):
        reason = "not measured: an endpoint is not fine-tuned"
        values |= {key: Figure(reason=reason) for key in ("finetune_gain", "finetune_cost_usd")}
        return
    if tuned is None:
        reason = why(row.cell, "finetune")
        values |= {key: Figure(reason=reason) for key in ("finetune_gain", "finetune_cost_usd")}
        return
    tiers = machine_price(row.cell, judge).tiers
    # Training takes one GPU, and its idle hours are paid like those of serving.
    usd = cost.machine_usd(tuned.seconds, tiers.mid, 1) / judge.pricing.used_share
    gain = effort.gain(tuned.accuracy_before, tuned.accuracy_after)
    values["finetune_gain"] = row.of(gain, "", "finetune/")
    paid = Figure(value=usd, n=1, source=row.source("finetune/"))
    values["finetune_cost_usd"] = by_price(paid, tiers)


def evaluation_usd(row: Row, judge: JudgeConfig) -> float | None:
    """What the accuracy stage of a cell cost on its machine; None: not measured, or an endpoint."""
    stage = row.cell.stages.get("accuracy")
    if stage is None or stage.status != "done" or stage.seconds is None or is_endpoint(row.cell):
        return None
    tiers = machine_price(row.cell, judge).tiers
    units = max(gpus(row.cell), 1)
    return cost.machine_usd(stage.seconds, tiers.mid, units) / judge.pricing.used_share


def energy_columns(row: Row, judge: JudgeConfig) -> None:
    """Measured energy at a tariff and at a grid's intensity; without the building's overhead."""
    tariff = judge.pricing.electricity_usd_per_kwh.value
    grid = judge.pricing.grid_gco2e_per_kwh.value
    mtok = cost.TOKENS_PER_MTOK
    token, answer = row.figure("energy_j_per_output_tok"), row.figure("energy_j_per_answer")
    row.values |= {
        "energy_usd_per_mtok_output": _scaled(token, cost.energy_usd(mtok, tariff)),
        "co2e_g_per_mtok_output": _scaled(token, cost.co2e_g(mtok, grid)),
        "co2e_g_per_answer": _scaled(answer, cost.co2e_g(1.0, grid)),
    }


# --- small things ----------------------------------------------------------------------------


def by_price(figure: Figure, tiers: Tiers) -> Figure:
    """The figure with what it would be at the low and high price, where there are several."""
    if tiers.low == tiers.high:
        return figure
    return replace(
        figure,
        at_low_price=_times(figure.value, tiers.low / tiers.mid),
        at_high_price=_times(figure.value, tiers.high / tiers.mid),
    )


def _over(figure: Figure, divisor: float) -> Figure:
    return _scaled(figure, 1 / divisor)


def _scaled(figure: Figure, factor: float) -> Figure:
    return replace(
        figure,
        value=_times(figure.value, factor),
        low=_times(figure.low, factor),
        high=_times(figure.high, factor),
        at_low_price=_times(figure.at_low_price, factor),
        at_high_price=_times(figure.at_high_price, factor),
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _estimate(figure: Figure) -> Estimate:
    assert figure.value is not None
    return Estimate(value=figure.value, n=figure.n or 1, low=figure.low, high=figure.high)
