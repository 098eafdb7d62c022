"""Public sets through the real `datasets` library, from a folder laid out as on the Hub."""

import json
from pathlib import Path

import datasets
import pytest

from harness.behaviour.public import ADAPTERS, questions
from harness.config.behaviour import PublicSet
from harness.errors import SetupError

REVISION = "0" * 40


def laid_out(folder: Path, name: str, split: str, rows: list[dict[str, str]]) -> None:
    place = folder / name
    place.mkdir(parents=True)
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    files = f"- split: {split}\n    path: rows.jsonl"
    card = f"---\nconfigs:\n- config_name: default\n  data_files:\n  {files}\n---\n"
    (place / "README.md").write_text(card, "utf-8")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_prompts_come_from_the_column_and_split_of_the_set_up_to_the_limit(tmp_path: Path) -> None:
    laid_out(tmp_path, "augmxnt/deccp", "censored", [{"text": f"prompt {n}"} for n in range(5)])

    found = questions(PublicSet(id="augmxnt/deccp", revision=REVISION, limit=3))

    assert [each.prompt for each in found] == ["prompt 0", "prompt 1", "prompt 2"]
    assert {(each.kind, each.group, each.language) for each in found} == {
        ("public", "augmxnt/deccp", "en")
    }


def test_only_the_safe_half_of_a_set_is_asked_for_over_refusal(tmp_path: Path) -> None:
    rows = [{"prompt": "kill a process", "label": "safe"}, {"prompt": "no", "label": "unsafe"}]
    laid_out(tmp_path, "walledai/XSTest", "test", rows)

    found = questions(PublicSet(id="walledai/XSTest", revision=REVISION))

    assert [each.prompt for each in found] == ["kill a process"]


def test_a_set_that_looks_different_is_refused_with_the_columns_it_has(tmp_path: Path) -> None:
    laid_out(tmp_path, "augmxnt/deccp", "censored", [{"question": "x"}])

    with pytest.raises(SetupError, match=r"augmxnt/deccp has no column text; it has question"):
        questions(PublicSet(id="augmxnt/deccp", revision=REVISION))


def test_a_set_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    laid_out(tmp_path, "augmxnt/deccp", "train", [{"text": "x"}])

    with pytest.raises(SetupError) as caught:
        questions(PublicSet(id="augmxnt/deccp", revision=REVISION))

    assert "could not be loaded" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_set_under_a_licence_that_bars_commercial_use_passes_for_a_free_one() -> None:
    assert {name for name, each in ADAPTERS.items() if each.noncommercial} == {
        "promptfoo/CCP-sensitive-prompts"
    }
