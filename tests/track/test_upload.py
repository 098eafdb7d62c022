import json
import re
from pathlib import Path

import pytest

from harness.errors import SetupError
from harness.track import session, upload
from tests import wandb_server
from tests.track.conftest import MEASURED, RETRIED, Offline, Tracked


def test_attempts_follow_each_other_and_the_report_comes_last(tmp_path: Path) -> None:
    names = ("1_1-b-aa", "1_2-a-aa", "1_3-a-aa", "1_4-report-unit-aa", "1_5-c-aa")
    sweep = tmp_path / "unit"
    for name in names:
        (sweep / "wandb" / f"offline-run-{name}").mkdir(parents=True)

    found = [[path.name[12:] for path in each] for each in upload.rounds(sweep)]

    assert found == [["1_2-a-aa", "1_1-b-aa", "1_5-c-aa"], ["1_3-a-aa"], ["1_4-report-unit-aa"]]


def test_the_server_gets_what_lies_offline(tracked: Tracked, measured: Offline) -> None:
    """Configuration, group, summary and every step; to the last digit."""
    run_id = session.run_id(tracked.folder, MEASURED)
    sent = tracked.sent
    assert tracked.uploaded == 4

    first = next(call for call in sent.of("UpsertBucket") if call["name"] == run_id)
    assert (first["groupName"], first["jobType"]) == ("unit", "load+accuracy+finetune")
    assert set(first["tags"]) == set(measured.run.tags)
    config = sent.config(run_id)
    del config["_wandb"]
    assert config == {key: each for key, each in measured.config.items() if key != "_wandb"}

    summary = sent.summary(run_id)
    shown = {key: each for key, each in measured.summary.items() if not re.search("/|^_", key)}
    assert shown
    assert {key: summary[key] for key in shown} == shown
    assert summary["r1/output_tok_per_s"] == measured.summary["r1/output_tok_per_s"]

    steps = [step for step in sent.history(run_id) if "levels" not in step]
    assert steps == [step for step in measured.history if "levels/_type" not in step]


def test_the_server_gets_the_axes(tracked: Tracked) -> None:
    defined = tracked.sent.config(session.run_id(tracked.folder, MEASURED))["_wandb"]["m"]
    # W&B's short keys: "1" name, "2" pattern, "5" number from one of the metric to draw against.
    axes = {
        each["2"]: defined[each["5"] - 1]["1"] for each in defined if "2" in each and "5" in each
    }
    assert axes == {
        "open/*": "open/offered_rps",
        "closed/*": "closed/concurrency",
        "finetune/*": "finetune/text_bytes",
    }


def test_a_resumed_runs_attempts_arrive_in_order(tracked: Tracked) -> None:
    steps = tracked.sent.history(session.run_id(tracked.folder, RETRIED))
    assert [step["_step"] for step in steps] == sorted(step["_step"] for step in steps)
    status = tracked.sent.summary(session.run_id(tracked.folder, RETRIED))["status"]
    assert status == "done"


def test_the_page_the_plots_and_the_tables_are_uploaded(tracked: Tracked) -> None:
    run_id = session.run_id(tracked.folder, "report-unit")
    paths = [path for path in tracked.sent.uploads if path.startswith(f"/run/{run_id}/media/")]
    assert any("/html/report_" in path for path in paths)
    assert any("/html/figures/cost_against_throughput_" in path for path in paths)
    [table] = [path for path in paths if "/table/summary_" in path]
    assert len(json.loads(tracked.sent.uploads[table])["data"]) == 2


def test_what_was_uploaded_is_not_sent_again(tracked: Tracked) -> None:
    assert upload.upload(tracked.folder) == 0


def test_a_refusal_is_an_error_though_w_and_b_exits_with_0(
    tmp_path: Path, tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = next((tracked.folder / "wandb").glob("offline-run-*-report-*/*.wandb"))
    folder = tmp_path / "wandb" / source.parent.name
    folder.mkdir(parents=True)
    (folder / source.name).write_bytes(source.read_bytes())
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    with wandb_server.running(refusing=True) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        with pytest.raises(SetupError, match=r"wandb sync failed: .*401"):
            upload.upload(tmp_path)


def test_a_run_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "offline-run-1_1-a-aa"
    folder.mkdir(parents=True)
    (folder / "run-a-aa.wandb").write_bytes(b":W&B\xe1\xbe\x00")  # what a killed process leaves
    assert upload.upload(tmp_path) == 0


def test_a_server_that_cannot_be_reached_costs_no_waiting(
    tmp_path: Path, tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = next((tracked.folder / "wandb").glob("offline-run-*-report-*/*.wandb"))
    folder = tmp_path / "wandb" / source.parent.name
    folder.mkdir(parents=True)
    (folder / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nothing listens there

    with pytest.raises(SetupError, match=r"cannot reach 127\.0\.0\.1:9 .*harness track"):
        upload.upload(tmp_path)
