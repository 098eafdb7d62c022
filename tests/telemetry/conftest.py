"""What the telemetry tests share: a compiled libnvidia-ml.so and a Prometheus page that answers."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

RunWithNvml = Callable[[str, Sequence[str]], dict[str, Any]]
EACH_CASE = """
import json, os, sys
results = {}
for words in sys.argv[1:]:
    os.environ["FAKE_NVML"] = words
    results[words] = found()
print(json.dumps(results))
"""
ServePage = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def run_with_nvml(tmp_path_factory: pytest.TempPathFactory) -> RunWithNvml:
    """Call a script's `found()` once for each value of FAKE_NVML, on the library fake_nvml.c.

    In a process of its own, for the loader takes its path when a process starts.
    """
    folder = tmp_path_factory.mktemp("nvml")
    source = Path(__file__).with_name("fake_nvml.c")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(
        ["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source)], check=True
    )

    def run(script: str, cases: Sequence[str]) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-c", f"{script}{EACH_CASE}", *cases],
            env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


@pytest.fixture(scope="session")
def serve_page() -> ServePage:
    """A context with the address of a server whose `/metrics` is the given text."""

    @contextmanager
    def serve(text: str, status: int = 200, keep_alive: bool = True) -> Iterator[str]:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"

            def do_GET(self) -> None:
                body = text.encode()
                self.send_response(status if self.path == "/metrics" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return serve
