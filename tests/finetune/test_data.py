"""harness.finetune.data: one fixed split for every model."""

import pytest

from harness.errors import ConfigError, SetupError
from harness.finetune import data
from harness.finetune.data import LABELS, load


def test_training_never_sees_a_held_out_example() -> None:
    whole = load(1, 200)
    everything = load(_all_training(), 200)

    train = {example.prompt for example in everything.train}
    assert not train & {example.prompt for example in whole.heldout}
    assert len(whole.heldout) == 200


def _all_training() -> int:
    with pytest.raises(ConfigError) as caught:
        load(10**6, 1)
    return int(str(caught.value).rpartition(" ")[2])


def test_a_smaller_budget_is_the_beginning_of_a_larger_one() -> None:
    assert load(10, 5).train == load(96, 60).train[:10]
    assert load(10, 5).heldout == load(96, 60).heldout[:5]


def test_both_labels_are_in_both_parts() -> None:
    split = load(96, 60)

    for part in (split.train, split.heldout):
        counts = [sum(example.label == label for example in part) for label in LABELS]
        assert sum(counts) == len(part)
        assert min(counts) > len(part) / 4  # always guessing one label is no good answer


def test_a_completion_is_separated_from_its_prompt() -> None:
    for example in load(20, 1).train:
        assert example.prompt.startswith("Review: ")
        assert example.prompt.endswith("\nSentiment:")
        assert example.completion == f" {example.label}"


@pytest.mark.parametrize(
    ("train", "heldout", "key"),
    [(10**6, 1, "finetune.train_examples=1000000"), (1, 201, "finetune.heldout_examples=201")],
)
def test_more_examples_than_there_are_is_a_configuration_error(
    train: int, heldout: int, key: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: the task has \d+$"):
        load(train, heldout)


def test_data_with_another_hash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "REVIEW_SENTIMENT_SHA256", "0" * 64)

    with pytest.raises(SetupError, match="fine-tuning data has sha256 9889"):
        load(1, 1)


def test_a_split_carries_the_hash_of_its_file() -> None:
    assert load(1, 1).sha256 == data.REVIEW_SENTIMENT_SHA256
