from pathlib import Path

import pytest
import wandb
from click.testing import CliRunner

from harness import cli_track
from harness.config.identity import cell_id
from harness.errors import FactError, SetupError
from harness.records import store
from harness.report.tables import write_parquet
from harness.track import cell_run, session, sweep_run
from tests import wandb_server
from tests.builders import cell, run_config, write_sweep
from tests.report.judging import table
from tests.wandb_file import records

ONLINE = {"tracking": {"kind": "wandb", "project": "unit", "mode": "online"}}


def test_tracking_a_sweep_online_uploads_it_and_a_second_time_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cell()
    judged = table(tmp_path, one)
    [sweep] = judged.sweeps
    write_parquet([judged], sweep / "summary.parquet")
    (sweep / "report.html").write_text("<!doctype html><p>the page</p>", encoding="utf-8")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    with wandb_server.running() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        first = CliRunner().invoke(cli_track.track, [str(sweep), "--project", "lab"])
        sent = len(server.calls)
        second = CliRunner().invoke(cli_track.track, [str(sweep), "--project", "lab"])

    run_id = session.run_id(sweep, one.cell_id)
    report = session.run_id(sweep, "report-unit")
    assert first.exit_code == second.exit_code == 0
    assert first.output.splitlines() == [
        "W&B: 1 of 1 cells written, 0 could not be",
        "W&B: report written",
        "W&B: 2 offline runs uploaded",
    ]
    assert (report, "uses", f"record-{run_id}") in server.edges()
    assert server.of("UpsertBucket")[0]["project"] == "lab"
    assert len(server.calls) == sent
    assert "0 of 1 cells written" in second.output
    assert "0 offline runs uploaded" in second.output


def test_many_cells_share_one_start_of_the_service_and_each_has_its_own_whole_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [cell(f"tiny-chat-{i:012x}", config={"seed": i}) for i in range(3)]
    judged = table(tmp_path, *cells)
    [sweep] = judged.sweeps
    starts: list[object] = []
    teardown = wandb.teardown
    monkeypatch.setattr(wandb, "teardown", lambda: (starts.append(None), teardown()))

    CliRunner().invoke(cli_track.track, [str(sweep), "--mode", "offline"])

    assert len(starts) == 1
    logs = [list(records(log)) for log in (sweep / "wandb").glob("offline-run-*/*.wandb")]
    assert all(log[-1].WhichOneof("record_type") == "exit" for log in logs)
    runs = [each.run for log in logs for each in log if each.WhichOneof("record_type") == "run"]
    assert {run.run_id for run in runs} == {session.run_id(sweep, each.cell_id) for each in cells}
    assert all(session.written(sweep, session.run_id(sweep, each.cell_id)) for each in cells)


def test_a_log_that_is_not_whole_at_the_end_is_told_and_written_anew_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cell()
    [sweep] = table(tmp_path, one).sweeps

    def broken(*_: object) -> None:
        raise FactError("the run did not end")

    with monkeypatch.context() as patched:
        patched.setattr(session.offline, "make_relative", broken)
        patched.setattr(session, "_WHOLE_AFTER_S", 0.0)
        first = CliRunner().invoke(cli_track.track, [str(sweep), "--mode", "offline"])
    second = CliRunner().invoke(cli_track.track, [str(sweep), "--mode", "offline"])

    assert "0 of 1 cells written, 1 could not be" in first.output
    assert "the run did not end" in str(first.exception)
    assert "1 of 1 cells written" in second.output


def test_tracking_without_a_report_says_how_to_make_one_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = write_sweep(tmp_path / "unit", cell())
    monkeypatch.setattr(cell_run, "log", lambda *_, **__: True)
    found = CliRunner().invoke(cli_track.track, [str(sweep), "--mode", "offline"])
    assert isinstance(found.exception, SetupError)
    assert "make them with harness report" in str(found.exception)


def test_tracking_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(cli_track.track, [str(tmp_path)])
    assert "no cell records there" in str(found.exception)


def test_nothing_that_w_and_b_raises_reaches_a_cell_or_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise OSError("no space\nleft")

    monkeypatch.setattr(cell_run, "log", fail)
    monkeypatch.setattr(sweep_run, "log", fail)
    monkeypatch.setattr(store, "read", lambda _: cell())
    config = run_config({"results_dir": str(tmp_path), "sweep": "unit", **ONLINE})

    cli_track.after_cell(config)
    cli_track.after_report(config, tmp_path / "unit")

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("W&B: OSError: no space; nothing is lost, see ") for line in lines)


def test_without_tracking_nothing_is_written(tmp_path: Path) -> None:
    config = run_config({"results_dir": str(tmp_path), "tracking": {"kind": "none"}})
    cli_track.after_cell(config)
    cli_track.after_report(config, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_a_line_and_not_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = run_config({"results_dir": str(tmp_path), "sweep": "unit", **ONLINE})
    sweep = write_sweep(tmp_path / "unit", cell(cell_id(config)))
    (sweep / "wandb").write_text("a file where W&B's folder should be", encoding="utf-8")

    cli_track.after_cell(config)

    assert capsys.readouterr().err.startswith("W&B: FileExistsError: ")
    assert store.read(sweep / cell_id(config)).status == "done"
