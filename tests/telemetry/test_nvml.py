"""harness.telemetry.nvml: the real pynvml on a library that the test session compiles."""

import os
from typing import Any

import pytest

from harness.telemetry.nvml import Nvml, Unavailable
from tests.telemetry.conftest import RunWithNvml

READ = """
from harness.telemetry.nvml import Nvml, Unavailable
def found():
    try:
        session = Nvml()
    except Unavailable as error:
        return {"unavailable": str(error)}
    samples = [[session.sample(index).model_dump() for index in (0, 1)] for _ in range(3)]
    result = {
        "gpus": [gpu.model_dump() for gpu in session.gpus()],
        "unreadable": session.unreadable,
        "samples": samples,
        "beyond": session.sample(7).model_dump(),
        "index_of": {name: session.index_of(name) for name in ("GPU-b", "GPU-", "MIG-1", "MIG-2")},
    }
    session.close()
    return result
"""
CASES = (
    "", "no_energy", "no_power", "no_permission", "mig", "mig_unknown", "lost_after=2", "gone",
    "init=9", "init=18", "count=4", "gpus=0",
)  # fmt: skip
WELL = {
    "memory_used_bytes": 20 * 2**30,
    "utilisation": 0.87,
    "temperature_c": 61.0,
    "sm_clock_mhz": 1980.0,
    "throttle_reasons": 4,
}
LOST = "the GPU is lost (off the bus or out of reach)"
MIG = "MIG: one instance's energy cannot be told from its neighbours'"


@pytest.fixture(scope="module")
def readings(run_with_nvml: RunWithNvml) -> dict[str, Any]:
    return run_with_nvml(READ, CASES)


def test_a_gpu_is_described_in_bytes_and_watts(readings: dict[str, Any]) -> None:
    well = readings[""]

    assert well["gpus"][0] == {
        "index": 0,
        "name": "NVIDIA H100 80GB HBM3",
        "uuid": "GPU-a",
        "driver": "580.00",
        "memory_bytes": 80 * 2**30,
        "power_limit_w": 700.0,
        "mig": False,  # GPU 0 answers "not supported", as those do that cannot be split
    }
    assert [gpu["uuid"] for gpu in well["gpus"]] == ["GPU-a", "GPU-b"]


def test_readings_come_in_joules_watts_and_shares(readings: dict[str, Any]) -> None:
    well = readings[""]

    first, second = well["samples"][0][0], well["samples"][1][0]

    assert first == {"energy_j": 1000.5, "power_w": 345.678, "reasons": {}, **WELL}
    assert second["energy_j"] == 1001.0


@pytest.mark.parametrize(
    ("words", "energy_reason", "power_reason"),
    [
        ("no_energy", "not supported by this GPU", None),
        ("no_power", None, "not supported by this GPU"),
        ("no_permission", "no permission", "no permission"),
        ("mig", MIG, MIG),
        (
            "mig_unknown",
            "whether MIG is on: NVML: Unknown Error",
            "whether MIG is on: NVML: Unknown Error",
        ),
    ],
)
def test_what_a_gpu_cannot_tell_is_none_with_its_reason_and_the_rest_is_read(
    readings: dict[str, Any], words: str, energy_reason: str | None, power_reason: str | None
) -> None:
    found = readings[words]

    for well, ailing in found["samples"]:
        assert well["reasons"] == {}
        assert (ailing["energy_j"] is None) == (energy_reason is not None)
        assert (ailing["power_w"] is None) == (power_reason is not None)
        assert ailing["reasons"].get("energy_j") == energy_reason
        assert ailing["reasons"].get("power_w") == power_reason
        assert {key: ailing[key] for key in WELL} == WELL


@pytest.mark.parametrize(("words", "mig"), [("", False), ("mig", True), ("mig_unknown", None)])
def test_whether_a_gpu_is_split_is_said_and_unknown_is_not_no(
    readings: dict[str, Any], words: str, mig: bool | None
) -> None:
    assert readings[words]["gpus"][1]["mig"] is mig


def test_a_gpu_that_falls_off_the_bus_is_named_and_the_other_goes_on(
    readings: dict[str, Any],
) -> None:
    found = readings["lost_after=2"]

    others, losers = zip(*found["samples"], strict=True)
    assert [sample["energy_j"] for sample in others] == [1000.5, 1001.0, 1001.5]
    assert [sample["energy_j"] for sample in losers] == [2000.5, 2001.0, None]
    assert losers[2] == dict.fromkeys([*WELL, "energy_j", "power_w"]) | {
        "reasons": dict.fromkeys(["energy_j", "power_w", *WELL], LOST)
    }
    assert [gpu["uuid"] for gpu in found["gpus"]] == ["GPU-a"]
    assert found["unreadable"] == {"1": LOST}


def test_a_gpu_that_is_lost_from_the_start_does_not_hide_the_other(
    readings: dict[str, Any],
) -> None:
    found = readings["gone"]

    assert [gpu["uuid"] for gpu in found["gpus"]] == ["GPU-a"]
    assert found["unreadable"] == {"1": LOST}
    assert found["samples"][0][0]["energy_j"] == 1000.5
    assert found["samples"][0][1]["reasons"]["energy_j"] == LOST


def test_a_gpu_that_nvml_does_not_have_reads_none_with_the_reason(readings: dict[str, Any]) -> None:
    well = readings[""]

    assert well["beyond"]["energy_j"] is None
    assert well["beyond"]["reasons"]["energy_j"] == "NVML shows no GPU 7"


def test_gpus_are_found_by_uuid_and_a_mig_instance_by_the_gpu_it_is_part_of(
    readings: dict[str, Any],
) -> None:
    # "GPU-" begins two UUIDs; the library knows no instance 2.
    assert readings[""]["index_of"] == {"GPU-b": 1, "GPU-": None, "MIG-1": 1, "MIG-2": None}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("init=9", "NVML: Driver Not Loaded"),
        ("init=18", "NVML: RM has detected an NVML/RM version mismatch."),
        ("count=4", "NVML: Insufficient Permissions"),
        ("gpus=0", "NVML: no GPU on this machine"),
    ],
)
def test_nvml_that_does_not_start_says_why(
    readings: dict[str, Any], words: str, reason: str
) -> None:
    assert readings[words] == {"unavailable": reason}


def test_a_machine_without_the_library_says_so() -> None:
    if os.path.exists("/dev/nvidia0"):
        pytest.skip("this machine has an NVIDIA GPU")

    with pytest.raises(Unavailable, match="NVML: NVML Shared Library Not Found"):
        Nvml()
