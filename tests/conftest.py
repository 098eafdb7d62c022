"""One real run, shared by every test that reads what a run leaves behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness import cli
from harness.fetch import cache_dir
from tests.builders import parse_shipped_once

# A shell without job control lets what it starts in the background ignore Ctrl-C, and children
# inherit that: the tests that send one would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Small but complete: a closed and an open level, all three tasks, a LoRA of a few steps.
TINY = (
    "model=smollm2_135m",
    "workload.levels=[{kind: closed, concurrency: 2, requests: 6},"
    " {kind: open, rate_rps: 1.0, arrivals: poisson, requests: 6}]",
    "accuracy.tasks.hellaswag_100.limit=6",
    "accuracy.tasks.gsm8k_100.limit=3",
    "accuracy.tasks.exam_zh.limit=4",
    "behaviour=quick",
    "behaviour.pairs=2",
    "behaviour.languages=[en,zh]",
    "behaviour.controls=1",
    "behaviour.code_tasks=1",
    "behaviour.max_tokens=24",
    "finetune=demo",
    "finetune.train_examples=24",
    "finetune.heldout_examples=24",
    "tracking=wandb",
)
LOAD_ONLY = ("model=smollm2_135m", "accuracy=none", "finetune=none", "report.enabled=false")


@dataclass(frozen=True)
class Run:
    """A finished `harness run`."""

    returncode: int
    stdout: str
    stderr: str
    sweep: Path


def environment(results: Path) -> dict[str, str]:
    """Ours without what would make W&B go online, and with no answers cached by earlier runs."""
    cache = results / "cache"
    if not cache.exists():
        cache.mkdir()
        (cache_dir() / "models").mkdir(exist_ok=True)
        (cache / "models").symlink_to(cache_dir() / "models")  # converted once, not per run
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    return kept | {"HARNESS_CACHE": str(cache)}


def start(results: Path, sweep: str, *overrides: str) -> subprocess.Popen[str]:
    """`harness run` as a user starts it."""
    argv = [sys.executable, "-m", "harness", "run", f"results_dir={results}", f"sweep={sweep}"]
    return subprocess.Popen(
        [*argv, *overrides],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(results),
        cwd=results,
    )


def finish(process: subprocess.Popen[str], results: Path, sweep: str) -> Run:
    """Wait for a run's end."""
    out, err = process.communicate(timeout=600)
    return Run(process.returncode, out, err, results / sweep)


def servers() -> list[psutil.Process]:
    """Every process of a model server on this machine; the guards that start them are none."""
    found = []
    for process in psutil.process_iter(["cmdline", "name"]):
        words = " ".join(process.info["cmdline"] or [process.info["name"] or ""])
        if ("vllm.entrypoints" in words or "VLLM::" in words) and "child.py" not in words:
            found.append(process)
    return found


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One real cell with every stage, W&B and the report."""
    results = tmp_path_factory.mktemp("results")
    return finish(start(results, "whole", *TINY), results, "whole")


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: list[str]


Harness = Callable[..., Said]


@pytest.fixture
def harness(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Harness:
    """`harness ...` in this process, in an empty folder; the import alone takes 1.5 s."""
    parse_shipped_once(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # main sets it; this restores it

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = capsys.readouterr()
        # After Ctrl-C click ends the terminal's line with an empty one.
        return Said(code, printed.out, [line for line in printed.err.splitlines() if line])

    return call
