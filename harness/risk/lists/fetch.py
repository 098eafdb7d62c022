"""Download of one list, on request only: streamed, retried, checked for length, then kept."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from harness.errors import FactError, SetupError
from harness.risk.lists import snapshots
from harness.risk.lists.catalogue import catalogue

TRIES = 3
MAX_BYTES = 512 * 2**20  # the largest list in the catalogue has a tenth of it
_TIMEOUT_S = 30.0
_REPEATED = (408, 429)  # and 5xx: the server may answer the same request later
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Again(Exception):
    """This try failed in a way that the next may not; its text says how."""


def fetch(
    list_key: str,
    say: Callable[[str], None] | None = None,
    *,
    address: str | None = None,
    format: str | None = None,
    edition: str | None = None,
    confirm_shrink: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    max_bytes: int = MAX_BYTES,
    pause_s: float = 2.0,
) -> snapshots.Snapshot:
    """Fetch a list and keep it as its newest snapshot; see `snapshots.add`.

    `say` gets one line per failed try and one at the end; `progress` bytes so far and in all (None:
    the server does not tell). `address`, `format`: default those of the catalogue. The pause before
    a further try is `pause_s`, then twice that.

    Raises SetupError when the list cannot be got, FactError when there is no address for it or
    what came is not the list. Either way the snapshot before stays in force.
    """
    say, progress = say or _nothing, progress or _nothing
    address = address or _address(list_key)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / (Path(urlsplit(address).path).name or list_key)
        for attempt in range(1, TRIES + 1):
            try:
                _download(address, path, progress, max_bytes)
                break
            except _Again as error:
                if attempt == TRIES:
                    raise SetupError(
                        f"cannot fetch {list_key} in {TRIES} tries: {error}; is the network"
                        " reachable? The snapshot before stays in force"
                    ) from error
                say(f"{list_key}: {error}; trying again")
                time.sleep(pause_s * 2 ** (attempt - 1))
        before = snapshots.latest(list_key)
        kept = snapshots.add(
            path,
            list_key,
            format=format,
            edition=edition,
            address=address,
            confirm_shrink=confirm_shrink,
        )
    same = before is not None and before.folder == kept.folder
    say(
        f"{list_key}: edition {kept.edition}, {kept.rows:,} rows,"
        f" {'unchanged' if same else f'kept in {kept.folder}'}"
    )
    return kept


def _nothing(*_: object) -> None:
    pass


def _address(list_key: str) -> str:
    known = catalogue()
    if list_key not in known:
        raise FactError(f"no list {list_key!r} in the catalogue; known: {', '.join(known)}")
    address = known[list_key].address
    if address is None:
        raise FactError(
            f"{list_key} ({known[list_key].title}) is not published as a file; give an --address,"
            " or add a table of your own"
        )
    return address


def _download(
    address: str, path: Path, progress: Callable[[int, int | None], None], max_bytes: int
) -> None:
    """One try. Raises _Again where a further try may help, SetupError where it cannot."""
    hooks = {"request": [_only_safe]}
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=_TIMEOUT_S, event_hooks=hooks) as client,
            client.stream("GET", address) as response,
        ):
            status = response.status_code
            if status in _REPEATED or status >= 500:
                raise _Again(f"{address} answered {status}")
            if status != 200:
                raise SetupError(f"{address} answered {status}; check the address")
            told = response.headers.get("content-length", "")
            total = int(told) if told.isdigit() else None
            if total and total > max_bytes:
                raise _too_large(address, max_bytes)
            written = 0
            # httpx raises by itself where fewer bytes come than Content-Length announces.
            with path.open("wb") as sink:
                for chunk in response.iter_bytes():
                    written += len(chunk)
                    if written > max_bytes:
                        raise _too_large(address, max_bytes)
                    sink.write(chunk)
                    progress(response.num_bytes_downloaded, total)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise SetupError(f"{address}: {error}; check the address") from error
    except httpx.HTTPError as error:
        raise _Again(f"{address}: {str(error) or type(error).__name__}") from error


def _only_safe(request: httpx.Request) -> None:
    """Refuses plain HTTP, also after a redirect: whoever alters a list on its way clears names."""
    url = request.url
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
        raise SetupError(f"{url}: lists are fetched over https only")


def _too_large(address: str, max_bytes: int) -> SetupError:
    return SetupError(
        f"{address} holds more than {max_bytes:,} bytes; get it by hand, cut it to what you need"
        " and add the file"
    )
