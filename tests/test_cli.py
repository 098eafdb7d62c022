"""harness.cli: a user's mistake is one line and an exit code, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.errors import (
    ConfigError,
    FactError,
    HarnessError,
    MeasurementError,
    SetupError,
)
from harness.records.schema import Calibration
from harness.report.page import write as page
from tests.builders import cell, failed_cell, write_sweep
from tests.conftest import Harness


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["run", "seed=x"], "error: seed=x: should be a valid integer"),
        (["run", "+load.rte=3"], 'error: load={"rte": 3}: no such key; did you mean workload?'),
        (["run", "model=nope"], "error: In 'run': Could not find 'model/nope'"),
        (["run", "model=3"], "error: "),
        (["run", "a=b=c"], "error: mismatched input"),
        (["run", "-m", "seed=0,x"], "error: seed=x: should be a valid integer"),
        (["run", "accuracy.tasks={nope: {}}"], "error: accuracy.tasks.nope: no such task; shipped"),
        (["run", "finetune=demo", "finetune.train_examples=9999"], "error: finetune.train_exampl"),
        (["report", "buyer=eu_private"], "error: name at least one sweep folder"),
        (["report", "folder", "buyer=nobody"], "error: In 'judge': Could not find 'buyer/nobody'"),
        (["report", "folder", "risk.weights.listing=1"], "error: risk: weights sum to 1.8, not 1"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_wrong_configuration_is_one_line_and_exit_code_2(
    harness: Harness, tmp_path: Path, arguments: list[str], start: str
) -> None:
    said = harness(*arguments)

    assert said.code == 2
    [line] = said.err
    assert line.startswith(start)
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []  # nothing was started


def test_each_problem_has_its_line(harness: Harness) -> None:
    said = harness("run", "seed=x", "model.dtype=int3")

    assert said.code == 2
    assert len(said.err) == 2
    assert all(line.startswith("error: ") for line in said.err)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["rum"], "No such command 'rum'"),
        (["report"], "Missing argument"),
        (["report", "a", "--nope"], "No such option '--nope'"),
        (["run", "--bogus"], "--bogus"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_wrong_word_on_the_command_line_is_named_with_exit_code_2(
    harness: Harness, arguments: list[str], named: str
) -> None:
    said = harness(*arguments)

    assert said.code == 2
    assert named in said.err[-1]
    assert not any("Traceback" in line for line in said.err)


def test_a_report_on_nothing_names_the_folder(harness: Harness, tmp_path: Path) -> None:
    said = harness("report", str(tmp_path))

    assert said.code == 5
    assert said.err == [
        f"error: {tmp_path}: no cell records there (a folder of results/ is expected)"
    ]


def test_a_report_that_lacks_a_price_writes_nothing(harness: Harness, tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "unit", cell(config={"hardware.name": "unheard"}))

    said = harness("report", str(sweep))

    assert said.code == 5
    assert len(said.err) == 1
    assert "no price for hardware unheard" in said.err[0]
    assert not list(sweep.glob("summary.*"))


def test_a_report_writes_its_files_where_it_is_told(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "library", lambda: "")  # bundling Vega takes seconds
    sweep = write_sweep(tmp_path / "unit", cell(), failed_cell())

    said = harness("report", str(sweep), "buyer=eu_private", "--out", str(tmp_path / "out"))

    assert (said.code, said.err) == (0, [])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.html",
        "summary.csv",
        "summary.md",
        "summary.parquet",
        "summary.xlsx",
    ]
    assert "not measured: not reached" in said.out
    assert not list(sweep.glob("summary.*"))


def test_a_dry_run_prints_every_cell_and_starts_nothing(harness: Harness, tmp_path: Path) -> None:
    said = harness("run", "-m", "seed=0,1", "dry_run=true")

    assert (said.code, said.err) == (0, [])
    assert said.out.count("smollm2_135m-chat_short-") == 2
    assert said.out.count("[due]") == 2
    assert "vllm.entrypoints.openai.api_server" in said.out
    assert said.out.splitlines()[-1].startswith("2 of 2 cells due, about ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (SetupError("x"), 3),
        (MeasurementError("x"), 4),
        (FactError("x"), 5),
        (KeyboardInterrupt(), 130),
        (ValueError("x"), 1),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_kind_of_error_has_its_exit_code_and_one_line(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "_measure", fail)

    said = harness("run")

    assert said.code == code
    assert len(said.err) == 1
    assert said.err[0].startswith("error: ")


def test_every_error_class_is_tested_above() -> None:
    assert {each.exit_code for each in HarnessError.__subclasses__()} == {2, 3, 4, 5}


def test_a_bug_says_that_it_is_one_and_how_to_see_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_measure", lambda _: 1 / 0)

    said = harness("run")

    assert said.err == ["error: ZeroDivisionError: division by zero (a bug; --debug shows where)"]


@pytest.mark.parametrize("arguments", [["--debug", "run", "seed=x"], ["run", "seed=x", "--debug"]])
def test_debug_anywhere_on_the_line_shows_the_traceback(
    harness: Harness, arguments: list[str]
) -> None:
    said = harness(*arguments)

    assert said.code == 2
    assert said.err[0].startswith("Traceback")
    assert said.err[-1] == "error: seed=x: should be a valid integer"


@pytest.mark.parametrize("arguments", [["--help"], ["report", "--help"]])
def test_help_is_there(harness: Harness, arguments: list[str]) -> None:
    said = harness(*arguments)

    assert (said.code, said.err) == (0, [])
    assert "harness report results/demo" in said.out


def test_the_module_as_a_program_ends_with_the_code_and_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "run", "sweeep=1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=dict(os.environ),
    )

    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("error: sweeep=1: no such key; did you mean sweep?")


def test_calibrate_prints_a_table_and_writes_the_figures(harness: Harness, tmp_path: Path) -> None:
    done = harness("calibrate", "--streams", "2", "--out", str(tmp_path / "client.json"))

    assert done.code == 0
    assert "times are taken by the kernel clock" in done.out
    assert "streams  event error p50 / p99" in done.out
    found = Calibration.model_validate_json((tmp_path / "client.json").read_text("utf-8"))
    # Three answers of 64 tokens for each of two streams.
    assert [(point.streams, point.events) for point in found.points] == [(2, 384)]
    assert not found.short


@pytest.mark.parametrize("streams", ["many", "0", "4,-1"])
def test_calibrate_refuses_what_is_no_number_of_streams(harness: Harness, streams: str) -> None:
    done = harness("calibrate", f"--streams={streams}")

    assert (done.code, len(done.err)) == (2, 1)
    assert "--streams" in done.err[0]
