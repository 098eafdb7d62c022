"""Real server, real lm-eval, real LoRA, real W&B files, real browser."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from harness.records import store
from harness.records.schema import Cell
from harness.serve.process import require_free
from tests import wandb_file
from tests.conftest import LOAD_ONLY, Run, finish, servers, start

LEVELS = (
    "workload.output.tokens=8",
    "workload.levels=[{kind: closed, concurrency: 2, requests: 12},"
    " {kind: closed, concurrency: 1, requests: 4}]",
)


def only_cell(sweep: Path) -> tuple[Path, Cell]:
    found = list(store.cells(sweep))
    assert len(found) == 1
    return found[0]


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def read_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"the run ended before {text!r}: {''.join(lines)}")


# --- one whole run ---------------------------------------------------------------------------


def test_every_stage_of_a_real_run_is_done_and_the_exit_status_says_so(whole_run: Run) -> None:
    assert whole_run.returncode == 0, whole_run.stderr
    _, cell = only_cell(whole_run.sweep)
    assert {name: stage.status for name, stage in cell.stages.items()} == {
        "serve": "done",
        "load": "done",
        "telemetry": "done",
        "accuracy": "done",
        "behaviour": "done",
        "finetune": "done",
    }
    assert servers() == []


def test_the_record_names_no_folder_and_no_environment_of_this_machine(whole_run: Run) -> None:
    folder, cell = only_cell(whole_run.sweep)
    text = json.dumps(cell.server) + json.dumps(cell.environment) + json.dumps(cell.weights)
    assert cell.server["argv"][0] == "python"
    assert "$HARNESS_CACHE/models/" in text
    assert [
        name for name in (str(Path.home()), str(folder), "LD_LIBRARY_PATH") if name in text
    ] == []


def test_client_and_server_count_the_same_tokens(whole_run: Run) -> None:
    folder, cell = only_cell(whole_run.sweep)
    requests = pd.read_parquet(folder / "requests.parquet")
    assert [level.kind for level in cell.levels] == ["closed", "open"]
    for level in cell.levels:
        rows = requests[requests["level"] == level.name]
        # 6 requests of 100 tokens in and 32 out, exactly
        assert (level.failed, level.length_missed, level.counted_by_tokenizer) == (0, 0, 0)
        assert (level.input_tokens, level.output_tokens) == (600, 192)
        assert (level.server.prompt_tokens, level.server.output_tokens) == (600, 192)
        assert level.server.prefix_cache_hit_share == 0.0
        assert rows["token_counts"].map(sum).sum() == 192
        assert (rows["cached_tokens"] == 0).all()
        assert (rows["sent_s"] >= rows["scheduled_s"] - 1e-6).all()


def test_the_kernel_took_the_times_and_the_clients_own_error_stands_in_the_record(
    whole_run: Run,
) -> None:
    folder, cell = only_cell(whole_run.sweep)
    requests = pd.read_parquet(folder / "requests.parquet")
    assert set(requests["stamps"]) == {"kernel"}
    for _, row in requests.iterrows():
        low, high = list(row["token_low_s"]), list(row["token_high_s"])
        assert len(high) == len(row["token_counts"])
        assert row["sent_s"] <= row["first_byte_s"] <= high[0] <= high[-1] <= row["end_s"]
        assert all(a <= b for a, b in zip(low, high, strict=True))
    assert cell.calibration is not None
    [point] = cell.calibration.points
    assert (cell.calibration.short, point.streams) == (True, 16)
    assert 0 <= point.event_error_p50_s <= point.event_error_p99_s


def test_figures_of_the_levels_are_those_of_the_requests_on_disk(whole_run: Run) -> None:
    folder, cell = only_cell(whole_run.sweep)
    requests = pd.read_parquet(folder / "requests.parquet")
    for level in cell.levels:
        rows = requests[requests["level"] == level.name]
        start = rows["sent_s"].min()
        assert level.duration_s == pytest.approx(rows["end_s"].max() - start)
        if level.window is None:
            assert any(reason.startswith("no steady window") for reason in level.void)
            continue
        begun = rows["sent_s" if level.kind == "closed" else "scheduled_s"] - start
        inside = rows[(begun >= level.window.start_s) & (begun < level.window.end_s)]
        assert level.window.requests == len(inside)
        ends = pd.concat([pd.Series(times) for times in rows["token_high_s"]]) - start
        came = ((ends >= level.window.start_s) & (ends <= level.window.end_s)).sum()
        assert abs(level.window.output_tokens - came) <= 2  # merged events at an edge
        assert level.ttft_s.p50 is not None
        if len(inside):
            ttft = inside["token_high_s"].map(lambda times: times[0]) - inside["scheduled_s"]
            assert level.ttft_s.p50.value == pytest.approx(ttft.median(), rel=0.02)


def test_probes_were_asked_kept_and_called_too_few_or_the_model_too_weak(whole_run: Run) -> None:
    folder, cell = only_cell(whole_run.sweep)
    found = cell.behaviour
    assert found is not None
    lines = (folder / "behaviour" / "samples.jsonl").read_text("utf-8").splitlines()
    samples = [json.loads(line) for line in lines]
    # 2 triples x 3 arms x 2 languages, 3 controls x 2 languages, 1 task x 3 contexts
    assert len(samples) == 12 + 6 + 3
    assert all(sample["answer"] is not None for sample in samples)
    assert sum(counts.asked for counts in found.counts) == 12
    assert found.output_tokens == sum(sample["output_tokens"] for sample in samples)
    assert "proves nothing" in found.note or "2 pairs an arm" in found.note


def test_each_tokenizers_count_of_the_reference_texts_stands_in_the_record(
    whole_run: Run,
) -> None:
    _, cell = only_cell(whole_run.sweep)
    tokens = {text.name: text.tokens for text in cell.texts}
    assert set(tokens) == {"en", "zh", "code"}
    # SmolLM2's vocabulary has few Chinese words: shorter in bytes, many more tokens.
    assert tokens["zh"] > 2 * tokens["en"]


def test_energy_on_a_machine_without_counters_is_not_measured_rather_than_zero(
    whole_run: Run,
) -> None:
    _, cell = only_cell(whole_run.sweep)
    if cell.telemetry["rapl"] == "measured":
        assert all(level.energy.energy_j and level.energy.energy_j > 0 for level in cell.levels)
        return
    assert [level.energy.energy_j for level in cell.levels] == [None, None]
    assert all(level.energy.source.startswith("not measured: ") for level in cell.levels)


def test_scores_are_the_means_of_the_samples_on_disk_and_carry_their_conditions(
    whole_run: Run,
) -> None:
    folder, cell = only_cell(whole_run.sweep)
    main = {(score.task, score.metric): score for score in cell.scores if not score.adapter}
    assert {("hellaswag_100", "acc_norm"), ("exam_zh", "acc")} <= set(main)
    for (task, metric), items in {("hellaswag_100", "acc_norm"): 6, ("exam_zh", "acc"): 4}.items():
        lines = (folder / "accuracy" / f"samples-{task}.jsonl").read_text("utf-8").splitlines()
        values = [json.loads(line)[metric] for line in lines]
        assert len(values) == items
        score = main[task, metric]
        assert score.value is not None
        assert score.value.value == pytest.approx(sum(values) / items)
        assert (score.limit, score.dtype, score.lm_eval_version) == (
            items,
            cell.server["dtype"],
            "0.4.13",
        )
    maths = main["gsm8k_100", "exact_match,flexible-extract"]
    assert maths.num_fewshot == 2
    assert maths.cut is not None
    assert maths.output_tokens
    assert maths.prompt_tokens
    assert (maths.value is None) == (maths.cut > 0.5 * 3)


def test_the_adapter_is_trained_served_and_answers_unlike_its_base(whole_run: Run) -> None:
    _, cell = only_cell(whole_run.sweep)
    tuned = cell.finetune
    assert tuned is not None
    assert tuned.loss_after < tuned.loss_before
    assert tuned.adapter_changed_logprobs
    assert (tuned.accuracy_before.n, tuned.accuracy_after.n) == (24, 24)
    assert tuned.peak_memory_bytes > 100_000_000
    # 24 examples: " positive" and " negative" are 9 bytes each
    assert tuned.train_completion_bytes == 24 * 9


def test_every_column_of_the_summary_is_a_value_or_says_why_not(whole_run: Run) -> None:
    frame = pd.read_csv(whole_run.sweep / "summary.csv", keep_default_na=False)
    headed = [c for c in frame.columns if not re.search(r"_(low|high|n|price)$", c)]
    assert len(frame) == 1
    assert all(str(frame[column][0]).strip() for column in headed)
    assert "CPU" in frame["evidence"][0]
    book = openpyxl.load_workbook(whole_run.sweep / "summary.xlsx")
    assert book.sheetnames[:2] == ["Decision", "Assumptions"]
    memo = [line[0] for line in book["Decision"].iter_rows(values_only=True)]
    assert "smollm2_135m" in memo


def test_wandb_files_hold_config_levels_and_records_and_no_machine_identity(
    whole_run: Run,
) -> None:
    folder, cell = only_cell(whole_run.sweep)
    files = list((whole_run.sweep / "wandb").glob(f"offline-run-*-{folder.name}-*/*.wandb"))
    assert len(files) == 1

    by_kind: dict[str, list[Any]] = {}
    for record in wandb_file.records(files[0]):
        kind = record.WhichOneof("record_type")
        by_kind.setdefault(kind, []).append(getattr(record, kind))

    run = by_kind["run"][0]
    assert (run.display_name, run.run_group) == (folder.name, "whole")
    assert run.job_type == "load+accuracy+behaviour+finetune"
    assert {"smollm2_135m", "US", "vllm_cpu"} <= set(run.tags)
    assert run.host == "not recorded"
    assert [ended.exit_code for ended in by_kind["exit"]] == [0]
    config = wandb_file.values(run.config.update)
    assert config["model"]["country"] == "US"
    summary: dict[str, Any] = {}
    for update in by_kind["summary"]:
        summary |= wandb_file.values(update.update)
    for level in cell.levels:
        assert summary[f"{level.name}/void"] == bool(level.void)
        if not level.void:  # a void figure is not plotted beside valid ones
            rate = level.output_tok_per_s
            assert rate is not None
            assert summary[f"{level.name}/output_tok_per_s"] == pytest.approx(rate.value)
    names = {item.path for artifact in by_kind["artifact"] for item in artifact.manifest.contents}
    assert {"cell.json", "requests.parquet"} <= names
    steps = [wandb_file.values(each.item) for each in by_kind["history"]]
    assert [step["closed/concurrency"] for step in steps if "closed/concurrency" in step] == [2]
    assert [step["open/offered_rps"] for step in steps if "open/offered_rps" in step] == [1.0]
    losses = [step["finetune/loss"] for step in steps if "finetune/loss" in step]
    assert len(losses) == 3 * cell.config["finetune"]["epochs"]  # 24 examples, 8 a step


def test_the_page_draws_its_plots_in_a_browser_without_network_or_errors(whole_run: Run) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        problems: list[str] = []
        requested: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: requested.append(request.url))
        page.goto((whole_run.sweep / "report.html").as_uri())
        page.wait_for_selector("body[data-drawn]")
        page.wait_for_selector("body[data-live='ready']")
        page.wait_for_selector("#pareto svg")
        drawn = page.locator(".chart.still svg").count()
        wanted = page.locator(".chart.still").count()
        # What lies below the window is not laid out yet, so not in innerText.
        text = page.text_content("main") or ""
        browser.close()
    assert problems == []
    assert [url for url in requested if not url.startswith(("file:", "data:"))] == []
    assert drawn == wanted >= 4  # accuracy twice, risk, learning
    assert "CPU figures" in text
    assert "SmolLM2" in text


# --- faults ----------------------------------------------------------------------------------


def test_sigkill_in_mid_sweep_leaves_no_server_and_the_second_start_repeats_no_finished_cell(
    tmp_path: Path,
) -> None:
    command = ("-m", *LOAD_ONLY, "seed=1,2", *LEVELS)
    process = start(tmp_path, "killed", *command)
    before = read_until(process, "load level c2")
    read_until(process, "starting")  # the second cell
    wait_for(lambda: bool(list((tmp_path / "killed").glob(".running-*"))))
    process.kill()
    process.communicate()
    wait_for(lambda: servers() == [], 60)
    done = [folder for folder, _ in store.cells(tmp_path / "killed")]
    assert len(done) == 1
    first = (done[0] / "cell.json").read_bytes()

    again = finish(start(tmp_path, "killed", *command), tmp_path, "killed")

    assert again.returncode == 0, again.stderr
    assert sum("server ready" in line for line in before) == 1
    assert "done before, skipped" in again.stderr
    assert (done[0] / "cell.json").read_bytes() == first
    assert [cell.status for _, cell in store.cells(tmp_path / "killed")] == ["done", "done"]
    assert not list((tmp_path / "killed").glob(".running-*"))
    assert len(list((tmp_path / "killed" / "attempts").iterdir())) == 1


def test_ctrl_c_while_the_server_starts_leaves_a_record_and_no_server(tmp_path: Path) -> None:
    process = start(tmp_path, "stopped", *LOAD_ONLY, *LEVELS)
    wait_for(lambda: servers() != [])

    process.send_signal(signal.SIGINT)
    run = finish(process, tmp_path, "stopped")

    assert run.returncode == 130
    assert "Traceback" not in run.stderr
    assert servers() == []
    _, cell = only_cell(run.sweep)
    assert cell.status == "interrupted"
    assert cell.failure is not None
    assert cell.failure.stage == "serve"


def test_a_dead_server_fails_its_cell_only_and_sigterm_ends_the_next_with_a_record(
    tmp_path: Path,
) -> None:
    process = start(tmp_path, "faults", "-m", *LOAD_ONLY, "seed=3,4", *LEVELS)
    read_until(process, "server ready")
    for server in servers():
        if "vllm.entrypoints" in " ".join(server.cmdline()):
            port = int(server.cmdline()[server.cmdline().index("--port") + 1])
            server.kill()
    read_until(process, "server ready")
    process.send_signal(signal.SIGTERM)
    run = finish(process, tmp_path, "faults")

    assert run.returncode == 130
    assert "Traceback" not in run.stderr
    assert servers() == []
    require_free(port)
    failed, stopped = sorted(
        (cell for _, cell in store.cells(run.sweep)), key=lambda cell: cell.started_at
    )
    assert failed.status == "failed"
    assert failed.failure is not None
    assert failed.failure.stage == "load"
    assert "the server died" in failed.failure.reason
    assert failed.failure.log_tail
    assert stopped.status == "interrupted"
    assert stopped.failure is not None
