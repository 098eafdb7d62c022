"""How columns that describe a record were made: settings, machine, levels, client, state."""

from harness.report.explain.explained import Explainer, Working, shown
from harness.report.rows import gpus, headline


def settings(*fields: str) -> Explainer:
    """A text that shows settings of the cell as they were resolved."""

    def explain(out: Working) -> None:
        for field in fields:
            out.recorded(field, f"config.{field}", out.setting(field))

    return explain


def _weights(out: Working) -> None:
    for name, value in out.cell.weights.items():
        out.recorded(name.replace("_", " "), f"weights.{name}", value)


def _hardware(out: Working) -> None:
    settings("hardware.name", "hardware.kind", "engine.kind")(out)
    for name in ("cpu", "cores", "gpus"):
        out.recorded(
            f"as the machine told, {name}", f"environment.{name}", out.cell.environment.get(name)
        )
    out.step(f"GPUs that the model uses: {gpus(out.cell)}")


def _evidence(out: Working) -> None:
    settings("engine.kind", "hardware.kind")(out)
    out.recorded("figures of a CPU", "cpu_only", out.cell.cpu_only)


def _dtype(out: Working) -> None:
    settings("model.dtype", "model.quantization")(out)
    out.recorded("as the server was started", "server.dtype", out.cell.server.get("dtype"))


def _level(out: Working) -> None:
    chosen = headline(out.cell)
    for level in out.cell.levels:
        rate = level.output_tok_per_s
        asked_in, asked_out = level.input_tokens_asked, level.output_tokens_asked
        what = f"{level.name}, {asked_in or 'any'} tokens in and {asked_out or 'any'} out"
        state = "void" if level.void else "valid"
        value = "no throughput" if rate is None else f"{shown(rate.value)} tok/s, {state}"
        out.recorded(what, f"levels[{level.name}].output_tok_per_s", value)
    settings("workload.prompts.input_tokens", "workload.output.tokens")(out)
    if chosen:
        out.step(f"the fastest valid level of the workload's own shape: {chosen.name}")


def _void(out: Working) -> None:
    for level in out.cell.levels:
        reasons = "; ".join(level.void) or "valid"
        out.recorded(level.name, f"levels[{level.name}].void", reasons)
    out.given("limits", out.setting("workload.limits"), "cell.json, config.workload.limits")


def _client(out: Working) -> None:
    level = headline(out.cell) or (out.cell.levels[0] if out.cell.levels else None)
    if level:
        for name, value in level.client.model_dump().items():
            out.recorded(name.replace("_", " "), f"levels[{level.name}].client.{name}", value)
    found = out.cell.calibration
    out.recorded(
        "most streams within 1%",
        "calibration.highest_streams_within_1_percent",
        found.highest_streams_within_1_percent if found else "not calibrated",
    )


def _status(out: Working) -> None:
    out.recorded("status", "status", out.cell.status)
    for name, stage in out.cell.stages.items():
        text = f"{stage.status}{f': {stage.reason}' if stage.reason else ''}"
        out.recorded(f"stage {name}", f"stages.{name}", text)
    if out.cell.failure:
        out.recorded("failure", "failure.reason", out.cell.failure.reason)


def _cell_id(out: Working) -> None:
    settings("model.name", "workload.name", "seed", "repeat")(out)
    out.step(
        "<model>-<workload>-<12 hex digits of a hash of every setting that can change a"
        " measurement>; prices and risk cannot"
    )


def absent(out: Working) -> None:
    """Where there is no figure: what the record says of its stages and levels."""
    _status(out)
    for level in out.cell.levels:
        if level.void:
            out.recorded(f"void {level.name}", f"levels[{level.name}].void", "; ".join(level.void))


EXPLAINERS: dict[str, Explainer] = {
    "model": settings("model.name"),
    "model_key": settings("model.key", "model.source"),
    "weights_provenance": _weights,
    "hardware": _hardware,
    "evidence": _evidence,
    "workload": settings("workload.name", "workload.kind"),
    "dtype": _dtype,
    "level": _level,
    "void_levels": _void,
    "client": _client,
    "status": _status,
    "cell_id": _cell_id,
}
