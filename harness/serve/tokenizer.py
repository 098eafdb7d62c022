"""A model's own tokenizer: token ids for prompts, counts of answers and of reference texts."""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from harness.records.schema import TextTokens

REFERENCE_TEXTS = ("en", "zh", "code")  # zh is the translation of en; all written for this project


def ordinary_token_ids(folder: Path) -> list[int]:
    """Token ids that stand for text: the vocabulary without special and added tokens."""
    raw = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    special = {token["id"] for token in raw.get("added_tokens", ())}
    vocabulary = raw["model"]["vocab"]
    ids = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
    return sorted(set(ids) - special)


def counter(folder: Path) -> Callable[[str], int]:
    """A function that counts the tokens of a text, without the special ones of a beginning."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def reference_tokens(folder: Path) -> tuple[TextTokens, ...]:
    """How many tokens the model makes of each reference text."""
    count = counter(folder)
    found = []
    for name in REFERENCE_TEXTS:
        text = resources.files("harness.serve").joinpath(f"texts/{name}.txt").read_text("utf-8")
        found.append(TextTokens(name=name, bytes=len(text.encode()), tokens=count(text)))
    return tuple(found)
