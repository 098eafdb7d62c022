import json
from pathlib import Path

import pytest

from harness.track import samples


def _write(path: Path, *rows: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_of_a_multiple_choice_the_likeliest_option_is_the_answer(tmp_path: Path) -> None:
    row = {
        "doc_id": 7, "target": 0, "arguments": [["Q:", " A"], ["Q:", " B"]],
        "resps": [[[-3.0, False]], [[-1.0, True]]], "filter": "none",
        "metrics": ["acc"], "acc": 0.0, "request_failed": False, "ended": None,
    }  # fmt: skip
    _write(tmp_path / "accuracy" / "samples-mc.jsonl", row)

    [found] = samples.answers(tmp_path).rows

    shown = dict(zip(samples.ANSWER_COLUMNS, found, strict=True))
    assert (shown["task"], shown["asked_of"], shown["item"]) == ("mc", "model", 7)
    assert (shown["target"], shown["answer"], shown["metrics"]) == (" A", " B", "acc 0")


def test_of_a_written_answer_the_text_is_shown_and_how_it_ended(tmp_path: Path) -> None:
    row = {
        "doc_id": 1, "target": "#### 4", "arguments": [["2+2?", {"until": ["Q"]}]],
        "resps": [["It is 4."]], "filter": "strict", "metrics": ["exact_match"],
        "exact_match": 1.0, "request_failed": False, "ended": {"finish_reason": "length"},
    }  # fmt: skip
    _write(tmp_path / "finetune" / "scored-adapter" / "samples-sums.jsonl", row)

    [found] = samples.answers(tmp_path).rows

    shown = dict(zip(samples.ANSWER_COLUMNS, found, strict=True))
    assert shown["asked_of"] == "fine-tuned adapter"
    assert (shown["target"], shown["answer"]) == ("#### 4", "It is 4.")
    assert shown["finish_reason"] == "length"


def test_a_table_is_cut_at_a_stated_number_of_rows_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "MOST_PER_TASK", 2)
    row = {"doc_id": 1, "arguments": [["p"]], "resps": [["a"]]}
    _write(tmp_path / "accuracy" / "samples-one.jsonl", *[row] * 3)
    _write(tmp_path / "accuracy" / "samples-two.jsonl", row)
    probe = {"kind": "paired", "error": "no answer from /srv/models/x/y"}
    _write(tmp_path / "behaviour" / "samples.jsonl", *[probe] * 5, {"kind": "hijack"})

    answers, probes = samples.answers(tmp_path), samples.probes(tmp_path)

    assert (answers.shown, answers.total) == (3, 4)
    assert (probes.shown, probes.total) == (3, 6)
    assert probes.rows[0][-1] == "no answer from <path>/y"


def test_a_long_text_is_cut_and_says_how_long_it_was(tmp_path: Path) -> None:
    row = {"doc_id": 1, "arguments": [["p" * 5000]], "resps": [["a"]]}
    _write(tmp_path / "accuracy" / "samples-one.jsonl", row)
    prompt = samples.answers(tmp_path).rows[0][samples.ANSWER_COLUMNS.index("prompt")]
    assert prompt.startswith("p" * 2000)
    assert prompt.endswith("[... 5000 characters]")


def test_a_cell_without_samples_has_none(tmp_path: Path) -> None:
    assert samples.answers(tmp_path) == samples.probes(tmp_path) == samples.Sample([], 0, 0)
