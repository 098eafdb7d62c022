"""Start a vLLM server, wait until it really answers, read its settings back, stop it always."""

import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from harness.child import Child
from harness.errors import MeasurementError, SetupError
from harness.serve.vllm import ServerCommand

_MEMORY_SIGNS = (
    "out of memory",
    "No available memory for the cache blocks",
    "Free memory on device",
    "larger than the available KV cache memory",
    "larger than the maximum number of tokens that can be stored in KV cache",
    "Cannot allocate memory",
    "not enough memory",
    "DefaultCPUAllocator: can't allocate",
)


@dataclass
class Server:
    """A server that answered a completion."""

    base_url: str
    model: str
    command: ServerCommand
    ready_s: float
    process: Child
    settings: dict[str, Any] = field(default_factory=dict)  # what it says of itself

    def check_alive(self) -> None:
        """Raise MeasurementError, with the log's last lines, if the server has ended."""
        code = self.process.returncode()
        if code is not None:
            raise MeasurementError(
                f"the server died ({_ended(code)}): {_reason(self.process.log_tail(40))}"
            )

    def healthy(self) -> bool:
        """Whether it answers at all."""
        try:
            return httpx.get(f"{self.base_url}/health", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def load_adapter(self, name: str, folder: Path) -> None:
        """Serve a LoRA adapter under `name` beside the base model."""
        answer = httpx.post(
            f"{self.base_url}/v1/load_lora_adapter",
            json={"lora_name": name, "lora_path": str(folder)},
            timeout=120,
        )
        if answer.status_code != 200:
            raise MeasurementError(f"the server refused the adapter: {answer.text.strip()[:300]}")

    def unload_adapter(self, name: str) -> None:
        """Stop serving the adapter `name`."""
        httpx.post(
            f"{self.base_url}/v1/unload_lora_adapter", json={"lora_name": name}, timeout=60
        ).raise_for_status()

    def reset_prefix_cache(self) -> None:
        """Forget earlier prompts, so that none of a level's comes from the cache."""
        answer = httpx.post(f"{self.base_url}/reset_prefix_cache", timeout=60)
        if answer.status_code not in (200, 404):  # 404: an older server without that page
            raise MeasurementError(f"the server kept its prefix cache: {answer.text[:200]}")

    @property
    def dtype(self) -> str:
        """The data type that it serves in: what it says itself, else what it was told."""
        said = re.search(r"dtype=torch\.(\w+)", str(self.settings.get("server_info", "")))
        return said[1] if said and self.command.dtype == "auto" else self.command.dtype

    def stop(self) -> None:
        """Returns when no process of the server is left."""
        self.process.stop()


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raise SetupError if something listens on `port` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                f"engine.port={port} is taken ({error.strerror}); stop what listens there"
                " or set engine.port=0 for a free one"
            ) from error


def start(
    command: ServerCommand,
    *,
    port: int,
    model: str,
    log: Path,
    startup_timeout_s: float,
    stop_timeout_s: float,
    say: Callable[[str], None] = lambda _: None,
) -> Server:
    """Start the server and return it once it has answered a completion of one token.

    Raises SetupError when the port is taken, the process ends (with the likely reason from its
    log) or no answer comes in time. Nothing of the server is left then.
    """
    require_free(port)
    began = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    process = Child(
        command.argv, env=_environment(command.env), log=log, stop_timeout_s=stop_timeout_s
    )
    base_url = f"http://127.0.0.1:{port}"
    try:
        while not _answers(base_url, model):
            code = process.returncode()
            if code is not None:
                raise SetupError(_startup_failure(code, process.log_tail(60), log))
            waited = time.monotonic() - began
            if waited > startup_timeout_s:
                raise SetupError(
                    f"the server gave no answer within engine.startup_timeout_s="
                    f"{startup_timeout_s:g}; last log line: {_reason(process.log_tail(1))}"
                    f" (log: {log})"
                )
            say(f"waiting for {model}'s server, {waited:.0f} s")
            time.sleep(0.5)
        settings = _settings(base_url)
    except BaseException:
        process.stop()
        raise
    return Server(base_url, model, command, time.monotonic() - began, process, settings)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    hidden = ("API_KEY", "TOKEN", "SECRET", "PASSWORD")
    ours = {
        name: value
        for name, value in os.environ.items()
        if name == "HF_TOKEN" or not any(word in name.upper() for word in hidden)
    }
    return {**ours, **extra}


def _answers(base_url: str, model: str) -> bool:
    try:
        if httpx.get(f"{base_url}/health", timeout=5).status_code != 200:
            return False
        body = {"model": model, "prompt": "1 2 3", "max_tokens": 1, "temperature": 0}
        answer = httpx.post(f"{base_url}/v1/completions", json=body, timeout=120)
        return answer.status_code == 200 and bool(answer.json()["choices"])
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def _settings(base_url: str) -> dict[str, Any]:
    """Version and live configuration; not its environment, which is this machine's business."""
    settings: dict[str, Any] = {}
    for name, path in (("version", "/version"), ("server_info", "/server_info")):
        try:
            answer = httpx.get(f"{base_url}{path}", timeout=30)
            if answer.status_code == 200:
                said = answer.json()
                settings[name] = said if name == "version" else {"vllm_config": said["vllm_config"]}
        except (httpx.HTTPError, ValueError, KeyError):
            continue  # an older server without that page; the record shows that it is missing
    return settings


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _reason(lines: list[str]) -> str:
    """The line that says most: the last one that names an error, else the last."""
    errors = [line for line in lines if "Error" in line and "Traceback" not in line]
    line = (errors or lines or ["its log is empty"])[-1]
    return line.strip()[:400]


def _startup_failure(code: int, lines: list[str], log: Path) -> str:
    text = "\n".join(lines)
    if code in (-9, 137) or any(sign in text for sign in _MEMORY_SIGNS):
        signs = [line for line in lines if any(sign in line for sign in _MEMORY_SIGNS)]
        detail = signs[-1].strip()[:300] if signs else _ended(code)
        return (
            f"not enough memory for the server: {detail}; lower model.max_model_len,"
            f" engine.max_num_seqs or engine.kv_cache_gib (log: {log})"
        )
    return f"the server ended before it answered ({_ended(code)}): {_reason(lines)} (log: {log})"
