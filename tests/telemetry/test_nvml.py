"""NVML through the real pynvml, on a library that this test compiles."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.telemetry.sampler import Sampler

READ = """
import json
from harness.run.environment import check_hardware, gpu_list
from harness.telemetry.nvml import Nvml
from harness.telemetry.sampler import Sampler
session = Nvml()
gpus, sample, blind = session.gpus(), session.sample(0), session.sample(1)
session.close()
def joules(indices):
    with Sampler(60.0, None, indices) as sampler:
        start = sampler.mark(); sampler.mark(); end = sampler.mark()
        return sampler.energy(start, end)
print(json.dumps({
    "gpus": [g.model_dump() for g in gpus], "sample": sample.model_dump(),
    "blind": blind.model_dump(), "one": joules((0,)), "both": joules((0, 1)),
}))
"""


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("nvml")
    source = Path(__file__).with_name("fake_nvml.c")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_readings_come_in_joules_watts_and_shares(readings: dict[str, Any]) -> None:
    assert readings["gpus"][0] == {
        "index": 0,
        "name": "NVIDIA H100 80GB HBM3",
        "uuid": "GPU-a",
        "driver": "580.00",
        "memory_bytes": 80 * 2**30,
        "power_limit_w": 700.0,
        "mig": False,  # this library has no such function: not supported, so not in MIG mode
    }
    assert readings["sample"]["energy_j"] == 1000.5
    assert readings["sample"]["power_w"] == pytest.approx(345.678)
    assert readings["sample"]["utilisation"] == 0.87
    assert readings["sample"]["memory_used_bytes"] == 20 * 2**30
    assert readings["sample"]["throttle_reasons"] == 4


def test_a_gpu_without_an_energy_counter_reads_none_and_makes_the_sum_unknown(
    readings: dict[str, Any],
) -> None:
    assert readings["blind"]["energy_j"] is None
    assert readings["one"] == [1.0, "nvml"]  # two steps of 500 mJ between the marks
    assert readings["both"][0] is None


def test_without_nvml_the_reason_is_said_and_energy_is_none() -> None:
    if os.path.exists("/dev/nvidia0"):
        pytest.skip("this machine has an NVIDIA GPU")
    with Sampler(60.0, None, (0,)) as sampler:
        start, end = sampler.mark(), sampler.mark()
        states = sampler.states()
        joules, source = sampler.energy(start, end)
    assert states["nvml"].startswith("not measured: NVML: ")
    if states["rapl"] != "measured":
        assert joules is None
        assert source.startswith("not measured: NVML: ")
