"""How costs were made: seconds and tokens of the record, and a price with its source."""

from harness import cost
from harness.records.schema import Level
from harness.report.explain import raw
from harness.report.explain.explained import Explainer, Working, shown
from harness.report.explain.prices import KINDS, api_price, machine_tiers, per_second, price_file
from harness.report.rows import headline, is_endpoint, task_level

Mix = tuple[float, float, float]  # input, cached, output tokens
M = cost.TOKENS_PER_MTOK
_BLENDS: dict[str, Mix] = {
    "split_usd_per_mtok_input": (M, 0, 0),
    "split_usd_per_mtok_cached": (0, M, 0),
    "split_usd_per_mtok_output": (0, 0, M),
    "blend_usd_per_mtok_7_2_1": (0.2 * M, 0.7 * M, 0.1 * M),
    "blend_usd_per_mtok_3_1": (0.75 * M, 0, 0.25 * M),
}


# --- tokens of each kind ----------------------------------------------------------------------


def _rate(out: Working) -> tuple[Mix, str]:
    """USD of one token of each kind, and how it reads."""
    if is_endpoint(out.cell):
        price = api_price(out)
        each = (
            price.input_usd_per_mtok / M,
            (price.cached_input_usd_per_mtok or 0.0) / M,
            price.output_usd_per_mtok / M,
        )
        return each, "list price"
    usd, fit = per_second(out), _fit(out)
    return (fit.seconds[0] * usd, fit.seconds[1] * usd, fit.seconds[2] * usd), "seconds x USD/s"


def _fit(out: Working) -> cost.TokenSeconds:
    """The levels of the fit, each as an equation, and what solves them."""
    found = cost.fit(out.cell.levels)
    assert isinstance(found, cost.TokenSeconds)  # a figure has one
    told = fitted = 0.0
    for level in out.cell.levels:
        if level.name in found.levels:
            done = cost.work(level)
            counts = (done.input_tokens, done.cached_tokens, done.output_tokens)
            seconds = sum(a * n for a, n in zip(found.seconds, counts, strict=True))
            out.recorded(
                f"{level.name}: input, cached, output tokens of the window; its seconds",
                f"levels[{level.name}].window",
                f"{', '.join(shown(n) for n in counts)}; {shown(done.seconds)}",
            )
            out.step(f"{level.name}: {shown(done.seconds)} s measured, {shown(seconds)} s fitted")
            told, fitted = told + done.seconds, fitted + seconds
    solved = ", ".join(
        f"{kind} {shown(seconds)}" for kind, seconds in zip(KINDS, found.seconds, strict=True)
    )
    out.step(f"seconds a token, fitted: {solved}; {found.conditions}")
    out.check("fitted seconds of these levels add up to the measured ones", fitted, told)
    return found


# --- tokens ----------------------------------------------------------------------------------


def mixed(mix: Mix) -> Explainer:
    """A price of a million tokens of this mixture."""

    def explain(out: Working) -> None:
        _mix(out, mix)

    return explain


def _mix(out: Working, mix: Mix, so_many: str = "tokens") -> None:
    each, how = _rate(out)
    terms = [
        f"{shown(n)} {kind} {so_many} x {shown(usd)} USD"
        for n, usd, kind in zip(mix, each, KINDS, strict=True)
        if n
    ]
    value = sum(n * usd for n, usd in zip(mix, each, strict=True))
    out.gives(f"{' + '.join(terms)} ({how})", value)


def _own_mix(out: Working) -> None:
    level = headline(out.cell)
    assert level is not None
    done = out.work(level, "input_tokens", "cached_tokens", "output_tokens")
    _mix(
        out,
        (
            M * done.input_tokens / done.tokens,
            M * done.cached_tokens / done.tokens,
            M * done.output_tokens / done.tokens,
        ),
    )


def _bill(out: Working) -> None:
    level = headline(out.cell)
    assert level is not None
    total = out.column.key == "bill_usd_per_mtok_total"
    done = out.work(level, "input_tokens", "cached_tokens", "output_tokens")
    count = done.tokens if total else done.output_tokens
    _usd_over(out, level, count / M, f"{shown(count / M)} million tokens")


def _tasks(out: Working) -> None:
    level = task_level(out.cell)
    assert level is not None
    done = out.work(level, "requests")
    _usd_over(out, level, done.requests / 1000, f"({done.requests:,} / 1000 requests)")


def _usd_over(out: Working, level: Level, over: float, said: str) -> None:
    """Cost of a level's steady part over one of its counts, counted again in its requests."""
    done = cost.work(level)
    if is_endpoint(out.cell):
        each, _ = _rate(out)
        counts = (done.input_tokens, done.cached_tokens, done.output_tokens)
        usd = sum(n * price for n, price in zip(counts, each, strict=True))
        out.gives(f"{shown(usd)} USD for the tokens of {level.name} / {said}", usd / over)
        return
    usd_per_s = per_second(out)
    out.gives(
        f"{shown(done.seconds)} s x {shown(usd_per_s)} USD/s / {said}",
        done.seconds * usd_per_s / over,
    )
    rate = level.output_tok_per_s
    if rate and rate.low and rate.high:
        out.step(
            f"interval: the value x throughput {shown(rate.value)} / its ends"
            f" {shown(rate.high)} and {shown(rate.low)} tok/s"
        )
    _recount(out, level, usd_per_s)


def _recount(out: Working, level: Level, usd_per_s: float) -> None:
    found = raw.load(out.folder, level)
    if found is None or level.window is None:
        out.untried("tokens counted again", "no requests.parquet, or no steady window")
        return
    again = found.tokens()
    over = {
        "bill_usd_per_mtok_total": (again.prompt + again.output) / M,
        "bill_usd_per_mtok_output": again.output / M,
        "cost_usd_per_1000_tasks": again.requests / 1000,
    }[out.column.key]
    rows = f"{found.rows:,} rows of requests.parquet, level = {level.name}"
    out.check(
        f"counts taken again from {rows}",
        (found.end_s - found.start_s) * usd_per_s / over,
        out.figure.value,
    )


def _text(out: Working) -> None:
    _, _, _, _, name, way = out.column.key.split("_")
    text = next(each for each in out.cell.texts if each.name == name)
    out.recorded("tokens of the reference text", f"texts[{name}].tokens", text.tokens)
    out.recorded("its bytes", f"texts[{name}].bytes", text.bytes)
    tokens = text.tokens / text.bytes * 1e6
    out.step(f"{text.tokens} / {text.bytes} x 1e6 = {shown(tokens)} tokens per MB")
    _mix(out, (tokens, 0, 0) if way == "input" else (0, 0, tokens))


def _per_correct(out: Working) -> None:
    score = next(s for s in out.cell.scores if s.task.startswith("gsm8k") and not s.adapter)
    maths = out.from_column("accuracy_maths")
    n = out.row.figure("accuracy_maths").n
    assert maths is not None
    assert n is not None
    assert score.output_tokens is not None
    file = f"scores[{score.task}]"
    out.recorded("output tokens of all answers", f"{file}.output_tokens", score.output_tokens)
    output = score.output_tokens / n
    split = out.row.figure("split_usd_per_mtok_input").value
    if split is not None and score.prompt_tokens is not None:
        out.recorded("prompt tokens", f"{file}.prompt_tokens", score.prompt_tokens)
        price = out.from_column("split_usd_per_mtok_output")
        assert price is not None
        out.from_column("split_usd_per_mtok_input")
        prompt = score.prompt_tokens / n
        usd = (prompt * split + output * price) / M
        said = f"({shown(prompt)} x {shown(split)} + {shown(output)} x {shown(price)}) / 1e6"
    else:
        bill = out.from_column("bill_usd_per_mtok_output")
        assert bill is not None
        usd, said = output * bill / M, f"{shown(output)} x {shown(bill)} / 1e6"
    out.step(f"an answer: {said} = {shown(usd)} USD")
    out.gives(f"{shown(usd)} / {shown(maths)} right", usd / maths)


def _finetune(out: Working) -> None:
    tuned = out.cell.finetune
    assert tuned is not None
    tiers, share = machine_tiers(out), out.table.judge.pricing.used_share
    out.given("utilisation", f"{share:.4g}", f"{price_file(out)}, utilisation")
    out.recorded("time of the training loop", "finetune.seconds", tuned.seconds, "s")
    out.gives(
        f"{shown(tuned.seconds)} s / 3600 x {shown(tiers.mid)} USD / {shown(share)}",
        tuned.seconds / 3600 * tiers.mid / share,
    )


def _conditions(out: Working) -> None:
    fit = cost.fit(out.cell.levels)
    if is_endpoint(out.cell):
        api_price(out)
    else:
        per_second(out)
    if isinstance(fit, cost.TokenSeconds):
        _fit(out)
    else:
        out.step(f"no split: {fit.reason}")
    task = task_level(out.cell)
    if task:
        out.work(task, "requests", "input_tokens", "output_tokens")


# --- energy ----------------------------------------------------------------------------------


def energy(of: str, field: str, factor: float, said: str) -> Explainer:
    """Measured energy at a tariff or at a grid's intensity."""

    def explain(out: Working) -> None:
        joules = out.from_column(of)
        price = getattr(out.table.judge.pricing, field)
        assert joules is not None
        out.given(
            field, price.value, f"{price_file(out)}, {field}: {price.source}, as of {price.as_of}"
        )
        out.gives(
            f"{shown(joules)} J x {said} x {shown(price.value)}", joules * factor * price.value
        )

    return explain


_KWH = 3.6e6  # joules
EXPLAINERS: dict[str, Explainer] = {
    **{key: mixed(mix) for key, mix in _BLENDS.items()},
    "blend_usd_per_mtok_own": _own_mix,
    "bill_usd_per_mtok_total": _bill,
    "bill_usd_per_mtok_output": _bill,
    "cost_usd_per_1000_tasks": _tasks,
    **{
        f"cost_usd_per_mb_{text}_{way}": _text
        for text in ("en", "zh", "code")
        for way in ("input", "output")
    },
    "cost_usd_per_correct": _per_correct,
    "cost_conditions": _conditions,
    "finetune_cost_usd": _finetune,
    "energy_usd_per_mtok_output": energy(
        "energy_j_per_output_tok", "electricity_usd_per_kwh", M / _KWH, "1e6 / 3.6e6"
    ),
    "co2e_g_per_mtok_output": energy(
        "energy_j_per_output_tok", "grid_gco2e_per_kwh", M / _KWH, "1e6 / 3.6e6"
    ),
    "co2e_g_per_answer": energy("energy_j_per_answer", "grid_gco2e_per_kwh", 1 / _KWH, "1 / 3.6e6"),
}
