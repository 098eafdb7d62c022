"""The page of a module's tables, opened for each of its tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.report.join import Table
from harness.report.page.write import write_html
from tests.report.page.browsing import opened


@pytest.fixture(scope="module")
def address(tables: list[Table], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(tables, path)
    return path.as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    with opened(browser, address) as shown:
        yield shown
