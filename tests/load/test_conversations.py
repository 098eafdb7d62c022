"""harness.load.conversations: real text, as far as a chat template takes it."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.config.workload import FilePrompts, QuestionPrompts
from harness.errors import ConfigError
from harness.load.conversations import read, turns

U, A, S = "user", "assistant", "system"


def spec(path: Path, kind: Literal["sharegpt", "jsonl"], sha256: str | None = None) -> FilePrompts:
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "0" * 64
    return FilePrompts(kind="file", path=path, sha256=sha256 or found, format=kind)


def sharegpt(folder: Path, content: Any) -> FilePrompts:
    path = folder / "chats.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return spec(path, "sharegpt")


def jsonl(folder: Path, *lines: Any) -> FilePrompts:
    path = folder / "chats.jsonl"
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return spec(path, "jsonl")


def recorded(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"id": "x", "conversations": [{"from": who, "value": text} for who, text in pairs]}


def said(*pairs: tuple[str, str]) -> tuple[dict[str, str], ...]:
    return tuple({"role": role, "content": text} for role, text in pairs)


def refusal(asked: FilePrompts) -> str:
    with pytest.raises(ConfigError) as caught:
        read(asked)
    [line] = str(caught.value).splitlines()
    return line.replace(str(asked.path), "FILE")


def test_the_questions_of_this_project_are_one_user_message_each() -> None:
    questions = read(QuestionPrompts(kind="questions"))

    assert len(questions) >= 25
    assert all([message["role"] for message in each] == [U] for each in questions)
    assert len({each[0]["content"] for each in questions}) == len(questions)


def test_a_sharegpt_file_gives_its_conversations_in_the_words_of_a_chat(tmp_path: Path) -> None:
    asked = sharegpt(
        tmp_path,
        [recorded(("human", "Hi"), ("gpt", "Hello"), ("human", "Bye")), recorded((U, "你好"))],
    )

    assert list(read(asked)) == [said((U, "Hi"), (A, "Hello"), (U, "Bye")), said((U, "你好"))]


@pytest.mark.parametrize(
    ("pairs", "left"),
    [
        # What comes before the first user message is left out, but for the system message.
        ([("gpt", "a"), ("human", "b")], [(U, "b")]),
        ([(S, "s"), ("human", "b"), ("gpt", "c")], [(S, "s"), (U, "b"), (A, "c")]),
        ([(S, "s"), ("gpt", "a"), ("human", "b")], [(U, "b")]),
        # It ends where the roles stop taking turns, a message is empty, another role speaks.
        ([("human", "a"), ("human", "b")], [(U, "a")]),
        ([("human", "a"), ("gpt", "b"), ("gpt", "c"), ("human", "d")], [(U, "a"), (A, "b")]),
        ([("human", "a"), ("gpt", " \n"), ("human", "d")], [(U, "a")]),
        ([("human", "a"), ("gpt", "b"), ("tool", "c"), ("human", "d")], [(U, "a"), (A, "b")]),
    ],
)
def test_a_conversation_is_used_as_far_as_chat_templates_take_it(
    tmp_path: Path, pairs: list[tuple[str, str]], left: list[tuple[str, str]]
) -> None:
    assert list(read(sharegpt(tmp_path, [recorded(*pairs)]))) == [said(*left)]


def test_a_conversation_without_a_user_message_is_left_out(tmp_path: Path) -> None:
    asked = sharegpt(tmp_path, [recorded(("gpt", "a")), recorded(), recorded(("human", "b"))])

    assert list(read(asked)) == [said((U, "b"))]


def test_a_jsonl_file_gives_prompts_and_messages(tmp_path: Path) -> None:
    asked = jsonl(
        tmp_path,
        {"prompt": "One\u2028line"},
        "",
        {"messages": [{"role": S, "content": "s"}, {"role": U, "content": "two"}]},
    )

    assert list(read(asked)) == [said((U, "One\u2028line")), said((S, "s"), (U, "two"))]


def test_a_line_separator_inside_a_text_is_no_end_of_a_line(tmp_path: Path) -> None:
    asked = jsonl(tmp_path, '{"prompt": "One\u2028line"}')

    assert list(read(asked)) == [said((U, "One\u2028line"))]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "FILE: no JSON: "),
        ('{"prompt": "a"}\n{"prompt": "b"}', "FILE: no JSON: "),
        ({"conversations": []}, "FILE: a list of {conversations: [...]} is expected"),
        ([recorded((U, "a")), 3], "FILE, item 2, conversations: a list is expected"),
        ([{"messages": []}], "FILE, item 1, conversations: a list is expected"),
        ([{"conversations": ["a"]}], "FILE, item 1, conversations, from: a text is expected"),
        (
            [{"conversations": [{"from": "human", "value": None}]}],
            "FILE, item 1, conversations, value: a text is expected",
        ),
        ([recorded(("gpt", "a"))], "FILE has no conversation with a user message"),
        ([], "FILE has no conversation with a user message"),
    ],
)
def test_a_wrong_sharegpt_file_is_one_line_with_place_and_field(
    tmp_path: Path, content: Any, line: str
) -> None:
    assert refusal(sharegpt(tmp_path, content)).startswith(f"workload.prompts: {line}")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("{", "line 2: no JSON: "),
        ("3", "line 2: give an object with either prompt or messages"),
        ({"text": "a"}, "line 2: give an object with either prompt or messages"),
        ({"prompt": "a", "messages": []}, "line 2: give an object with either prompt or messages"),
        ({"prompt": " "}, "line 2, prompt: a text is expected"),
        ({"prompt": 3}, "line 2, prompt: a text is expected"),
        ({"messages": "a"}, "line 2, messages: a list is expected"),
        ({"messages": [{"role": U}]}, "line 2, messages, content: a text is expected"),
        (
            {"messages": [{"role": "human", "content": "a"}]},
            "line 2, messages, role=human: one of system, user, assistant is expected",
        ),
    ],
)
def test_a_wrong_line_of_a_jsonl_file_is_named_with_its_field(
    tmp_path: Path, wrong: Any, line: str
) -> None:
    assert refusal(jsonl(tmp_path, {"prompt": "a"}, wrong)).startswith(
        f"workload.prompts: FILE, {line}"
    )


def test_a_wrong_hash_is_answered_with_the_one_found(tmp_path: Path) -> None:
    asked = sharegpt(tmp_path, [recorded((U, "a"))])

    line = refusal(asked.model_copy(update={"sha256": "a" * 64}))

    assert line.startswith("workload.prompts: sha256=aaaa")
    assert line.endswith(f"give sha256={asked.sha256}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    line = refusal(spec(tmp_path / "nothing.json", "sharegpt"))

    assert line == "workload.prompts: path=FILE: no such file"


def test_a_turn_is_what_was_recorded_before_it_and_its_own_message() -> None:
    whole = said((S, "s"), (U, "a"), (A, "b"), (U, "c"), (A, "d"), (U, "e"), (A, "f"))

    assert turns(whole, 2) == (
        said((S, "s"), (U, "a")),
        said((S, "s"), (U, "a"), (A, "b"), (U, "c")),
    )
    assert len(turns(whole, 9)) == 3
