"""harness.telemetry.prometheus: the server's own counters, or None."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.telemetry.prometheus import scrape

PAGE = """\
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="m"} 100.0
vllm:prompt_tokens_total{engine="1",model_name="m"} 23.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="m"} 7.0
vllm:generation_tokens_created{engine="0",model_name="m"} 1.7e9
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 0.0
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 5.0
"""


@contextmanager
def page(text: str, status: int = 200) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_wanted_counters_are_summed_over_their_labels_and_nothing_else_is_kept() -> None:
    with page(PAGE) as url:
        found = scrape(url)

    assert found == {
        "vllm:prompt_tokens_total": 123.0,
        "vllm:generation_tokens_total": 7.0,
        "vllm:num_requests_running": 0.0,
    }


@pytest.mark.parametrize(
    ("text", "status"),
    [(PAGE, 500), (PAGE, 404), ("", 200), ("<html>login</html>", 200), ("a{b 1\n", 200)],
    ids=["error", "no page", "empty", "html", "broken"],
)
def test_a_page_that_is_none_gives_none_and_not_zeros(text: str, status: int) -> None:
    with page(text, status) as url:
        assert scrape(url) is None


def test_nobody_there_gives_none() -> None:
    assert scrape("http://127.0.0.1:9", timeout_s=1.0) is None
