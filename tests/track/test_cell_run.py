from pathlib import Path

import pytest

from harness.config.run import WandbTracking
from harness.records import store
from harness.records.imported import Imported, ImportedFigure, Origin
from harness.records.schema import Cell, Stage
from harness.track import cell_run, metrics, session
from tests.builders import DAY, cell, failed_cell, write_sweep
from tests.track.conftest import MEASURED, RETRIED, SAMPLES, Offline, Tracked


def test_a_cells_run_is_grouped_by_sweep_and_typed_by_its_stages(
    tracked: Tracked, measured: Offline
) -> None:
    run = measured.run
    assert run.run_id == session.run_id(tracked.folder, MEASURED)
    assert (run.display_name, run.run_group) == (MEASURED, "unit")
    assert run.job_type == "load+accuracy+finetune"
    assert set(run.tags) == {"tiny", "unknown", "vllm_cpu", "chat_short", "measured", "cpu figures"}
    assert measured.exit_codes == [0]


def test_settings_are_nested_so_that_w_and_b_shows_the_dotted_names(measured: Offline) -> None:
    config = measured.config
    assert config["model"]["name"] == "tiny"
    assert config["model"]["developer"] == "acme"
    assert config["model"]["country"] == "unknown"
    assert config["engine"]["version"] == "0.32.0"
    assert config["hardware"]["gpu"] == "none"
    assert config["workload"]["name"] == "chat_short"
    assert config["evidence"] == "measured"


def test_a_sourced_setting_is_its_value() -> None:
    found = cell_run.config(cell(config={"model.licence": {"value": "MIT", "source": "card"}}))
    assert found["model"]["licence"] == "MIT"


def test_the_gpu_is_the_one_that_nvml_named() -> None:
    machine = {"gpus": [{"name": "NVIDIA H100"}, {"name": "NVIDIA H100"}], "packages": {}}
    found = cell_run.config(cell(environment=machine, config={"hardware.kind": "gpu"}))
    assert found["hardware"]["gpu"] == "NVIDIA H100"


def test_history_is_drawn_against_rate_concurrency_and_bytes_and_leaves_the_summary_alone(
    measured: Offline,
) -> None:
    for names, axis in metrics.AXES:
        assert measured.metrics[names] == (axis, True)
        assert measured.metrics[axis] == ("", True)
    logged = {key for step in measured.history for key in step}
    assert {"open/offered_rps", "closed/concurrency", "finetune/text_bytes"} <= logged
    assert not {key for key in measured.summary if key.startswith(("open/", "closed/"))}


def test_answers_levels_and_probes_are_tables_with_their_counts(measured: Offline) -> None:
    assert len(measured.table("levels")) == 4
    assert measured.table("answers")[0]["answer"] == " 4"
    assert measured.table("probes")[0]["label"] == "substance"
    assert (measured.summary["answers_shown"], measured.summary["answers_total"]) == (
        SAMPLES,
        SAMPLES,
    )


def test_a_retried_cell_goes_on_in_its_run_with_steps_that_do_not_collide(
    tracked: Tracked,
) -> None:
    first, second = tracked.runs[session.run_id(tracked.folder, RETRIED)]
    assert (first.exit_codes, second.exit_codes) == ([1], [0])
    assert first.run.resume
    assert second.run.resume
    assert (first.run.job_type, second.run.job_type) == ("serve", "load")
    steps = [step["_step"] for run in (first, second) for step in run.history]
    assert steps == sorted(set(steps))
    assert (second.summary["attempt"], second.summary["status"]) == (2, "done")
    assert second.summary["failure_reason"] == ""


def test_what_w_and_b_has_already_is_not_written_again(tracked: Tracked) -> None:
    assert tracked.written_twice is False
    assert len(tracked.runs[session.run_id(tracked.folder, MEASURED)]) == 1


def test_nothing_of_the_system_is_collected_beside_our_own_telemetry(measured: Offline) -> None:
    assert measured.run.host == "not recorded"
    files = {path.name for path in (measured.folder / "files").iterdir()}
    assert not {"requirements.txt", "wandb-metadata.json", "output.log"} & files
    assert not any(record_kind in measured.kinds for record_kind in ("stats", "environment"))


@pytest.fixture
def imported() -> Cell:
    origin = Origin(
        format="mlenergy",
        tool="ML.ENERGY",
        tool_version="3",
        engine="vLLM 0.11.1",
        files=(),
        imported_at=cell().started_at,
        measured_on=DAY,
    )
    figures = {"output_tok_per_s": ImportedFigure(value=100.0)}
    return cell(
        origin=origin,
        imported=Imported(level="64 in flight", concurrency=64, figures=figures),
        config={
            "engine": {"kind": "imported"},
            "hardware": {"name": "h100_sxm", "kind": "gpu", "gpu_count": 1},
        },
        environment={"packages": {}},
        levels=(),
    )


def test_an_imported_cell_says_so_everywhere(imported: Cell) -> None:
    config = cell_run.config(imported)

    assert cell_run.job_type(imported) == "import"
    assert "imported from ML.ENERGY" in cell_run.tags(imported)
    assert config["evidence"] == "imported from ML.ENERGY"
    assert config["engine"] == {"kind": "imported", "version": "vLLM 0.11.1"}
    assert config["hardware"]["gpu"] == "h100_sxm"


def test_an_imported_measurement_is_one_point_against_its_load(imported: Cell) -> None:
    assert list(metrics.level_points(imported)) == [
        {"closed/concurrency": 64, "closed/void": False, "closed/output_tok_per_s": 100.0}
    ]
    assert metrics.summary(imported, Path())["output_tok_per_s"] == 100.0


def test_a_cell_that_only_tried_to_serve_is_typed_so() -> None:
    assert cell_run.job_type(failed_cell()) == "serve"
    half = cell(stages={"serve": Stage(status="done"), "load": Stage(status="failed")})
    assert cell_run.job_type(half) == "load"


@pytest.mark.parametrize("length", [64, 65])
def test_a_tag_is_no_longer_than_w_and_b_takes(length: int) -> None:
    assert len(cell_run.tags(cell(config={"model.name": "m" * length}))[0]) == 64


def test_tracking_settings_name_their_defaults() -> None:
    assert session.mode(WandbTracking(kind="wandb", project="p", mode="online")) == "online"


def test_an_imported_interval_stands_beside_its_figure(imported: Cell, tmp_path: Path) -> None:
    assert imported.imported
    figures = {"output_tok_per_s": ImportedFigure(value=100.0, low=90.0)}
    known = imported.imported.model_copy(update={"figures": figures})

    found = metrics.summary(imported.model_copy(update={"imported": known}), tmp_path)

    assert {key: each for key, each in found.items() if key.startswith("output_tok_per_s")} == {
        "output_tok_per_s": 100.0, "output_tok_per_s_low": 90.0,
    }  # fmt: skip


def test_the_run_of_an_endpoints_failed_cell_does_not_name_its_host(tmp_path: Path) -> None:
    address = "http://gpu-7.internal:8000"
    failed = failed_cell(
        config={"engine": {"kind": "endpoint", "base_url": address, "served_model": "m"}}
    )
    assert failed.failure
    why = failed.failure.model_copy(update={"reason": f"engine.base_url={address} is not there"})
    sweep = write_sweep(tmp_path / "unit", failed.model_copy(update={"failure": why}))
    [(folder, one)] = store.cells(sweep)

    cell_run.log(folder, one, WandbTracking(kind="wandb", project="unit", mode="offline"))

    [log] = (sweep / "wandb").glob("offline-run-*/*.wandb")
    assert b"is not there" in log.read_bytes()
    assert b"gpu-7" not in log.read_bytes()
