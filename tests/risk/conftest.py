"""What every test of risk needs: the shipped registry read once."""

import pytest

from tests.builders import parse_shipped_once


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_shipped_once(monkeypatch)
