"""What is asked: prompts of an exact token count, or questions written for this project."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from harness.config.run import LoadWorkload, QuestionPrompts, SyntheticPrompts
from harness.errors import ConfigError

_WORDS = ["time", "year", "people", "way", "day", "thing", "life", "world", "school", "state"]


@dataclass(frozen=True)
class Prompt:
    """One request's input: token ids, plain text, or the user's turn of a chat."""

    token_ids: tuple[int, ...] | None = None
    text: str | None = None
    chat: str | None = None


@dataclass(frozen=True)
class Vocabulary:
    """The token ids that random prompts may use; None where the tokenizer is not at hand."""

    ordinary_ids: Sequence[int] | None


def make(
    spec: SyntheticPrompts | QuestionPrompts, count: int, vocabulary: Vocabulary, seed: str
) -> list[Prompt]:
    """`count` prompts; the same seed gives the same prompts, another seed shares none.

    Synthetic prompts are random ordinary tokens, so that no prefix is in the server's cache.
    Without a vocabulary they are that many English words, and the count is the server's to tell.
    """
    rng = random.Random(seed)
    if isinstance(spec, QuestionPrompts):
        return [Prompt(chat=text) for text in rng.sample(_questions(), count)]
    if vocabulary.ordinary_ids is None:
        return [
            Prompt(text=" ".join(rng.choices(_WORDS, k=spec.input_tokens))) for _ in range(count)
        ]
    ids = vocabulary.ordinary_ids
    return [Prompt(token_ids=tuple(rng.choices(ids, k=spec.input_tokens))) for _ in range(count)]


def check(workload: LoadWorkload) -> None:
    """Raise ConfigError when a level asks for more different prompts than there are."""
    most = max(level.requests for level in workload.levels) + workload.warmup_requests
    if isinstance(workload.prompts, QuestionPrompts) and most > len(_questions()):
        raise ConfigError(
            f"workload.levels: {most} requests in one level with its warm-up, but there are only"
            f" {len(_questions())} questions; repeated prompts would come from the cache"
        )


def _questions() -> list[str]:
    text = resources.files("harness.load").joinpath("questions.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line.strip()]
