"""harness.report.clean: text of others stays text, in Markdown as a renderer reads it."""

import re

import pytest

from harness.report.clean import clean, clean_all, markdown

ORDINARY = (
    "Qwen2.5-Coder-0.5B", "cost_usd_per_mtok", "Llama 3.1 (8B)", "a-b/c_d@main", "5 < 6 & 7 > 2",
    "what a rule forbids!", "v1.0", "3.5 sonnet-like", "~", "C:\\models\\x", "50%", "x = y + z",
)  # fmt: skip
HOSTILE = (
    "[x](https://evil.example)", "![x](https://evil.example/p.png)", "<b>bold</b>", "**bold**",
    "_slanted_", "__strong__", "*x*", "`code`", "~~gone~~", "a|b", "\\[x](https://evil.example)",
    "# heading", "- item", "1. item", "1) item", "+ item", "[x]: https://evil.example", "a\nb",
    "[ ] task", "- [x] done", "= x", "&lt;b&gt;", "x\\", "> said",
)  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY + HOSTILE)
def test_markdown_renders_the_very_text_and_nothing_else(text: str) -> None:
    rendering = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    wanted = " ".join(text.split())

    item = rendering.render(f"- {markdown(text)}\n\nend\n")
    table = rendering.render(f"| a | b |\n|---|---|\n| {markdown(text)} | y |\n")

    assert re.findall(r"<(\w+)", item) == ["ul", "li", "p"]
    assert _plain(item.split("<p>")[0]) == wanted
    assert _plain(table).split()[2:] == [*wanted.split(), "y"]
    assert not {"a", "img", "em", "strong", "code", "s"} & set(re.findall(r"<(\w+)", table))


def _plain(html: str) -> str:
    text = re.sub(r"<[^>]+>", " ", html)
    for code, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(code, sign)
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["Qwen2.5-Coder-0.5B", "cost_usd_per_mtok", "Llama 3.1 (8B)"])
def test_an_ordinary_name_is_not_even_touched(name: str) -> None:
    assert markdown(name) == name


@pytest.mark.parametrize(
    "mark", "\u202e\u202a\u2066\u2069\u200e\u200f\u061c\u200b\ufeff\x1b\x00\x9b"
)
def test_marks_that_turn_text_about_or_are_not_seen_become_signs(mark: str) -> None:
    assert clean(f"a{mark}b") == f"a<U+{ord(mark):04X}>b"


def test_what_scripts_and_lines_need_stays() -> None:
    text = "Модель\t千问 نموذج\u200cها\nnext"

    assert clean(text) == text


def test_texts_are_cleaned_wherever_they_stand() -> None:
    given = {"a\u202e": [{"b": "c\u202e"}, 1, None, ("d\u202e",)]}

    assert clean_all(given) == {"a<U+202E>": [{"b": "c<U+202E>"}, 1, None, ["d<U+202E>"]]}
