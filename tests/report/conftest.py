"""What every test of the report needs: the shipped registry parsed once."""

import pytest

from tests.builders import parse_shipped_once


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_shipped_once(monkeypatch)
