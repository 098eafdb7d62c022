"""How figures of speed and energy were made: the level's window and counters, counted again."""

from harness.records.schema import Level
from harness.report.explain import raw
from harness.report.explain.explained import Explainer, Working, shown
from harness.report.explain.settings import absent, settings
from harness.report.measured import all_but_repeat
from harness.report.rows import headline, task_level
from harness.stats import Estimate

_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_FLOPS = "vllm:estimated_flops_per_gpu_total"
_READ = "vllm:estimated_read_bytes_per_gpu_total"


def _raw(out: Working, level: Level) -> raw.Load | None:
    """The level's requests, with how many there are among the inputs."""
    found = raw.load(out.folder, level)
    rows = "not kept" if found is None else f"{found.rows:,} rows, {found.whole:,} whole answers"
    out.given(f"requests of {level.name}", rows, f"requests.parquet, level = {level.name}")
    return found


def _throughput(out: Working) -> None:
    level = headline(out.cell)
    assert level is not None  # a figure has one
    found = _raw(out, level)
    done = out.work(level, "output_tokens")
    told = level.output_tok_per_s
    assert told is not None
    out.recorded(
        "mean of ten equal slices of the window, t interval",
        f"levels[{level.name}].output_tok_per_s",
        f"{shown(told.value)} tok/s",
    )
    if done.seconds > 0:
        whole = f"{done.output_tokens:,} tokens / {shown(done.seconds)} s"
        out.step(f"{whole} = {shown(done.output_tokens / done.seconds)} tok/s")
    out.reads("mean of the slices", told.value)
    out.same("counted again in requests.parquet", found.throughput() if found else None, told)


def latency(key: str) -> Explainer:
    """One percentile of one latency."""
    name, percentile, _ = key.split("_")

    def explain(out: Working) -> None:
        level = headline(out.cell)
        assert level is not None
        told: Estimate | None = getattr(getattr(level, f"{name}_s"), percentile)
        assert told is not None
        found = _raw(out, level)
        out.work(level)
        what = "gaps" if name == "itl" else "requests"
        out.recorded(
            f"observations ({what} that began in the window)",
            f"levels[{level.name}].{name}_s.{percentile}.n",
            told.n,
        )
        out.reads(f"{_PERCENTILES[percentile]:g} quantile of {told.n:,} {what}", told.value)
        again = found.latency(name, _PERCENTILES[percentile]) if found else None
        out.same("computed again from requests.parquet", again, told)

    return explain


def _repeats(out: Working) -> None:
    level = headline(out.cell)
    settings("repeat")(out)
    rates = []
    for other in out.table.rows:
        same = all_but_repeat(other.cell) == all_but_repeat(out.cell)
        if level is None or not same or other.text("hardware") != out.row.text("hardware"):
            continue
        for each in other.cell.levels:
            if each.name == level.name and not each.void and each.output_tok_per_s:
                rates.append(each.output_tok_per_s.value)
                out.given(
                    f"start {other.cell.config.get('repeat', 0)}, {level.name}",
                    f"{shown(rates[-1])} tok/s",
                    f"{other.cell.cell_id}/cell.json, levels[{level.name}]",
                )
    if out.column.kind == "figure" and rates:
        terms = " + ".join(shown(rate) for rate in rates)
        out.gives(f"({terms}) / {len(rates)}", sum(rates) / len(rates))


def _goodput(out: Working) -> None:
    if not out.cell.searches:
        absent(out)
    for search in out.cell.searches[:1]:
        out.recorded("objectives", "searches[0].objectives", search.objectives)
        out.recorded(
            "lowest rate that failed",
            "searches[0].failed_rate_rps",
            search.failed_rate_rps,
            "requests/s",
        )
        for level in out.cell.levels:
            if level.name in search.probes:
                met = level.slo_met
                text = (
                    "no share"
                    if met is None
                    else (f"{met.value:.1%} of {met.n:,} within all objectives")
                )
                out.recorded(
                    f"probe {level.name} at {shown(level.rate_rps)}/s",
                    f"levels[{level.name}].slo_met",
                    text,
                )
        out.step(f"the search ended: {search.ended}")
        if search.rate_rps is not None and out.column.kind == "figure":
            out.reads("highest rate that passed", search.rate_rps)


def _peak(out: Working) -> None:
    level = headline(out.cell)
    assert level is not None
    if out.column.key == "mfu":
        name, field, unit = _FLOPS, "peak_dense_bf16_tflops", 1e12
    else:
        name, field, unit = _READ, "peak_memory_gb_per_s", 1e9
    seconds = out.work(level).seconds
    peak = out.setting(f"hardware.{field}.value")
    source = out.setting(f"hardware.{field}.source")
    out.given(f"peak, {field}", peak, f"{source} (cell.json, config.hardware.{field})")
    grown = raw.counter(out.folder, level, name)
    if grown is None or not peak:
        out.untried("growth of the server's estimate", f"{name} is not in server_metrics.parquet")
        return
    out.given("growth over the window", grown, f"server_metrics.parquet, {name}")
    out.gives(
        f"{shown(grown)} / ({shown(seconds)} s x {shown(peak)} x {unit:g})",
        grown / (seconds * peak * unit),
    )


def _headroom(out: Working) -> None:
    for key in ("mfu", "mbu"):
        out.from_column(key)
    out.given(
        "other rows that have both",
        sum(row.figure("mfu").value is not None for row in out.table.rows if row is not out.row),
        "all rows of the report",
    )


# --- energy ----------------------------------------------------------------------------------


def _energy(out: Working) -> None:
    per_answer = out.column.key == "energy_j_per_answer"
    level = task_level(out.cell) if per_answer else headline(out.cell)
    assert level is not None
    assert level.energy.energy_j is not None
    done = out.work(level, "requests" if per_answer else "output_tokens")
    count = done.requests if per_answer else done.output_tokens
    out.of_level(level, "energy over the counter's window", "energy.energy_j", "J")
    out.of_level(level, "counter", "energy.source")
    out.of_level(level, "counter's window", "energy.window_s", "s")
    seconds = level.energy.window_s or level.duration_s
    out.gives(
        f"{shown(level.energy.energy_j)} J / {shown(seconds)} s x {shown(done.seconds)} s"
        f" / {count:,}",
        level.energy.energy_j / seconds * done.seconds / count,
    )
    again = raw.energy_j(out.folder, level)
    out.check("growth of the counters in telemetry.parquet, J", again, level.energy.energy_j)


def _idle(out: Working) -> None:
    level = headline(out.cell)
    assert level is not None
    assert level.energy.idle_w is not None
    out.of_level(level, "mean power of all devices before the load", "energy.idle_w", "W")
    out.of_level(level, "counter", "energy.source")
    out.reads("as recorded", level.energy.idle_w)


EXPLAINERS: dict[str, Explainer] = {
    "output_tok_per_s": _throughput,
    "repeats": _repeats,
    "output_tok_per_s_restarts": _repeats,
    **{
        key: latency(key)
        for key in (
            "ttft_p50_s",
            "ttft_p99_s",
            "ttfa_p50_s",
            "itl_p50_s",
            "itl_p99_s",
            "tpot_p50_s",
            "tpot_p99_s",
            "e2e_p50_s",
            "e2e_p99_s",
        )
    },
    "goodput_rps": _goodput,
    "goodput_search": _goodput,
    "mfu": _peak,
    "mbu": _peak,
    "headroom": _headroom,
    "energy_j_per_output_tok": _energy,
    "energy_j_per_answer": _energy,
    "idle_power_w": _idle,
}
