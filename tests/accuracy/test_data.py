"""harness.accuracy.data: the shipped items, checked by hash, as lm-eval reads them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.accuracy import data
from harness.accuracy.data import TASKS, Prepared, prepare, render
from harness.errors import SetupError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))


def items(prepared: Prepared, split: str = "test") -> list[dict[str, Any]]:
    path = Path(yaml.safe_load(prepared.yaml_text)["dataset_kwargs"]["data_files"][split])
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", TASKS)
def test_a_shipped_task_prepares_with_as_many_items_as_it_says(name: str, tmp_path: Path) -> None:
    prepared = prepare(name, 0)

    assert yaml.safe_load(prepared.yaml_text)["task"] == name
    assert len(items(prepared)) == prepared.items > 0
    assert prepared.data_sha256 == TASKS[name].sha256
    assert all(path.is_relative_to(tmp_path) for path in tmp_path.rglob("*.jsonl"))


def test_data_with_another_hash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dataclasses.replace(TASKS["exam_zh"], sha256="0" * 64)
    monkeypatch.setitem(TASKS, "exam_zh", wrong)

    with pytest.raises(SetupError, match=r"jionlp_exam_zh\.jsonl has sha256 7e42"):
        prepare("exam_zh", 0)


def test_every_choice_has_its_right_answer_among_the_choices() -> None:
    for item in items(prepare("hellaswag_100", 0)):
        assert len(item["endings"]) == 4
        assert item["label"] in range(4)


def test_chinese_items_have_one_right_letter_and_chinese_text() -> None:
    found = items(prepare("exam_zh", 0))

    assert {item["label"] for item in found} == {0, 1, 2, 3}
    # The CJK block of Unicode.
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in i["question"]) for i in found)
    assert prepare("exam_zh", 0).language == "zh"


def test_chinese_items_without_a_single_right_letter_are_left_out() -> None:
    rows = [
        {"question": "a", "correct_answer": "B"},
        {"question": "b", "correct_answer": ["A", "B"]},
        {"question": "c", "correct_answer": "free text"},
        {"question": "d"},
    ]

    assert TASKS["exam_zh"].split(rows) == {"DATA": [{"question": "a", "label": 1}]}


def test_worked_examples_are_never_asked() -> None:
    prepared = prepare("gsm8k_100", 2)
    shown = {item["question"] for item in items(prepared, "train")}

    assert len(shown) == 4
    assert not shown & {item["question"] for item in items(prepared)}
    assert yaml.safe_load(prepared.yaml_text)["num_fewshot"] == 2


def test_every_maths_answer_ends_in_its_number() -> None:
    assert all("#### " in item["answer"] for item in items(prepare("gsm8k_100", 0)))


@pytest.mark.parametrize(("name", "shots", "there"), [("gsm8k_100", 5, 4), ("exam_zh", 1, 0)])
def test_more_worked_examples_than_there_are_is_refused(name: str, shots: int, there: int) -> None:
    with pytest.raises(SetupError, match=rf"num_fewshot={shots}: this task ships {there} worked"):
        prepare(name, shots)


def test_other_rows_never_share_a_file() -> None:
    # The reader of `datasets` caches by path: an old file's rows would be scored again.
    def made(label: int) -> Prepared:
        rows = {"DATA": [{"prompt": "Review: x\nSentiment:", "label": label}]}
        return render("review_sentiment", rows, 0, "en", ("acc",), "0" * 64)

    one, other = made(0), made(1)

    assert items(one)[0]["label"] == 0
    assert items(other)[0]["label"] == 1
    assert made(0).yaml_text == one.yaml_text != other.yaml_text


def test_preparing_twice_writes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare("exam_zh", 0)
    written: list[Path] = []
    monkeypatch.setattr(data, "write_text", lambda path, _: written.append(path))

    prepare("exam_zh", 0)

    assert written == []
