"""Text of others, made safe to show: nothing in a name or a fact may pass for something else."""

import re
from typing import Any

# Marks that turn the text round them about, and what no reader can see. Tab and new line stay;
# so do the joiners, which some scripts need.
_UNSEEN = (
    *range(0x00, 0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200B,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
)
_SIGNS = {code: f"<U+{code:04X}>" for code in _UNSEEN}
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " "})
_MARKDOWN = re.compile(
    r"[\\\[\]*`~|]"  # links, emphasis, code, strikes, and the ends of a table's cell
    r"|(?<![^\W_])_|_(?![^\W_])"  # inside a word an underscore is only one
    r"|^(?:[#+\-=](?=\s|$)|\d+(?=[.)]\s))"  # what begins a heading or a list
)


def clean(text: str) -> str:
    """The text with a visible sign in place of each mark that turns it about or is not seen."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\r\n", "\n").translate(_SIGNS)


def clean_all(value: Any) -> Any:
    """The same for every text within lists and dictionaries, their keys too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_all(key): clean_all(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean_all(each) for each in value]
    return value


def markdown(text: str) -> str:
    """The text for Markdown, where it reads as it is: no structure, no link, no HTML.

    An address is still one: renderers link it by itself, under its own words.
    """
    return _MARKDOWN.sub(_escaped, clean(text)).translate(_HTML)


def _escaped(found: re.Match[str]) -> str:
    # A number that begins a list is disarmed at its full stop.
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"
