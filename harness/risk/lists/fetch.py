"""Download of a list into the store. Nothing is fetched unless somebody asks."""

import datetime as dt
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from harness.errors import FactError, SetupError
from harness.risk.lists import snapshots

TRIES, LARGEST_BYTES = 3, 500_000_000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def fetch(
    list_key: str,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    *,
    address: str | None = None,
    confirm_shrink: bool = False,
    wait_s: float = 1.0,
) -> snapshots.Snapshot:
    """Download, read and keep a list. `progress` gets bytes so far and the total, if told.

    Raises SetupError where it cannot be had after three tries, FactError where what came does not
    read, is cut short, or shrank by half; the snapshot before it stays in force.
    """
    known = snapshots.known(list_key)
    source = address or known.address
    if source is None:
        raise FactError(f"{list_key}: no file to download; use `harness risk lists add`")
    url = urlsplit(source)
    if url.scheme != "https" and url.hostname not in _LOOPBACK:
        raise FactError(f"{source}: only https addresses are fetched")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(url.path).name or "list")
        _download(source, path, progress, wait_s)
        edition = known.edition or str(dt.date.today())
        return snapshots.add(
            path, list_key, known.format, edition, source, confirm_shrink=confirm_shrink
        )


def _download(
    source: str, path: Path, progress: Callable[[int, int | None], None], wait_s: float
) -> None:
    for left in reversed(range(TRIES)):
        try:
            _once(source, path, progress)
            return
        except httpx.HTTPStatusError as error:
            again = error.response.status_code >= 500 or error.response.status_code == 429
            if not again or not left:
                raise SetupError(f"{source}: HTTP {error.response.status_code}") from error
        except (httpx.HTTPError, _Short) as error:
            if not left:
                raise SetupError(f"{source}: {error} ({TRIES} tries)") from error
        time.sleep(wait_s)


class _Short(Exception):
    """Fewer bytes came than were announced."""


def _once(source: str, path: Path, progress: Callable[[int, int | None], None]) -> None:
    # Raw bytes against Content-Length: a list that is cut must not pass for a shorter one.
    headers = {"Accept-Encoding": "identity"}
    with (
        httpx.stream("GET", source, follow_redirects=True, timeout=60, headers=headers) as answer,
        path.open("wb") as file,
    ):
        answer.raise_for_status()
        told = answer.headers.get("Content-Length")
        total = int(told) if told else None
        done = 0
        for chunk in answer.iter_raw():
            done += len(chunk)
            if done > LARGEST_BYTES:
                raise FactError(f"{source}: more than {LARGEST_BYTES:,} bytes")
            file.write(chunk)
            progress(done, total)
    if total is not None and done != total:
        raise _Short(f"{done} of {total} bytes came")
