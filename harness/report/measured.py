"""Columns that come straight from the record, and those that set rows side by side."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from harness import cost, stats
from harness.config.run import RunConfig
from harness.records.schema import Cell, Latency, Level
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

_TOO_FEW = {
    "p50": "not measured: no observation",
    "p90": "not measured: p90 needs 64 observations",
    "p99": "not measured: p99 needs 662 observations",
}
_LATENCIES = (
    "ttft_p50_s", "ttft_p99_s", "ttfa_p50_s", "itl_p50_s", "itl_p99_s", "tpot_p50_s",
    "tpot_p99_s", "e2e_p50_s", "e2e_p99_s",
)  # fmt: skip
# Two models of which one uses more than this many times the other's share of its roofline.
_FAR_APART = 2.0
_MOST_NAMED = 5
_TEMPLATE = {True: "on", False: "off", None: "unknown"}
_BOS = {True: "added", False: "not added", None: "unknown"}


def measured(row: Row) -> None:
    """Fill in what was measured."""
    cell, config, values = row.cell, row.cell.config, row.values
    level = headline(cell)
    values |= {
        "model": config["model"]["name"],
        "model_key": config["model"]["key"],
        "weights_provenance": cell.weights.get("provenance", "not recorded"),
        "hardware": _hardware(cell),
        "evidence": _evidence(cell),
        "workload": config["workload"].get("name", "none"),
        "dtype": cell.server.get("dtype", "not measured: no server was started"),
        "level": level.name if level else why_no_load(cell),
        "void_levels": _void(cell),
        "client": _client(cell),
        "status": _status(cell),
        "cell_id": cell.cell_id,
    }
    _load(row, level)
    _energy(row, level)
    accuracy_columns(row)
    finetune_columns(row)


def accuracy_columns(row: Row) -> None:
    """Fill in scores and what they depend on."""
    row.values["accuracy_conditions"] = _conditions(row.cell)
    for key, task, metric in (
        ("accuracy_en", ("hellaswag",), "acc_norm"),
        ("accuracy_maths", ("gsm8k",), "exact_match,flexible-extract"),
        ("accuracy_zh", ("exam_zh", "ceval"), "acc"),
    ):
        row.values[key] = _accuracy(row, task, metric)


def compared(rows: Sequence[Row]) -> None:
    """Fill in what a row says beside the others: repeats, and headroom to the roofline."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    own = [row for row in rows if row.cell.origin is None]
    for row in own:
        # One configuration may have run on machines that differ.
        groups[all_but_repeat(row.cell), row.text("hardware")].append(row)
    for group in groups.values():
        for row in group:
            _repeats(row, group)
    _headrooms(own)


# --- load ------------------------------------------------------------------------------------


def _load(row: Row, level: Level | None) -> None:
    values, none = row.values, why_no_load(row.cell)
    file = "requests.parquet"
    values["output_tok_per_s"] = row.of(level.output_tok_per_s if level else None, none, file)
    for key in _LATENCIES:
        name, percentile, _ = key.split("_")
        latency: Latency | None = getattr(level, f"{name}_s") if level else None
        found: Estimate | None = getattr(latency, percentile) if latency else None
        values[key] = row.of(found, _TOO_FEW[percentile] if level else none, file)
    for key in ("mfu", "mbu"):
        share: float | None = getattr(level.server, key) if level else None
        reason = (level.server.mfu_reason or "not measured: no reason") if level else none
        values[key] = (
            Figure(reason=reason)
            if share is None
            else Figure(value=share, source=row.source("server_metrics.parquet"))
        )
    values["goodput_rps"], values["goodput_search"] = _goodput(row)


def _goodput(row: Row) -> tuple[Figure, str]:
    if not row.cell.searches:
        off = "not measured: the workload has no search level"
        reason = off if row.cell.levels else why(row.cell, "load")
        return Figure(reason=reason), reason
    found = row.cell.searches[0]
    bounds = [
        f"passed at {found.rate_rps:g}/s" if found.rate_rps is not None else "no rate passed",
        f"failed at {found.failed_rate_rps:g}/s"
        if found.failed_rate_rps is not None
        else "none failed",
    ]
    probes = f"{len(found.probes)} probes"
    text = f"{found.objectives}: {', '.join([*bounds, probes])}; {found.ended}"
    if found.rate_rps is None:
        return Figure(reason=f"not met: {text}"), text
    return Figure(value=found.rate_rps, source=row.source("requests.parquet")), text


def _void(cell: Cell) -> str:
    void = [f"{level.name}: {', '.join(level.void)}" for level in cell.levels if level.void]
    if not cell.levels:
        return why(cell, "load")
    return "; ".join(void) or f"none of {len(cell.levels)}"


def _client(cell: Cell) -> str:
    """What the load generator was worth, in a line."""
    level = headline(cell) or (cell.levels[0] if cell.levels else None)
    if level is None:
        return why(cell, "load")
    client = level.client
    parts = [f"{client.stamps} stamps"]
    if client.read_lag_p99_s is not None:
        parts.append(f"read lag p99 {client.read_lag_p99_s * 1000:.1f} ms")
    if client.merged_share is not None:
        parts.append(f"merged {client.merged_share:.0%}")
    calibration = cell.calibration
    if calibration is None:
        parts.append("not calibrated on this machine")
    elif calibration.highest_streams_within_1_percent is None:
        parts.append("client not within 1% at any load tried")
    else:
        streams = calibration.highest_streams_within_1_percent
        parts.append(f"client within 1% up to {streams} streams")
    return ", ".join(parts)


# --- energy ----------------------------------------------------------------------------------


def _energy(row: Row, level: Level | None) -> None:
    values, file = row.values, "telemetry.parquet"
    task = task_level(row.cell)
    none = why_no_load(row.cell)
    per: dict[str, tuple[Level | None, Callable[[cost.Work], int]]] = {
        "energy_j_per_output_tok": (level, lambda work: work.output_tokens),
        "energy_j_per_answer": (task, lambda work: work.requests),
    }
    for key, (at, count) in per.items():
        found = cost.energy_j(at, count(cost.work(at))) if at else None
        reason = _no_energy(at, "nothing was answered") if at else none
        values[key] = row.of(found, reason, file)
    idle = level.energy.idle_w if level else None
    values["idle_power_w"] = (
        Figure(reason=_no_energy(level, "idle power was not measured") if level else none)
        if idle is None
        else Figure(value=idle, source=row.source(file))
    )


def _no_energy(level: Level, otherwise: str) -> str:
    """The counter's own reason; `otherwise` where the counter was read."""
    source = level.energy.source
    return source if source.startswith("not measured") else f"not measured: {otherwise}"


# --- accuracy and fine-tuning ----------------------------------------------------------------


def _accuracy(row: Row, tasks: tuple[str, ...], metric: str) -> Figure:
    scores = [
        score
        for score in row.cell.scores
        if score.task.startswith(tasks) and score.metric == metric and not score.adapter
    ]
    if not scores:
        return Figure(reason=why(row.cell, "accuracy"))
    score = scores[0]
    file = f"accuracy/samples-{score.task}.jsonl"
    return row.of(score.value, f"void: {score.void_reason}", file)


def _conditions(cell: Cell) -> str:
    main = [score for score in cell.scores if not score.adapter]
    if not main:
        return why(cell, "accuracy")
    first = main[0]
    tasks = dict.fromkeys(
        f"{score.task}: limit {score.limit or 'none'},"
        f" {'shots unknown' if score.num_fewshot is None else f'{score.num_fewshot}-shot'}"
        + (f", {score.cut} cut, {score.empty} empty" if score.cut is not None else "")
        + (f", {score.failed} failed" if score.failed else "")
        for score in main
    )
    return (
        f"lm-eval {first.lm_eval_version}, {first.dtype}, chat template"
        f" {_TEMPLATE[first.chat_template]}, BOS {_BOS[first.bos]}; " + "; ".join(tasks)
    )


def finetune_columns(row: Row) -> None:
    """Fill in what training took."""
    tuned = row.cell.finetune
    spent = {
        "finetune_seconds": tuned.seconds if tuned else None,
        "finetune_tokens": float(tuned.train_tokens) if tuned else None,
        "finetune_peak_memory_gib": tuned.peak_memory_bytes / 2**30 if tuned else None,
    }
    for key, value in spent.items():
        row.values[key] = Figure(
            value=value,
            n=1 if tuned else None,
            reason=None if tuned else why(row.cell, "finetune"),
            source=row.source("finetune/outcome.json"),
        )


# --- side by side ----------------------------------------------------------------------------


def all_but_repeat(cell: Cell) -> str:
    """What two cells share that differ only in their repeat."""
    kept = {
        name
        for name, info in RunConfig.model_fields.items()
        if name != "repeat" and not isinstance(info.json_schema_extra, dict)  # no label
    }
    same = {name: value for name, value in cell.config.items() if name in kept}
    return json.dumps(same, sort_keys=True, default=str)


def _repeats(row: Row, group: Sequence[Row]) -> None:
    """How often the server was started for the same measurement, and how far starts differ.

    At one level: each start's own best one would mix loads and choose the lucky.
    """
    starts = {(other.cell.cell_id, other.cell.started_at): other for other in group}
    own, number = headline(row.cell), row.cell.config.get("repeat", 0)
    rates = [
        level.output_tok_per_s.value
        for other in starts.values()
        for level in other.cell.levels
        if own and level.name == own.name and not level.void and level.output_tok_per_s
    ]
    with_rate = f"{len(rates)} with a valid {own.name}" if own else "no valid level in this one"
    row.values["repeats"] = f"repeat {number}; {len(starts)} in this report, {with_rate}"
    few = "not measured: fewer than two starts of the server (repeat=0,1,2)"
    row.values["output_tok_per_s_restarts"] = (
        row.of(stats.mean(rates), "", "cell.json and its repeats")
        if len(rates) > 1
        else Figure(reason=few if own else why_no_load(row.cell))
    )


def _roofline(row: Row) -> float | None:
    """Share of the nearer roof that the headline level uses: max(MFU, MBU)."""
    known = [v for v in (row.figure("mfu").value, row.figure("mbu").value) if v is not None]
    return max(known, default=None)


def _headrooms(rows: Sequence[Row]) -> None:
    """How much of the nearer roof each uses, with a flag on those that use far less or more."""
    known = [(row, found) for row in rows if (found := _roofline(row)) is not None]
    shares = np.array([found for _, found in known])
    for row in rows:
        row.values["headroom"] = row.figure("mfu").reason or "not measured: no reason"
    for row, own in known:
        text = f"uses {own:.0%} of the nearer roof"
        # A product, since a share may be zero.
        apart = np.maximum(own, shares) > _FAR_APART * np.minimum(own, shares)
        far = dict.fromkeys(
            f"{known[place][0].text('model')} ({known[place][1]:.0%})"
            for place in np.flatnonzero(apart)[:_MOST_NAMED]
        )
        if far:
            more = int(apart.sum()) - _MOST_NAMED
            text += (
                f"; FLAG: more than a factor of two from {', '.join(far)}"
                f"{f' and {more} more' if more > 0 else ''},"
                " so a lower cost may be better tuning and not a cheaper model"
            )
        row.values["headroom"] = text


# --- small things ----------------------------------------------------------------------------


def _status(cell: Cell) -> str:
    if cell.failure:
        return f"{cell.status} in {cell.failure.stage}: {cell.failure.reason}"
    return cell.status


def _evidence(cell: Cell) -> str:
    if is_endpoint(cell):
        return "measured at an endpoint, hardware not ours"
    return "measured on a CPU, not what a GPU does" if cell.cpu_only else "measured"


def _hardware(cell: Cell) -> str:
    if is_endpoint(cell):
        return "endpoint, hardware unknown"
    found = cell.environment.get("gpus")
    if cell.config["hardware"]["kind"] == "gpu" and isinstance(found, list):
        return f"{gpus(cell)} x {found[0]['name']}"
    return f"{cell.environment['cpu']}, {cell.environment['cores']} cores, no GPU"
