"""Fetching against a server that really answers: retried, checked, and never half kept."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import FactError, SetupError
from harness.risk.lists.fetch import fetch
from harness.risk.lists.snapshots import latest
from tests.risk.lists.making import csl_of

GOOD = csl_of([f"Works No. {number}" for number in range(10)]).encode()


class Server:
    """Answers requests in turn with what `answers` holds; the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                at = min(outer.asked, len(outer.answers) - 1)
                outer.asked += 1
                status, body, headers = outer.answers[at]
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self._http.server_port}/csl.csv"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("HARNESS_LISTS", str(tmp_path / "lists"))
    running = Server()
    yield running
    running.close()


def test_a_list_is_fetched_kept_and_told(server: Server) -> None:
    server.answers = [(200, GOOD, {})]
    told: list[str] = []
    seen: list[tuple[int, int | None]] = []
    kept = fetch(
        "us-csl", told.append, address=server.address, progress=lambda *at: seen.append(at)
    )
    assert (kept.rows, kept.meta.source, kept.meta.file) == (10, server.address, "csl.csv")
    assert seen[-1] == (len(GOOD), len(GOOD))
    assert told[-1].startswith(f"us-csl: edition {kept.edition}, 10 rows, kept in")
    fetch("us-csl", told.append, address=server.address)
    assert told[-1].endswith("unchanged")


def test_a_server_that_recovers_is_asked_again(server: Server) -> None:
    server.answers = [(500, b"", {}), (429, b"", {}), (200, GOOD, {})]
    told: list[str] = []
    assert fetch("us-csl", told.append, address=server.address, pause_s=0).rows == 10
    assert server.asked == 3
    assert "answered 500; trying again" in told[0]


def test_three_failures_are_enough_and_the_snapshot_before_stays(server: Server) -> None:
    server.answers = [(200, GOOD, {}), (500, b"", {})]
    fetch("us-csl", address=server.address)
    with pytest.raises(SetupError, match=r"in 3 tries: .* answered 500"):
        fetch("us-csl", address=server.address, pause_s=0)
    held = latest("us-csl")
    assert server.asked == 4
    assert held is not None
    assert held.rows == 10


def test_a_truncated_download_is_not_kept_even_if_it_reads(server: Server) -> None:
    whole_rows = GOOD[: GOOD.rindex(b"id-9")]
    server.answers = [(200, whole_rows, {"Content-Length": str(len(GOOD))})]
    with pytest.raises(SetupError) as error:
        fetch("us-csl", address=server.address, pause_s=0)
    assert "\n" not in str(error.value)
    assert str(len(GOOD)) in str(error.value).replace(",", "")
    assert server.asked == 3
    assert latest("us-csl") is None


def test_a_missing_page_is_asked_for_once(server: Server) -> None:
    server.answers = [(404, b"gone", {})]
    with pytest.raises(SetupError, match="answered 404; check the address"):
        fetch("us-csl", address=server.address, pause_s=0)
    assert server.asked == 1


def test_a_web_page_in_place_of_the_list_is_refused_by_its_address(server: Server) -> None:
    server.answers = [(200, b"<html>Maintenance</html>", {})]
    with pytest.raises(FactError) as error:
        fetch("us-csl", address=server.address)
    assert str(error.value).startswith(f"{server.address}:1: is a web page or XML, not a list")
    assert latest("us-csl") is None


def test_more_than_the_limit_is_not_downloaded(server: Server) -> None:
    server.answers = [(200, GOOD, {})]
    with pytest.raises(SetupError, match="holds more than 100 bytes"):
        fetch("us-csl", address=server.address, max_bytes=100)


def test_plain_http_is_refused_also_after_a_redirect(server: Server) -> None:
    with pytest.raises(SetupError, match="over https only"):
        fetch("us-csl", address="http://example.org/csl.csv")
    server.answers = [(302, b"", {"Location": "http://example.org/csl.csv"})]
    with pytest.raises(SetupError, match=r"http://example\.org/csl\.csv: .*over https only"):
        fetch("us-csl", address=server.address)


def test_a_list_without_an_address_says_what_to_do(server: Server) -> None:
    with pytest.raises(FactError, match=r"us-fascsa .* is not published as a file; give an"):
        fetch("us-fascsa")
    with pytest.raises(FactError, match="no list 'us-none' in the catalogue; known: us-csl"):
        fetch("us-none")
