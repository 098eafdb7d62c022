"""The page in a real browser, for its tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page when it is ready; a console error or a network request fails the test."""
    shown = browser.new_page()
    problems: list[str] = []
    shown.on("pageerror", lambda error: problems.append(str(error)))
    shown.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    shown.on(
        "request",
        lambda r: (
            None
            if r.url.startswith(("file:", "data:", "blob:"))
            else problems.append(f"requested {r.url}")
        ),
    )
    shown.goto(address)
    ready(shown)
    yield shown
    shown.close()
    assert problems == []


def ready(page: Any) -> None:
    """Wait until knobs, table and live plots are drawn."""
    page.wait_for_selector("body[data-live='ready']")


def turn(page: Any, knob: str, value: float) -> None:
    """Set a slider as a hand would."""
    page.evaluate(
        "([id, value]) => { const e = document.getElementById(id); e.value = value;"
        " e.dispatchEvent(new Event('input')); }",
        [knob, value],
    )
