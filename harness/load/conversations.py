"""Conversations that somebody wrote: the questions of this project, or a file of the user."""

import functools
import json
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from harness.config.workload import FilePrompts, QuestionPrompts
from harness.errors import ConfigError
from harness.load.files import require

Message = dict[str, str]  # role and content
# A system message or none, then user and assistant in turn, the user first.
Conversation = tuple[Message, ...]

_WHERE = "workload.prompts"
_OURS = {"system": "system", "user": "user", "assistant": "assistant"}
_SHAREGPT = _OURS | {
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
}


def read(spec: QuestionPrompts | FilePrompts) -> Sequence[Conversation]:
    """All usable conversations, in the order of the file.

    A conversation is used from its first user message (and the system message before it) to where
    the roles stop taking turns, a message is empty, or its role is neither of the three: what
    chat templates take. One without a user message is left out. Nothing is left out for its
    length, which differs between tokenizers. Raises ConfigError that names file, place, field and
    the fix.
    """
    if isinstance(spec, QuestionPrompts):
        return _questions()
    return _from_file(spec.path, spec.sha256, spec.format)


def name(spec: QuestionPrompts | FilePrompts) -> str:
    """Where the conversations come from, for a message."""
    return "the project's own questions" if isinstance(spec, QuestionPrompts) else str(spec.path)


def turns(conversation: Conversation, at_most: int) -> tuple[Conversation, ...]:
    """The messages of each user turn: what was recorded before it, then the turn itself.

    The recorded answers are the history, not those of the model at hand: so every model is asked
    the same. At most the first `at_most` user turns.
    """
    ends = [i + 1 for i, message in enumerate(conversation) if message["role"] == "user"]
    return tuple(conversation[:end] for end in ends[:at_most])


@functools.cache
def _questions() -> tuple[Conversation, ...]:
    text = resources.files("harness.load").joinpath("questions.txt").read_text("utf-8")
    return tuple(({"role": "user", "content": line},) for line in text.splitlines() if line.strip())


# A file of some hundred megabytes is parsed once for all levels; its hash makes that safe.
@functools.lru_cache(maxsize=1)
def _from_file(path: Path, sha256: str, kind: str) -> tuple[Conversation, ...]:
    require(path, sha256, _WHERE)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{_WHERE}: {path}: no text in UTF-8; is it compressed?") from error
    records = _sharegpt(path, text) if kind == "sharegpt" else _jsonl(path, text)
    usable = tuple(played for record in records if (played := _usable(record)))
    if not usable:
        raise ConfigError(f"{_WHERE}: {path} has no conversation with a user message")
    return usable


def _usable(recorded: Sequence[tuple[str | None, str]]) -> Conversation:
    """From the first user message to where the roles stop taking turns; empty if there is none."""
    first = next((i for i, (role, _) in enumerate(recorded) if role == "user"), len(recorded))
    played: list[Message] = []
    if first and recorded[first - 1][0] == "system":
        played.append({"role": "system", "content": recorded[first - 1][1]})
    for position, (role, content) in enumerate(recorded[first:]):
        if role != ("user", "assistant")[position % 2] or not content.strip():
            break
        played.append({"role": role, "content": content})
    return tuple(played) if any(message["role"] == "user" for message in played) else ()


def _sharegpt(path: Path, text: str) -> Iterator[list[tuple[str | None, str]]]:
    try:
        items = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{_WHERE}: {path}: no JSON: {error}; is it format=jsonl?") from error
    if not isinstance(items, list):
        raise ConfigError(f"{_WHERE}: {path}: a list of {{conversations: [...]}} is expected")
    for number, item in enumerate(items, start=1):
        place = f"{_WHERE}: {path}, item {number}"
        messages = _messages(item, "conversations", ("from", "value"), place)
        # Files from the wild hold roles of other tools; a conversation ends where one speaks.
        yield [(_SHAREGPT.get(role), content) for role, content in messages]


def _jsonl(path: Path, text: str) -> Iterator[list[tuple[str | None, str]]]:
    # Not splitlines: JSON may hold a line separator of Unicode inside a text.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{_WHERE}: {path}, line {number}"
        try:
            item = json.loads(line)
        except ValueError as error:
            raise ConfigError(
                f"{place}: no JSON: {error}; one object a line is expected"
            ) from error
        if not isinstance(item, dict) or ("prompt" in item) == ("messages" in item):
            raise ConfigError(f"{place}: give an object with either prompt or messages")
        if "messages" not in item:
            if not isinstance(item["prompt"], str) or not item["prompt"].strip():
                raise ConfigError(f"{place}, prompt: a text is expected")
            yield [("user", item["prompt"])]
            continue
        messages = _messages(item, "messages", ("role", "content"), place)
        for role, _ in messages:
            if role not in _OURS:
                raise ConfigError(
                    f"{place}, messages, role={role}: one of {', '.join(_OURS)} is expected"
                )
        yield list(messages)


def _messages(
    item: Any, field: str, keys: tuple[str, str], place: str
) -> Sequence[tuple[str, str]]:
    """Who said what; ConfigError where `field` is no list of objects with these two texts."""
    messages = item.get(field) if isinstance(item, dict) else None
    if not isinstance(messages, list):
        raise ConfigError(f"{place}, {field}: a list is expected")
    said: list[tuple[str, str]] = []
    for message in messages:
        pair: list[Any] = (
            [message.get(key) for key in keys] if isinstance(message, dict) else [None]
        )
        wrong = next((k for k, v in zip(keys, pair, strict=False) if not isinstance(v, str)), None)
        if wrong is not None:
            raise ConfigError(f"{place}, {field}, {wrong}: a text is expected")
        said.append((pair[0], pair[1]))
    return said
