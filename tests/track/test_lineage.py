import json
from pathlib import Path

from harness.records import store
from harness.track import lineage, session
from tests.builders import cell, failed_cell, write_sweep
from tests.track.conftest import MEASURED, RETRIED, Offline, Tracked


def test_the_graph_goes_from_model_to_record_to_report(tracked: Tracked) -> None:
    measured = session.run_id(tracked.folder, MEASURED)
    retried = session.run_id(tracked.folder, RETRIED)
    report = session.run_id(tracked.folder, "report-unit")

    assert tracked.sent.edges() == {
        (measured, "uses", "model-tiny"),
        (measured, "makes", f"record-{measured}"),
        (retried, "uses", "model-tiny"),
        (retried, "makes", f"record-{retried}"),
        (report, "uses", f"record-{measured}"),
        (report, "uses", f"record-{retried}"),
        (report, "makes", f"report-{session.run_id(tracked.folder, 'unit')}"),
    }


def test_what_is_given_twice_has_one_content_so_that_the_server_keeps_one_version(
    tracked: Tracked,
) -> None:
    measured = session.run_id(tracked.folder, MEASURED)
    assert len(tracked.sent.digests(f"record-{measured}")) == 1
    assert len(tracked.sent.digests("model-tiny")) == 1
    # The failed attempt's record is another version of the retried cell's.
    assert len(tracked.sent.digests(f"record-{session.run_id(tracked.folder, RETRIED)}")) == 2


def test_a_record_holds_the_cell_and_its_answers_but_no_job(
    tracked: Tracked, measured: Offline
) -> None:
    [artifact] = [a for a in measured.artifacts.values() if a.type == "record"]
    assert {item.path for item in artifact.manifest.contents} == {
        "cell.json",
        "accuracy/samples-sums.jsonl",
        "behaviour/samples.jsonl",
        "finetune/outcome.json",
    }
    metadata = json.loads(artifact.metadata)
    assert metadata["cell_json_sha256"] == lineage.content(tracked.folder / MEASURED)


def test_uploading_leaves_every_file_of_the_records(tracked: Tracked) -> None:
    cell_folder = tracked.folder / MEASURED
    assert store.read(cell_folder).cell_id == MEASURED
    assert (cell_folder / "accuracy" / "samples-sums.jsonl").exists()
    uploaded = f"/artifact/record-{session.run_id(tracked.folder, MEASURED)}/cell.json"
    assert json.loads(tracked.sent.uploads[uploaded])["cell_id"] == MEASURED


def test_files_are_staged_under_a_second_name_that_outlives_the_first(tmp_path: Path) -> None:
    one = cell()
    sweep = write_sweep(tmp_path / "unit", one)
    samples = sweep / one.cell_id / "accuracy" / "samples-x.jsonl"
    samples.parent.mkdir()
    samples.write_text("{}\n", encoding="utf-8")

    lineage.record(one, sweep / one.cell_id)
    store.begin(sweep, one.cell_id)  # a later attempt moves the record away

    staged = sweep / "wandb" / "staged" / "records" / one.cell_id
    assert (staged / "accuracy" / "samples-x.jsonl").read_text("utf-8") == "{}\n"


def test_a_cell_that_never_had_weights_says_nothing_of_the_model(tmp_path: Path) -> None:
    without = failed_cell(weights={})
    sweep = write_sweep(tmp_path / "unit", without)
    assert lineage.model(without, sweep) is None
