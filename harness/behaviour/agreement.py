"""How well the rules agree with a reader's labels."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import resources

from harness.behaviour.items import triples
from harness.behaviour.rules import label
from harness.config.behaviour import ProbeLanguage
from harness.fields import Frozen
from harness.records.behaviour import Agreement, Arm, Label

BY = (
    "one reader; answers of two small models to these probes, and answers written to show each"
    " label in each language. Two rules were added after the labels showed them missing, so the"
    " agreement flatters a little"
)


class HandLabel(Frozen):
    """One answer with the label that a reader gave it."""

    item_id: str
    arm: Arm
    language: ProbeLanguage
    origin: str
    answer: str
    label: Label


@cache
def hand_labels() -> tuple[HandLabel, ...]:
    """The shipped labels."""
    text = resources.files("harness.behaviour").joinpath("data", "hand_labels.jsonl")
    return tuple(
        HandLabel.model_validate_json(line) for line in text.read_text("utf-8").splitlines()
    )


@cache
def agreement() -> Agreement:
    """Of the rules as they are now with the shipped labels."""
    items = {each.id: each for each in triples()}
    given = hand_labels()
    by_rule = []
    for each in given:
        item = items[each.item_id].arms[each.arm]
        narrative = item.narrative.get(each.language, ())
        by_rule.append(label(each.answer, each.language, item.facts[each.language], narrative))
    by_hand = [each.label for each in given]
    same = sum(a == b for a, b in zip(by_hand, by_rule, strict=True))
    return Agreement(
        answers=len(given), kappa=kappa(by_hand, by_rule), agreed=same / len(given), by=BY
    )


def kappa(one: Sequence[str], other: Sequence[str]) -> float:
    """Cohen's kappa (Cohen 1960): agreement beyond chance; 1 where both give a single label."""
    n = len(one)
    seen = sum(a == b for a, b in zip(one, other, strict=True)) / n
    first, second = Counter(one), Counter(other)
    chance = sum(first[name] * second[name] for name in first) / n**2
    return 1.0 if chance == 1 else (seen - chance) / (1 - chance)
