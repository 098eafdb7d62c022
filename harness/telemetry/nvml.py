"""NVML through pynvml, whose only importer this is. Joules, watts, degrees Celsius.

Fail-closed: what a GPU does not offer is None; a machine without NVML raises `Unavailable`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

from harness.fields import Frozen

T = TypeVar("T")


class Unavailable(Exception):
    """NVML cannot be used here; the text says why."""


class Gpu(Frozen):
    """What one GPU is."""

    index: int
    name: str
    uuid: str
    driver: str
    memory_bytes: int | None
    power_limit_w: float | None
    mig: bool


class Sample(Frozen):
    """What one GPU said at one moment."""

    energy_j: float | None
    power_w: float | None
    memory_used_bytes: int | None
    utilisation: float | None
    temperature_c: float | None
    sm_clock_mhz: float | None
    throttle_reasons: int | None


class Nvml:
    """An open NVML session; close it when done."""

    def __init__(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise Unavailable(f"NVML: {error}") from error
        self._driver = _text(pynvml.nvmlSystemGetDriverVersion())
        self._handles = [
            pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())
        ]
        if not self._handles:
            self.close()
            raise Unavailable("NVML: no GPU on this machine")

    def close(self) -> None:
        """End the session."""
        pynvml.nvmlShutdown()

    def gpus(self) -> list[Gpu]:
        """All GPUs that NVML shows."""
        return [self._gpu(index, handle) for index, handle in enumerate(self._handles)]

    def sample(self, index: int) -> Sample:
        """One reading; energy is the cumulative counter since the driver was loaded."""
        handle = self._handles[index]
        energy_mj = _ask(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        power_mw = _ask(pynvml.nvmlDeviceGetPowerUsage, handle)
        memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
        rates = _ask(pynvml.nvmlDeviceGetUtilizationRates, handle)
        temperature = _ask(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU)
        clock = _ask(pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_SM)
        return Sample(
            energy_j=None if energy_mj is None else energy_mj / 1000,
            power_w=None if power_mw is None else power_mw / 1000,
            memory_used_bytes=None if memory is None else int(memory.used),
            utilisation=None if rates is None else rates.gpu / 100,
            temperature_c=None if temperature is None else float(temperature),
            sm_clock_mhz=None if clock is None else float(clock),
            throttle_reasons=_ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle),
        )

    def _gpu(self, index: int, handle: Any) -> Gpu:
        memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
        limit_mw = _ask(pynvml.nvmlDeviceGetPowerManagementLimit, handle)
        mig = _ask(pynvml.nvmlDeviceGetMigMode, handle)
        return Gpu(
            index=index,
            name=_text(pynvml.nvmlDeviceGetName(handle)),
            uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
            driver=self._driver,
            memory_bytes=None if memory is None else int(memory.total),
            power_limit_w=None if limit_mw is None else limit_mw / 1000,
            mig=bool(mig and mig[0]),
        )


def _ask(function: Callable[..., T], *args: Any) -> T | None:
    try:
        return function(*args)
    except pynvml.NVMLError:
        return None  # not supported, not permitted or the GPU is gone: all mean "not measured"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
