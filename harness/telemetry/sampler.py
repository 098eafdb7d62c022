"""Sample in the background while levels run; hand over the rows and what they say."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from harness.records.schema import Energy
from harness.telemetry import energy, nvml, prometheus, rapl


class Sampler:
    """Reads GPUs (NVML), CPU packages (RAPL) and the server's counters every `interval_s`.

    Use as a context manager round what is measured. `hardware_rows` have one row per device and
    reading, `server_rows` one per page; all times are of the monotonic clock. No failure of a
    reading ends the run: rows then hold None with the reason, and `states` says so.
    """

    def __init__(
        self,
        interval_s: float,
        base_url: str | None,
        gpu_indices: tuple[int, ...],
        no_energy: str | None = None,
    ):
        """`gpu_indices`: NVML's numbers of the GPUs that do the work; empty: CPUs do it.

        `no_energy`: why this machine's counters do not show the energy of the work, such as a
        server elsewhere. With GPUs the energy is theirs alone; when NVML fails there is none, for
        the CPU's share is not the work's.
        """
        self.hardware_rows: list[dict[str, Any]] = []
        self.server_rows: list[dict[str, Any]] = []
        self._interval_s = interval_s
        self._source: energy.Source = "nvml" if gpu_indices else "rapl"
        self._idle_w: float | None = None
        self._untold: dict[str, list[str]] = {}  # device and reason to the fields without value
        self._raised: dict[str, Counter[str]] = {
            source: Counter() for source in ("nvml", "rapl", "server_metrics")
        }
        self._pages_missed = 0
        self._nvml: nvml.Nvml | None = None
        self._gpus: dict[int, str | None] = {}  # number to UUID
        found, rapl_reason = rapl.zones()
        self._meters = [rapl.Meter(zone) for zone in found]
        self._absent = {"nvml": "no GPU takes part in this run", "rapl": rapl_reason}
        if gpu_indices:
            self._open_nvml(gpu_indices)
        self._no_energy = no_energy or self._absent[self._source]
        self._page = prometheus.Page(base_url) if base_url else None
        self._stop = threading.Event()
        self._hardware_lock = threading.Lock()  # readings of one kind are taken in order of time
        self._server_lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._loop, args=(read,), daemon=True, name="telemetry")
            for read in (self._read_hardware, self._read_server)
        ]

    def states(self) -> dict[str, str]:
        """Per source: `measured`, `measured in part: <reason>` or `not measured: <reason>`."""
        kinds = {row["device"][:3] for row in self.hardware_rows if _tells(row)}
        pages = [f"{self._pages_missed} pages were not to be had"] if self._pages_missed else []
        no_page = "" if self._raised["server_metrics"] else "no Prometheus page at the server"
        return {
            "nvml": _state("gpu" in kinds, self._reasons("nvml", "gpu"), self._absent["nvml"]),
            "rapl": _state("cpu" in kinds, self._reasons("rapl", "cpu"), self._absent["rapl"]),
            "server_metrics": _state(
                bool(self.server_rows), self._reasons("server_metrics", None) + pages, no_page
            ),
        }

    def __enter__(self) -> "Sampler":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as closing:
            if self._nvml:
                closing.callback(self._nvml.close)
            if self._page:
                closing.callback(self._page.close)
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def mark(self) -> float:
        """Take one reading now and return its time, so that a window starts or ends on it."""
        with self._server_lock:
            now = self._read_hardware()
            self._guard("server_metrics", self._read_page, now)
        return now

    def idle(self, seconds: float) -> float | None:
        """Wait and measure the mean power (W) of all devices together; call it before the load.

        Where no power can be read, None at once. The figure is kept for `energy`.
        """
        if seconds <= 0 or self._no_energy:
            return None
        start_s = self.mark()
        if not energy.tells_power(self._rows_at(start_s), self._source):
            return None
        self._stop.wait(seconds)
        end_s = self.mark()
        self._idle_w = energy.mean_power(self.hardware_rows, self._source, start_s, end_s)
        return self._idle_w

    def energy(self, start_s: float, end_s: float) -> Energy:
        """Energy between two times, each inside the time that was sampled."""
        if self._no_energy:
            return Energy(energy_j=None, source=f"not measured: {self._no_energy}")
        return energy.measure(self.hardware_rows, self._source, start_s, end_s, self._idle_w)

    # --- reading -----------------------------------------------------------------------------

    def _open_nvml(self, gpu_indices: tuple[int, ...]) -> None:
        try:
            self._nvml = nvml.Nvml()
        except nvml.Unavailable as error:
            self._absent["nvml"] = str(error)
            return
        self._absent["nvml"] = ""
        uuids = {gpu.index: gpu.uuid for gpu in self._nvml.gpus()}
        self._gpus = {index: uuids.get(index) for index in gpu_indices}

    def _loop(self, read: Callable[[], object]) -> None:
        while not self._stop.wait(self._interval_s):
            read()

    def _read_hardware(self) -> float:
        with self._hardware_lock:
            now = time.monotonic()
            self._guard("nvml", self._read_gpus, now)
            self._guard("rapl", self._read_packages, now)
        return now

    def _read_server(self) -> None:
        with self._server_lock:
            self._guard("server_metrics", self._read_page, time.monotonic())

    def _guard(self, source: str, read: Callable[[float], None], now: float) -> None:
        try:
            read(now)
        except Exception as error:
            # Of any kind: what one reading did not expect must end neither sampling nor the run.
            self._raised[source][f"{type(error).__name__}: {error}"] += 1

    def _read_gpus(self, now: float) -> None:
        if not self._nvml:
            return
        for index, uuid in self._gpus.items():
            sample = self._nvml.sample(index)
            self._add(
                now,
                f"gpu{index}",
                sample.reasons,
                uuid=uuid,
                **sample.model_dump(exclude={"reasons"}),
                power_reason=sample.reasons.get("power_w"),
            )

    def _read_packages(self, now: float) -> None:
        for number, meter in enumerate(self._meters):
            joules, reason = meter.read(now)
            reasons = {"energy_j": reason} if reason else {}
            self._add(now, f"cpu{number}", reasons, energy_j=joules)

    def _add(self, now: float, device: str, reasons: dict[str, str], **values: Any) -> None:
        for field, reason in reasons.items():
            fields = self._untold.setdefault(f"{device}: {reason}", [])
            if field not in fields:
                fields.append(field)
        row = {"time_s": now, "device": device, **values}
        self.hardware_rows.append({**row, "energy_reason": reasons.get("energy_j")})

    def _read_page(self, now: float) -> None:
        if not self._page:
            return
        values = self._page.read()
        if values is None:
            self._pages_missed += 1
        else:
            self.server_rows.append({"time_s": now, **values})

    def _reasons(self, source: str, kind: str | None) -> list[str]:
        untold = [
            f"{why} ({', '.join(fields)})"
            for why, fields in list(self._untold.items())
            if kind and why.startswith(kind)
        ]
        raised = list(self._raised[source].items())
        return untold + [f"{count} readings failed: {error}" for error, count in raised]

    def _rows_at(self, time_s: float) -> list[dict[str, Any]]:
        return [row for row in self.hardware_rows if row["time_s"] == time_s]


def _tells(row: dict[str, Any]) -> bool:
    named = {"time_s", "device", "uuid", "energy_reason", "power_reason"}
    return any(value is not None for key, value in row.items() if key not in named)


def _state(read: bool, reasons: list[str], absent: str) -> str:
    why = "; ".join(reasons)
    if read:
        return f"measured in part: {why}" if why else "measured"
    return f"not measured: {absent or why or 'nothing was read'}"
