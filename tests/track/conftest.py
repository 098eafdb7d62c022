"""One sweep copied to W&B offline, then uploaded to a server of ours; every test reads of it."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.config.run import WandbTracking
from harness.records import store
from harness.records.schema import Cell, Stage
from harness.report.join import join
from harness.report.tables import write_parquet
from harness.stats import proportion
from harness.track import cell_run, session, sweep_run, upload
from tests import wandb_file, wandb_server
from tests.builders import (
    cell,
    failed_cell,
    finetune_result,
    judge_config,
    level,
    parse_shipped_once,
    score,
    write_sweep,
)
from tests.report.judging import FACTS
from tests.risk.making import write_registry

TRACKING = WandbTracking(kind="wandb", project="unit", mode="offline")
MEASURED, RETRIED = "tiny-chat-000000000001", "tiny-chat-00000000000f"
HOST = "gpu-7-of-lab"
SECRET = "correct-horse-battery-staple"
DONE = Stage(status="done", seconds=5.0)
SAMPLES = 3
"""Of the accuracy task below."""


@dataclass
class Offline:
    """What a run left on disk, read back from its log."""

    run: Any
    config: dict[str, Any]
    summary: dict[str, Any]
    history: list[dict[str, Any]]
    metrics: dict[str, tuple[str, bool]] = field(default_factory=dict)  # name -> axis, summary off
    artifacts: dict[str, Any] = field(default_factory=dict)
    exit_codes: list[int] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)  # of record in the log
    folder: Path = Path()

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of a table that was logged."""
        [path] = (self.folder / "files" / "media" / "table").glob(f"{name}_*.table.json")
        found = json.loads(path.read_text("utf-8"))
        return [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]


@dataclass
class Tracked:
    """The sweep, its offline runs in order, what the server got of them."""

    home: Path  # where the sweep was written, before it was moved
    folder: Path
    runs: dict[str, list[Offline]]
    sent: wandb_server.Sent
    uploaded: int
    written_twice: bool


def measured_cell(home: Path) -> Cell:
    """A cell with every kind of level, scores and fine-tuning, and settings nobody else may see."""
    levels = (
        level(name="r2", kind="open", concurrency=None, rate_rps=2.0),
        level(name="r1", kind="open", concurrency=None, rate_rps=1.0),
        level(name="c8", concurrency=8, void=("client_lag: it was late",)),
        level(name="c1", concurrency=1),
    )
    stages = cell().stages | {"load": DONE, "accuracy": DONE, "finetune": DONE}
    return cell(
        MEASURED,
        levels=levels,
        stages=stages,
        scores=(score(),),
        finetune=finetune_result(),
        config={
            "results_dir": str(home / "results"),
            "model.source": {"kind": "folder", "path": str(home / "weights/tiny"), "sha256": "0"},
            "engine.env": {"VLLM_CACHE": str(home)},
        },
        server={"dtype": "float32", "argv": ["vllm", "--api-key", SECRET, "--model", str(home)]},
    )


def write_files(folder: Path) -> None:
    """What the stages of `measured_cell` leave beside the record."""
    sample = {
        "doc_id": 0,
        "target": 1,
        "arguments": [["2 + 2 =", " 3"], ["2 + 2 =", " 4"]],
        "resps": [[[-2.0, False]], [[-0.5, True]]],
        "filter": "none",
        "metrics": ["acc"],
        "acc": 1.0,
        "request_failed": False,
        "ended": None,
    }
    probe = {
        "item_id": "p1",
        "kind": "paired",
        "group": "neutral",
        "language": "en",
        "prompt": "Why?",
        "answer": "Because.",
        "label": "substance",
        "finish_reason": "stop",
        "output_tokens": 3,
        "error": None,
    }
    job = {
        "train": [{"prompt": "ab", "completion": "c"}, {"prompt": "é", "completion": "fgh"}],
        "settings": {"epochs": 2, "batch_size": 1},
        "model_folder": str(folder.parent.parent),
    }
    curve = [{"step": step, "loss": 2.0 - step / 4} for step in (1, 2, 3, 4)]
    for path, lines in (
        ("accuracy/samples-sums.jsonl", [sample] * SAMPLES),
        ("behaviour/samples.jsonl", [probe]),
        ("finetune/job.json", [job]),
        ("finetune/outcome.json", [{"curve": curve}]),
    ):
        (folder / path).parent.mkdir(exist_ok=True)
        text = "\n".join(json.dumps(line) for line in lines) + "\n"
        (folder / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    """A measured cell; one that failed, was copied, and was measured again; the report."""
    home = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as patched, wandb_server.running() as sent:
        parse_shipped_once(patched)
        for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
            patched.delenv(name, raising=False)
        patched.setenv("SOME_TOKEN", SECRET)
        patched.setattr(socket, "gethostname", lambda: HOST)
        told = f"{HOST}: {home}/log says {SECRET}"
        failed = failed_cell(RETRIED)
        assert failed.failure
        failed = failed.model_copy(
            update={"failure": failed.failure.model_copy(update={"reason": told})}
        )
        facts = write_registry(home / "facts", FACTS)
        sweep = write_sweep(home / "unit", measured_cell(home), failed)
        write_files(sweep / MEASURED)
        for folder, each in store.cells(sweep):
            assert cell_run.log(folder, each, TRACKING)
        twice = cell_run.log(sweep / MEASURED, store.read(sweep / MEASURED), TRACKING)
        again = cell(RETRIED, scores=(score(value=proportion(10, 20)),))
        store.commit(store.begin(sweep, RETRIED), again)
        cell_run.log(sweep / RETRIED, again, TRACKING)
        judged = join([sweep], judge_config(registry_dirs=(facts,)))
        (home / "elsewhere").mkdir()
        write_parquet([judged], sweep / "summary.parquet")
        (sweep / "report.html").write_text("<!doctype html><p>the page</p>", encoding="utf-8")
        sweep_run.log(sweep, TRACKING)
        sweep = sweep.rename((home / "elsewhere").joinpath("unit"))  # as to another machine
        runs: dict[str, list[Offline]] = {}
        for path in sorted((sweep / "wandb").glob("offline-run-*")):
            read = read_back(path)
            runs.setdefault(read.run.run_id, []).append(read)
        patched.setenv("WANDB_BASE_URL", sent.url)
        patched.setenv("WANDB_API_KEY", "k" * 40)
        count = upload.upload(sweep)
        yield Tracked(home, sweep, runs, sent, count, twice)


def read_back(folder: Path) -> Offline:
    """A run from its offline folder."""
    [path] = folder.glob("*.wandb")
    found: Offline | None = None
    for record in wandb_file.records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run" and found is None:
            config = wandb_file.values(record.run.config.update)
            found = Offline(record.run, config, {}, [], folder=folder)
        if found is None:
            continue
        found.kinds.add(kind)
        if kind == "summary":
            found.summary |= wandb_file.values(record.summary.update)
        elif kind == "history":
            found.history.append(wandb_file.values(record.history.item))
        elif kind == "metric":
            name = record.metric.name or record.metric.glob_name
            found.metrics[name] = (record.metric.step_metric, record.metric.summary.none)
        elif kind == "artifact":
            found.artifacts[record.artifact.name] = record.artifact
        elif kind == "exit":
            found.exit_codes.append(record.exit.exit_code)
    assert found is not None
    return found


@pytest.fixture
def measured(tracked: Tracked) -> Offline:
    """The run of the measured cell."""
    [run] = tracked.runs[session.run_id(tracked.folder, MEASURED)]
    return run


@pytest.fixture
def reported(tracked: Tracked) -> Offline:
    """The run of the report."""
    [run] = tracked.runs[session.run_id(tracked.folder, f"report-{tracked.folder.name}")]
    return run
