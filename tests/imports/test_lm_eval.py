"""lm-eval: results and samples of 0.4.13, and broken ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import lm_eval
from harness.imports.found import read
from harness.records.schema import Score
from tests.builders import changed
from tests.imports.given import DATA, found, shipped, source

FOLDER = "lm-eval-0.4.13"
RESULTS = f"{FOLDER}/results_2026-11-26T12-32-22.253922.json"
SAMPLES = f"{FOLDER}/samples_exam_zh_2026-11-26T12-32-22.253922.jsonl"


def scores(each: Any) -> dict[tuple[str, str], Score]:
    return {(score.task, score.metric): score for score in each.scores}


def of(table: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Results of one task with 100 items."""
    return {
        "results": {"t": table}, "versions": {"t": 1}, "n-shot": {"t": 0},
        "n-samples": {"t": {"original": 100, "effective": 100}}, "model_name": "a/b",
    } | more  # fmt: skip


def test_scores_keep_their_sample_size_and_the_interval_of_their_stderr() -> None:
    [each] = found(RESULTS)

    score = scores(each)["exam_zh", "acc"]
    assert score.value is not None
    # 2 of 6 right; 1/3 + 1.96 x 0.21082 = 0.74653, and a share is not below 0
    assert (score.value.value, score.value.n) == (pytest.approx(1 / 3), 6)
    assert score.value.low == 0
    assert score.value.high == pytest.approx(0.74653, abs=1e-5)
    # 6 of the task's 46 items
    assert (score.limit, score.num_fewshot, score.chat_template) == (6, 0, False)
    assert set(scores(each)) == {
        ("exam_zh", "acc"), ("hellaswag_100", "acc"), ("hellaswag_100", "acc_norm"),
    }  # fmt: skip
    assert (each.model, each.measured_on) == ("HuggingFaceTB/SmolLM2-135M-Instruct", "2026-11-26")


def test_samples_beside_their_results_become_part_of_that_record() -> None:
    [each] = found(RESULTS)

    assert [file.name for file in each.beside] == [Path(SAMPLES).name]
    assert found(SAMPLES) == []


def test_samples_that_disagree_with_the_results_beside_them_are_refused(tmp_path: Path) -> None:
    for name in (RESULTS, SAMPLES):
        shutil.copy(DATA / name, tmp_path)
    lines = (tmp_path / Path(SAMPLES).name).read_text("utf-8").splitlines()
    (tmp_path / Path(SAMPLES).name).write_text("\n".join(lines[:-1]), "utf-8")

    with pytest.raises(FactError, match=r"acc over 5 samples is .*, the results say .* over 6"):
        lm_eval.read(read(tmp_path / Path(RESULTS).name))


def test_samples_alone_are_scored_and_name_no_model_and_no_shots(tmp_path: Path) -> None:
    shutil.copy(DATA / SAMPLES, tmp_path)

    [each] = lm_eval.read(read(tmp_path / Path(SAMPLES).name))

    score = scores(each)["exam_zh", "acc"]
    assert score.value is not None
    assert (score.value.value, score.value.n) == (pytest.approx(1 / 3), 6)
    assert (each.model, score.num_fewshot, score.chat_template) == (None, None, None)


def test_a_group_has_the_items_of_its_tasks(tmp_path: Path) -> None:
    data = of(
        {"acc,none": 0.5},
        **{
            "results": {"mmlu": {"acc,none": 0.5}},
            "group_subtasks": {"mmlu": ["stem", "law"], "stem": ["physics"]},
            "n-samples": {
                "physics": {"original": 90, "effective": 30},
                "law": {"original": 10, "effective": 10},
            },
        },
    )

    [each] = lm_eval.read(source(tmp_path, data))

    score = scores(each)["mmlu", "acc"]
    assert score.value is not None
    assert (score.value.n, score.limit) == (40, 40)
    assert score.value.low is None


def test_a_perplexity_is_no_share_and_a_filter_stays_in_the_metrics_name(tmp_path: Path) -> None:
    table = {
        "word_perplexity,none": 12.0, "word_perplexity_stderr,none": 1.0,
        "exact_match,flexible-extract": 0.4, "exact_match_stderr,flexible-extract": "N/A",
        "llh_diff,none": -3.5,
    }  # fmt: skip

    [each] = lm_eval.read(source(tmp_path, of(table)))

    made = {score.metric: score.value for score in each.scores if score.value is not None}
    assert made["word_perplexity"].high == pytest.approx(13.96, abs=1e-3)
    assert made["exact_match,flexible-extract"].low is None
    assert made["llh_diff"].value == -3.5


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (changed(shipped(RESULTS), {"n-samples": {}}), "n-samples.exam_zh: missing"),
        ({k: v for k, v in shipped(RESULTS).items() if k != "n-samples"}, "an early lm-eval"),
        (changed(shipped(RESULTS), {"n-samples.exam_zh.effective": 0}), "expected a count, got 0"),
        (of({"acc": 0.5, "acc_stderr": 0.1}), "written by lm-eval before 0.4"),
        (of({"acc,none": float("nan")}), "nan is no score"),
        (of({"acc,none": 47.8}), "47.8 is no share"),
        (of({"alias": "t"}), "no score there"),
        (shipped(RESULTS) | {"lm_eval_version": "0.5.0"}, "lm_eval_version 0.5.0: this harness"),
        (json.dumps(shipped(RESULTS))[:300], "no JSON, perhaps cut off"),
    ],
)
def test_broken_results_or_another_version_are_one_line_that_names_the_place(
    tmp_path: Path, data: Any, said: str
) -> None:
    with pytest.raises(FactError) as caught:
        lm_eval.read(source(tmp_path, data))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"doc_id": 0, "resps": [], "met', "a line is no JSON, perhaps cut off"),
        ("", "no lm-eval samples"),
        ('{"doc_id": 0, "resps": [], "metrics": ["acc"], "acc": NaN}', "a value is no number"),
    ],
)
def test_broken_samples_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FactError, match=said):
        lm_eval.read(source(tmp_path, text, "samples_exam_zh.jsonl"))
