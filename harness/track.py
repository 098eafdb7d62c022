"""Records -> W&B, one run per cell. W&B is a copy: what counts lies on disk before this starts."""

import netrc
import os
from pathlib import Path
from typing import Any, Literal

from harness.config.run import WandbTracking
from harness.records.schema import Cell, Latency, Level
from harness.risk.load import load_registry
from harness.stats import Estimate

_LEVEL_COLUMNS = (
    "name", "kind", "concurrency", "rate_rps", "requests", "failed", "duration_s", "input_tokens",
    "output_tokens", "length_missed",
)  # fmt: skip
_LEVEL_FIGURES = ("total_tok_per_s", "requests_per_s", "goodput_rps")  # None where void
_PERCENTILES = ("p50", "p90", "p99")
_LATENCIES = ("ttft", "ttfa", "itl", "tpot", "e2e")


def mode(tracking: WandbTracking) -> Literal["online", "offline"]:
    """online or offline; `auto` is online only where a key is set."""
    if tracking.mode != "auto":
        return tracking.mode
    if os.environ.get("WANDB_API_KEY"):
        return "online"
    try:
        return "online" if netrc.netrc().authenticators("api.wandb.ai") else "offline"
    except (FileNotFoundError, netrc.NetrcParseError):
        return "offline"


def log(folder: Path, cell: Cell, tracking: WandbTracking) -> None:
    """Write one run for the record in `folder`; a failed cell gives a failed run.

    Everything of W&B's, staged artifacts too, lies in `<sweep>/wandb`, so that it moves with the
    sweep. Host name, git state, console and command line are not collected.
    """
    home = folder.parent / "wandb"
    home.mkdir(exist_ok=True)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR"):
        os.environ[name] = str(home.resolve())
    os.environ["WANDB_SILENT"] = "true"
    import wandb

    run = wandb.init(
        project=tracking.project,
        entity=tracking.entity,
        mode=mode(tracking),
        dir=str(home),
        id=cell.cell_id,
        name=cell.cell_id,
        group=cell.sweep,
        job_type="cell",
        tags=_tags(cell),
        config=_config(cell),
        settings=wandb.Settings(
            host="not recorded",
            console="off",
            disable_git=True,
            save_code=False,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
        ),
    )
    try:
        run.define_metric("level/*", step_metric="level/offered")
        for level in cell.levels:
            run.log({f"level/{key}": value for key, value in _level_metrics(level).items()})
        names = [f"{name}_{p}_s" for name in _LATENCIES for p in _PERCENTILES]
        columns = [*_LEVEL_COLUMNS, *_LEVEL_FIGURES, "void", "energy_j", "energy_source", *names]
        table = wandb.Table(columns=columns)
        for level in cell.levels:
            void = "; ".join(level.void)
            percentiles = {} if level.void else _percentiles(level)
            figures = () if level.void else _LEVEL_FIGURES
            table.add_data(
                *(getattr(level, name) for name in _LEVEL_COLUMNS),
                *(getattr(level, name) if name in figures else None for name in _LEVEL_FIGURES),
                void,
                None if level.void else level.energy.energy_j,
                f"void: {void}" if level.void else level.energy.source,
                *(percentiles.get(name) for name in names),
            )
        run.log({"levels": table})
        run.summary.update(summary(cell))
        artifact = wandb.Artifact(f"record-{cell.cell_id}", type="record")
        for path in sorted(folder.iterdir()):
            if path.suffix in {".json", ".parquet"}:
                artifact.add_file(str(path))
        run.log_artifact(artifact)
    finally:
        run.finish(exit_code=0 if cell.status == "done" else 1)


def summary(cell: Cell) -> dict[str, Any]:
    """Summary metrics with units in their names; what was not measured is absent."""
    found: dict[str, Any] = {"status": cell.status, "cpu_only": cell.cpu_only}
    if cell.failure:
        found |= {"failure_stage": cell.failure.stage, "failure_reason": cell.failure.reason}
    for stage_name, stage in cell.stages.items():
        if stage.seconds is not None:
            found[f"{stage_name}_seconds"] = stage.seconds
    for level in cell.levels:
        for key, value in _level_metrics(level).items():
            found[f"{level.name}/{key}"] = value
    for score in cell.scores:
        if score.value is not None:
            prefix = "adapter/" if score.adapter else ""
            found[f"accuracy/{prefix}{score.task}/{score.metric}"] = score.value.value
            found[f"accuracy/{prefix}{score.task}/{score.metric}_stderr"] = score.stderr
    if cell.finetune:
        for name in ("seconds", "train_tokens", "peak_memory_bytes", "loss_before", "loss_after"):
            found[f"finetune/{name}"] = getattr(cell.finetune, name)
    return found


def _tags(cell: Cell) -> list[str]:
    return [cell.config["model"]["name"], _country(cell), cell.config["engine"]["kind"]]


def _country(cell: Cell) -> str:
    developer = load_registry().parties.get(cell.config["model"]["developer"])
    return developer.headquarters.value if developer else "unknown"


def _config(cell: Cell) -> dict[str, Any]:
    ours = ("tracking", "report", "results_dir", "dry_run")  # of this machine, not of the cell
    config = {key: value for key, value in cell.config.items() if key not in ours}
    config["model"] = {**config["model"], "country": _country(cell)}
    config["environment"] = cell.environment
    return config


def _level_metrics(level: Level) -> dict[str, Any]:
    offered = level.rate_rps if level.rate_rps is not None else level.concurrency
    metrics: dict[str, Any] = {
        "offered": offered, "failed": level.failed, "void": bool(level.void),
    }  # fmt: skip
    if level.void:
        return metrics  # a void figure must not be plotted beside valid ones
    if level.output_tok_per_s:
        metrics["output_tok_per_s"] = level.output_tok_per_s.value
    if level.goodput_rps is not None:
        metrics["goodput_rps"] = level.goodput_rps
    return metrics | {k: v for k, v in _percentiles(level).items() if v is not None}


def _percentiles(level: Level) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in _LATENCIES:
        latency: Latency = getattr(level, f"{name}_s")
        for p in _PERCENTILES:
            estimate: Estimate | None = getattr(latency, p)
            found[f"{name}_{p}_s"] = estimate.value if estimate else None
    return found
