"""What every test of the report needs: the shipped registry parsed once, and a browser."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders import parse_shipped_once


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_shipped_once(monkeypatch)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a network of its own; who has none skips the test."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()
