"""The shipped fine-tuning task: fixed split, prompts, hash."""

import hashlib
import json
from dataclasses import dataclass
from importlib import resources

from harness.errors import ConfigError, SetupError

REVIEW_SENTIMENT_SHA256 = "98893dc94ecec2f7ddf03eb7af359f29ccf708037033021a714290891abcdc02"
_HELDOUT = 200  # the last rows; training never sees them
LABELS = ("negative", "positive")


@dataclass(frozen=True)
class Example:
    """One prompt with its completion."""

    prompt: str
    label: str

    @property
    def completion(self) -> str:
        """What the model learns to say, with the space that separates it from the prompt."""
        return f" {self.label}"


@dataclass(frozen=True)
class Split:
    """Training and held-out examples; every model gets the same ones in the same order."""

    train: list[Example]
    heldout: list[Example]
    sha256: str


def load(train_examples: int, heldout_examples: int) -> Split:
    """The first examples of either part of the shipped file, its hash checked."""
    path = resources.files("harness.finetune").joinpath("data", "review_sentiment.jsonl")
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != REVIEW_SENTIMENT_SHA256:
        raise SetupError(f"fine-tuning data has sha256 {found}, not {REVIEW_SENTIMENT_SHA256}")
    rows = [json.loads(line) for line in raw.decode("utf-8").splitlines()]
    examples = [Example(f"Review: {row['text']}\nSentiment:", row["label"]) for row in rows]
    train, heldout = examples[:-_HELDOUT], examples[-_HELDOUT:]
    for name, asked, there in (
        ("train_examples", train_examples, len(train)),
        ("heldout_examples", heldout_examples, len(heldout)),
    ):
        if asked > there:
            raise ConfigError(f"finetune.{name}={asked}: the task has {there}")
    return Split(train[:train_examples], heldout[:heldout_examples], found)
