"""The plots' library for the page: packed once for each version, then read from the cache."""

import contextlib
import hashlib
from importlib import metadata
from pathlib import Path

import vl_convert

from harness.fetch import cache_dir
from harness.records.store import write_text

_SNIPPET = "window.vegaEmbed = vegaEmbed;"


def library() -> str:
    """Vega-Lite with its runtime as one script; packing it takes a second or two.

    The first line of the cached file is the hash of the rest: a file that was cut off, or written
    by something else, is packed anew. Without a cache that can be written it is packed each time.
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        told, _, code = _file().read_bytes().decode("utf-8").partition("\n")
        if code and told == _seal(code):
            return code
    code = vl_convert.javascript_bundle(_SNIPPET).replace("</script", "<\\/script")
    with contextlib.suppress(OSError):
        write_text(_file(), f"{_seal(code)}\n{code}")
    return code


def _file() -> Path:
    return cache_dir() / f"vega-embed-{metadata.version('vl-convert-python')}.js"


def _seal(code: str) -> str:
    return f"// sha256 {hashlib.sha256(code.encode()).hexdigest()}"
