"""NVML through pynvml, whose only importer this is. Joules, watts, degrees Celsius.

Fail-closed: what a GPU does not tell is None with its reason; a machine without NVML raises
`Unavailable`. One GPU that fails never hides another.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pynvml
from pydantic import Field

from harness.fields import Frozen

T = TypeVar("T")

_REASONS = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: "not supported by this GPU",
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: "not offered by this driver",
    pynvml.NVML_ERROR_NO_PERMISSION: "no permission",
    pynvml.NVML_ERROR_GPU_IS_LOST: "the GPU is lost (off the bus or out of reach)",
}
_MIG = "MIG: one instance's energy cannot be told from its neighbours'"


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
    mig: bool | None = Field(description="Split into instances; None: the GPU does not tell")


class Sample(Frozen):
    """What one GPU said at one moment."""

    energy_j: float | None = Field(description="Cumulative, since the driver was loaded")
    power_w: float | None = Field(description="Ampere and later: mean over the last second")
    memory_used_bytes: int | None
    utilisation: float | None
    temperature_c: float | None
    sm_clock_mhz: float | None
    throttle_reasons: int | None
    reasons: dict[str, str] = Field(description="Name of a field that is None to why")


class Nvml:
    """An open NVML session; close it when done. GPUs go by NVML's number."""

    def __init__(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise Unavailable(f"NVML: {error}") from error
        try:
            self._driver = _text(pynvml.nvmlSystemGetDriverVersion())
            self._count: int = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            self.close()
            raise Unavailable(f"NVML: {error}") from error
        if not self._count:
            self.close()
            raise Unavailable("NVML: no GPU on this machine")
        self._handles: dict[int, Any] = {}
        self._mig: dict[int, str | None] = {}
        self.unreadable: dict[int, str] = {}  # GPUs that NVML counts but cannot open, and why
        for index in range(self._count):
            try:
                self._handles[index] = pynvml.nvmlDeviceGetHandleByIndex(index)
            except pynvml.NVMLError as error:
                self.unreadable[index] = _reason(error)
            else:
                self._mig[index] = _mig_reason(self._handles[index])

    def close(self) -> None:
        """End the session."""
        with suppress(pynvml.NVMLError):  # all is read by now, nothing is left to undo
            pynvml.nvmlShutdown()

    def gpus(self) -> list[Gpu]:
        """All GPUs that NVML can describe; those it cannot are in `unreadable`."""
        found = []
        for index, handle in self._handles.items():
            try:
                found.append(self._gpu(index, handle))
            except pynvml.NVMLError as error:
                self.unreadable[index] = _reason(error)
        return found

    def index_of(self, uuid: str) -> int | None:
        """NVML's number of a GPU by its UUID, or of the GPU that a MIG instance is part of.

        As in CUDA_VISIBLE_DEVICES, the beginning of a GPU's UUID is enough when it is unique.
        """
        if uuid.startswith("MIG-"):
            try:
                instance = pynvml.nvmlDeviceGetHandleByUUID(uuid)
                whole = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(instance)
                return int(pynvml.nvmlDeviceGetIndex(whole))
            except pynvml.NVMLError:
                return None
        fitting = [gpu.index for gpu in self.gpus() if gpu.uuid.startswith(uuid)]
        return fitting[0] if len(fitting) == 1 else None

    def sample(self, index: int) -> Sample:
        """One reading."""
        reasons: dict[str, str] = {}

        def ask(field: str, function: Callable[..., T], *args: Any) -> T | None:
            if index not in self._handles:
                reasons[field] = self.unreadable.get(index, f"NVML shows no GPU {index}")
                return None
            if field in {"energy_j", "power_w"} and (mig := self._mig[index]):
                reasons[field] = mig
                return None
            try:
                return function(self._handles[index], *args)
            except pynvml.NVMLError as error:
                reasons[field] = _reason(error)
                return None

        energy_mj = ask("energy_j", pynvml.nvmlDeviceGetTotalEnergyConsumption)
        power_mw = ask("power_w", pynvml.nvmlDeviceGetPowerUsage)
        memory = ask("memory_used_bytes", pynvml.nvmlDeviceGetMemoryInfo)
        rates = ask("utilisation", pynvml.nvmlDeviceGetUtilizationRates)
        heat = ask("temperature_c", pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)
        clock = ask("sm_clock_mhz", pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM)
        throttle = ask("throttle_reasons", pynvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        return Sample(
            energy_j=None if energy_mj is None else energy_mj / 1000,
            power_w=None if power_mw is None else power_mw / 1000,
            memory_used_bytes=None if memory is None else int(memory.used),
            utilisation=None if rates is None else rates.gpu / 100,
            temperature_c=None if heat is None else float(heat),
            sm_clock_mhz=None if clock is None else float(clock),
            throttle_reasons=throttle,
            reasons=reasons,
        )

    def _gpu(self, index: int, handle: Any) -> Gpu:
        memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
        limit_mw = _ask(pynvml.nvmlDeviceGetPowerManagementLimit, handle)
        mig = self._mig[index]
        return Gpu(
            index=index,
            name=_text(pynvml.nvmlDeviceGetName(handle)),
            uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
            driver=self._driver,
            memory_bytes=None if memory is None else int(memory.total),
            power_limit_w=None if limit_mw is None else limit_mw / 1000,
            mig=mig == _MIG if mig in {None, _MIG} else None,
        )


def _mig_reason(handle: Any) -> str | None:
    """Why a GPU's counters must not be used: it is split, or may be. None: it is whole."""
    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(handle)
    except pynvml.NVMLError as error:
        whole = {pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND}
        return None if error.value in whole else f"whether MIG is on: {_reason(error)}"
    return _MIG if current else None


def _reason(error: pynvml.NVMLError) -> str:
    return _REASONS.get(error.value, f"NVML: {error}")


def _ask(function: Callable[..., T], *args: Any) -> T | None:
    try:
        return function(*args)
    except pynvml.NVMLError:
        return None  # a description may have holes; readings say why they have


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
