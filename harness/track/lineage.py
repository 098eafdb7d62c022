"""Artifacts and what they came from: model -> record -> report.

W&B knows lineage by artifacts that a run uses and artifacts that it logs. Offline a run cannot look
up what others logged. It gives the same content under the same name instead, as used: on the server
equal content is one version, so the edges meet.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.fetch import sha256_file
from harness.records import store
from harness.records.schema import Cell
from harness.track import session, shared

_REPORT_FILES = (
    "report.html", "summary.csv", "summary.parquet", "summary.md", "summary.xlsx",
)  # fmt: skip
_FOLDERS = ("accuracy", "behaviour", "finetune", "finetune/scored-base", "finetune/scored-adapter")
_KEPT = ("outcome.json",)


def log(run: Any, artifact: Any) -> None:
    """The run made this."""
    run.log_artifact(artifact)


def use(run: Any, artifact: Any) -> None:
    """The run was made from this."""
    # The public `use_artifact` refuses offline runs. Below it is this call, for which the sync of
    # an offline run uploads the content where it is new and then records the use.
    run._log_artifact(artifact, is_user_created=True, use_after_commit=True)


def model(cell: Cell, sweep_dir: Path) -> Any | None:
    """Which weights: their identity, not their content. None where it is not known.

    Cells of the same weights give the same version.
    """
    import wandb

    config = shared.config(cell)["model"]
    identity = {
        "key": config["key"],
        "developer": config["developer"],
        "content_id": shared.text(cell.weights.get("content_id", shared.NOT_RECORDED)),
        "provenance": shared.text(cell.weights.get("provenance", shared.NOT_RECORDED)),
    }
    if cell.status != "done" and not cell.weights:
        return None  # it never had weights; another cell's version says more
    name = str(config["name"])
    artifact = wandb.Artifact(f"model-{name}", type="model", metadata=identity)
    staged = _staging(sweep_dir, "models", cell.cell_id) / "model.json"
    store.write_text(staged, json.dumps(identity, indent=1, sort_keys=True) + "\n")
    _add(artifact, staged, staged.name)
    return artifact


def record(cell: Cell, folder: Path) -> Any:
    """The cell's record: the same artifact from whichever run asks.

    `cell.json` is without this machine's paths and secrets; the hash of the record as it lies on
    disk is among the metadata. Jobs, logs and the adapter's weights stay on disk.
    """
    import wandb

    identity = session.run_id(folder.parent, cell.cell_id)
    artifact = wandb.Artifact(
        f"record-{identity}",
        type="record",
        metadata={
            "cell_id": cell.cell_id,
            "sweep": cell.sweep,
            "status": cell.status,
            "schema_version": cell.schema_version,
            "cell_json_sha256": content(folder),
        },
    )
    staging = _staging(folder.parent, "records", cell.cell_id)
    text = json.dumps(shared.record(cell), indent=1, ensure_ascii=False) + "\n"
    store.write_text(staging / store.CELL_FILE, text)
    _add(artifact, staging / store.CELL_FILE, store.CELL_FILE)
    for path in _files(folder):
        name = path.relative_to(folder)
        _add(artifact, _linked(path, staging / name), str(name))
    return artifact


def report(sweep_dir: Path) -> Any:
    """The files of the sweep's report."""
    import wandb

    artifact = wandb.Artifact(f"report-{session.run_id(sweep_dir, sweep_dir.name)}", type="report")
    staging = _staging(sweep_dir, "report", "")
    for name in _REPORT_FILES:
        path = sweep_dir / name
        if path.exists():
            _add(artifact, _linked(path, staging / name), name)
    return artifact


def content(folder: Path) -> str:
    """Hash of a record: what counts as the same content."""
    return sha256_file(folder / store.CELL_FILE)


def _files(folder: Path) -> Iterator[Path]:
    """What the record's artifact holds beside cell.json."""
    yield from sorted(folder.glob("*.parquet"))
    for part in _FOLDERS:
        yield from sorted((folder / part).glob("samples*.jsonl"))
        yield from (path for name in _KEPT if (path := folder / part / name).exists())


def _staging(sweep_dir: Path, kind: str, name: str) -> Path:
    folder = session.home(sweep_dir) / "staged" / kind / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _linked(path: Path, staged: Path) -> Path:
    """The file under a second name, which costs no space.

    A later attempt moves the first name away, and W&B's upload may delete what it has uploaded.
    """
    staged.parent.mkdir(parents=True, exist_ok=True)
    staged.unlink(missing_ok=True)
    try:
        os.link(path, staged)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, staged)
    return staged


def _add(artifact: Any, path: Path, name: str) -> None:
    artifact.add_file(str(path.resolve()), name=name, policy="immutable", skip_cache=True)
