"""Sample in the background while a level runs; hand the rows and the energy over."""

import threading
import time
from typing import Any

from harness.telemetry import nvml, prometheus, rapl


class Sampler:
    """Reads GPUs (NVML), CPU packages (RAPL) and the server's counters every `interval_s`.

    Use as a context manager round what is measured. `energy(start, end)` gives joules between
    two moments of the monotonic clock, from the cumulative counters.
    """

    def __init__(self, interval_s: float, base_url: str | None, gpu_indices: tuple[int, ...]):
        """`gpu_indices`: NVML's numbers of the GPUs that do the work; empty: none does."""
        self._interval_s = interval_s
        self._base_url = base_url
        self.hardware_rows: list[dict[str, Any]] = []
        self.server_rows: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True, name="telemetry")
        self._nvml: nvml.Nvml | None = None
        self._gpu_indices: tuple[int, ...] = ()
        self._zones, self._rapl_reason = rapl.zones()
        self._nvml_reason = "no GPU takes part in this run"
        if gpu_indices:
            try:
                self._nvml = nvml.Nvml()
                self._gpu_indices = gpu_indices
            except nvml.Unavailable as error:
                self._nvml_reason = str(error)

    def states(self) -> dict[str, str]:
        """Per source: `measured`, or `not measured: <reason>`."""
        return {
            "nvml": "measured" if self._nvml else f"not measured: {self._nvml_reason}",
            "rapl": "measured" if self._zones else f"not measured: {self._rapl_reason}",
            "server_metrics": "measured"
            if self.server_rows
            else "not measured: no Prometheus page at the server",
        }

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._nvml:
            self._nvml.close()

    def mark(self) -> float:
        """Take one reading now and return its time, so that a window starts or ends on it."""
        return self._read()

    def energy(self, start_s: float, end_s: float) -> tuple[float | None, str]:
        """Joules between two marks, and where they come from or why there are none."""
        for name, there, device in (("nvml", self._nvml, "gpu"), ("rapl", self._zones, "cpu")):
            if there:
                joules = self._delta(device, start_s, end_s)
                gap = f"not measured: {name} gave no energy on one device, or not often enough"
                return joules, gap if joules is None else name
        return None, f"not measured: {self._nvml_reason}; {self._rapl_reason}"

    def _delta(self, kind: str, start_s: float, end_s: float) -> float | None:
        total = 0.0
        devices = {row["device"] for row in self.hardware_rows if row["device"].startswith(kind)}
        for device in devices:
            rows = [
                row
                for row in self.hardware_rows
                if row["device"] == device and start_s <= row["time_s"] <= end_s
            ]
            if len(rows) < 2 or any(row["energy_j"] is None for row in rows):
                return None  # a gap on one device makes the sum unknown
            total += rows[-1]["energy_j"] - rows[0]["energy_j"]
        return total if devices else None

    def _loop(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._read()

    def _read(self) -> float:
        now = time.monotonic()
        if self._nvml:
            for index in self._gpu_indices:
                sample = self._nvml.sample(index).model_dump()
                self.hardware_rows.append({"time_s": now, "device": f"gpu{index}", **sample})
        for number, zone in enumerate(self._zones):
            self.hardware_rows.append(
                {"time_s": now, "device": f"cpu{number}", "energy_j": self._unwrapped(number, zone)}
            )
        if self._base_url and (values := prometheus.scrape(self._base_url)) is not None:
            self.server_rows.append({"time_s": now, **values})
        return now

    def _unwrapped(self, number: int, zone: rapl.Zone) -> float | None:
        reading = zone.energy_j()
        earlier = [
            row
            for row in self.hardware_rows
            if row["device"] == f"cpu{number}" and row["energy_j"] is not None
        ]
        if reading is None or not earlier:
            return reading
        last = earlier[-1]["energy_j"]
        return float(last + rapl.elapsed_j(zone, last % zone.range_j, reading))
