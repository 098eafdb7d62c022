"""The plots' library is packed once and never taken from a file that is not what was written."""

from pathlib import Path

import pytest

from harness.report.page import library


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was asked to be packed; the cache is empty."""
    asked: list[str] = []

    def pack(snippet: str) -> str:
        asked.append(snippet)
        return "vega </script>"

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(library.vl_convert, "javascript_bundle", pack)
    return asked


def test_it_is_packed_once_and_cannot_end_the_script_it_stands_in(packed: list[str]) -> None:
    assert library.library() == library.library() == "vega <\\/script>"
    assert len(packed) == 1


def test_a_cached_file_that_was_changed_is_packed_anew(packed: list[str], tmp_path: Path) -> None:
    library.library()
    [file] = tmp_path.glob("vega-embed-*.js")
    file.write_text(file.read_text("utf-8").replace("vega", "evil"), "utf-8")

    assert library.library() == "vega <\\/script>"
    assert len(packed) == 2


def test_without_a_cache_it_is_packed_each_time(
    packed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", "/dev/null/nowhere")

    assert library.library() == library.library()
    assert len(packed) == 2
