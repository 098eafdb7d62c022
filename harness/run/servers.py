"""The one server of this process: kept while the next cell needs the same one."""

import shutil
from collections.abc import Callable
from pathlib import Path

from harness.config.run import EndpointEngine, LoraFinetune, RunConfig
from harness.errors import SetupError
from harness.run import environment
from harness.serve import process
from harness.serve.vllm import ServerCommand, server_command
from harness.serve.weights import Weights


class Servers:
    """Starts servers, and reuses the running one for cells that differ only in what they ask."""

    def __init__(self) -> None:
        self.current: process.Server | None = None
        self._key = ""
        self._log: Path | None = None

    def command(
        self, config: RunConfig, weights: Weights | None, port: int | str = "PORT"
    ) -> ServerCommand:
        """The command that would serve this cell."""
        if isinstance(config.engine, EndpointEngine):
            raise SetupError("an endpoint is not started by us")
        return server_command(
            config.model,
            config.engine,
            folder=weights.folder if weights else "WEIGHTS",
            port=port,
            cpu_flags=environment.cpu_flags(),
            cores=environment.cores(),
            lora=isinstance(config.finetune, LoraFinetune),
        )

    def get(
        self, config: RunConfig, weights: Weights, log: Path, say: Callable[[str], None]
    ) -> process.Server:
        """The running server if it is the right one and alive, else a new one."""
        key = self.command(config, weights).key()
        if self.current and self._key == key and self.current.process.returncode() is None:
            return self.current
        self.stop()
        assert not isinstance(config.engine, EndpointEngine)
        self._log = log
        port = config.engine.port or process.free_port()
        self.current = process.start(
            self.command(config, weights, port),
            port=port,
            model=config.model.name,
            log=log,
            startup_timeout_s=config.engine.startup_timeout_s,
            stop_timeout_s=config.engine.stop_timeout_s,
            say=say,
        )
        self._key = key
        return self.current

    def log_tail(self, lines: int = 15) -> list[str]:
        """The last lines of the newest server's log, also when that server never came up."""
        if self._log is None or not self._log.exists():
            return []
        text = self._log.read_text("utf-8", "replace")
        return [line for line in text.splitlines() if line.strip()][-lines:]

    def copy_log(self, target: Path) -> None:
        """Copy the newest server's log into a cell's folder."""
        if self._log is not None and self._log.exists():
            shutil.copyfile(self._log, target)

    def stop(self) -> None:
        """Returns when no process of any server of ours is left."""
        server, self.current, self._log = self.current, None, None
        if server:
            server.stop()
