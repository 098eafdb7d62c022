"""Starting and failing to start, with a small server in place of the model."""

import sys
from pathlib import Path

import httpx
import psutil
import pytest

from harness.errors import MeasurementError, SetupError
from harness.serve import process
from harness.serve.vllm import ServerCommand

ANSWERING = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404); self.end_headers()
    def do_POST(self):
        body = b'{"choices": [{"text": "4"}]}'
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): pass
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def command(script: str, *arguments: str) -> ServerCommand:
    return ServerCommand((sys.executable, "-c", script, *arguments), {"EXTRA": "1"}, "float32")


def start(script: str, port: int, tmp_path: Path, timeout_s: float = 30.0) -> process.Server:
    return process.start(
        command(script, str(port)),
        port=port,
        model="m",
        log=tmp_path / "server.log",
        startup_timeout_s=timeout_s,
        stop_timeout_s=2.0,
    )


def test_a_server_is_ready_when_it_answers_and_stopping_leaves_no_process(tmp_path: Path) -> None:
    port = process.free_port()

    server = start(ANSWERING, port, tmp_path)

    assert httpx.get(f"{server.base_url}/health").status_code == 200
    family = psutil.Process(server.process._guard.pid).children(recursive=True)
    assert len(family) == 2
    server.stop()
    assert not any(member.is_running() for member in family)
    process.require_free(port)


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    server = start(ANSWERING, process.free_port(), tmp_path)
    port = int(server.base_url.rpartition(":")[2])

    with pytest.raises(SetupError, match=f"engine.port={port} is taken"):
        start(ANSWERING, port, tmp_path)

    server.stop()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("raise ValueError('weights are odd')", "ValueError: weights are odd"),
        ("raise MemoryError('Cannot allocate memory')", "not enough memory for the server"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "not enough memory"),
    ],
)
def test_a_server_that_ends_at_once_gives_the_likely_reason_from_its_log(
    tmp_path: Path, script: str, expected: str
) -> None:
    with pytest.raises(SetupError, match=expected):
        start(script, process.free_port(), tmp_path)


def test_a_server_that_never_answers_is_stopped_and_the_time_limit_is_named(
    tmp_path: Path,
) -> None:
    with pytest.raises(SetupError, match=r"engine.startup_timeout_s=1; .*still loading"):
        start("print('still loading', flush=True); import time; time.sleep(60)",
              process.free_port(), tmp_path, 1.0)  # fmt: skip


def test_a_server_that_died_is_reported_with_its_last_error(tmp_path: Path) -> None:
    server = start(ANSWERING, process.free_port(), tmp_path)
    for member in psutil.Process(server.process._guard.pid).children():
        member.kill()
    server.process.wait(10)

    with pytest.raises(MeasurementError, match="the server died"):
        server.check_alive()

    server.stop()


def test_keys_and_tokens_of_ours_are_not_handed_to_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret-value")

    with pytest.raises(SetupError) as failure:
        start("import os; raise ValueError(sorted(k for k in os.environ if 'WANDB' in k))",
              process.free_port(), tmp_path)  # fmt: skip

    assert "ValueError: []" in str(failure.value)
