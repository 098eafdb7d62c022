"""harness.telemetry.sampler: marks, idle power, energy and what could not be read."""

import os
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.records import store
from harness.records.schema import Energy
from harness.telemetry.sampler import Sampler
from tests.telemetry.conftest import RunWithNvml, ServePage
from tests.telemetry.test_nvml import LOST, MIG
from tests.telemetry.test_prometheus import TOGETHER, TWO_ENGINES

# Each look at the clock finds it a second later, so 40 s pass without waiting; the library's
# counters rise by 500 mJ a reading, which is 0.5 W a GPU.
FORTY_SECONDS = """
import itertools, time
ticks = itertools.count(100.0)
time.monotonic = lambda: next(ticks)
from harness.telemetry.sampler import Sampler
def found():
    with Sampler(1e6, None, (0, 1)) as sampler:
        # Where power cannot be read an hour of waiting would end the test.
        idle_w = sampler.idle(3600 if "no_power" in os.environ["FAKE_NVML"] else 0.01)
        start = sampler.mark()
        for _ in range(40):
            end = sampler.mark()
        return {
            "idle_w": idle_w,
            "energy": sampler.energy(start, end).model_dump(),
            "short": sampler.energy(start, start + 12).model_dump(),
            "states": sampler.states(),
            "rows": sampler.hardware_rows,
        }
"""
AILMENTS = {  # words for the library to the energy's source and the state of NVML
    "power=600": ("not measured: counter and integrated power differ by 20%", "measured"),
    "power=500,mig": (
        f"not measured: gpu1: {MIG}",
        f"measured in part: gpu1: {MIG} (energy_j, power_w)",
    ),
    "power=500,no_energy": (
        "not measured: gpu1: not supported by this GPU",
        "measured in part: gpu1: not supported by this GPU (energy_j)",
    ),
    "power=500,no_power": (
        "not measured: nothing to check the counter against: gpu1: not supported by this GPU",
        "measured in part: gpu1: not supported by this GPU (power_w)",
    ),
    "power=500,no_permission": (
        "not measured: gpu1: no permission",
        "measured in part: gpu1: no permission (energy_j, power_w)",
    ),
    "power=500,lost_after=20": (
        f"not measured: gpu1: {LOST}",
        f"measured in part: gpu1: {LOST} (power_w, memory_used_bytes, utilisation,"
        " temperature_c, sm_clock_mhz, throttle_reasons, energy_j)",
    ),
    "power=500,reset_after=20": ("not measured: gpu1: the counter went backwards", "measured"),
    "init=9": ("not measured: NVML: Driver Not Loaded", "not measured: NVML: Driver Not Loaded"),
}


@pytest.fixture(scope="module")
def runs(run_with_nvml: RunWithNvml) -> dict[str, Any]:
    return run_with_nvml(FORTY_SECONDS, ["power=500", *AILMENTS])


def wait_until(done: Callable[[], bool]) -> None:
    for _ in range(6000):
        if done():
            return
        time.sleep(0.01)
    pytest.fail("the sampling thread does nothing")


def test_energy_of_two_gpus_is_checked_against_their_power(runs: dict[str, Any]) -> None:
    found = runs["power=500"]

    assert found["energy"] == {
        "energy_j": 40.0,  # 40 s x 2 GPUs x 0.5 W
        "source": "nvml",
        "window_s": 40.0,
        "integral_j": 40.0,
        "idle_w": 1.0,
    }
    assert found["idle_w"] == 1.0
    assert found["short"]["source"] == "not measured: window of 12 s, 30 s are needed"
    assert found["states"]["nvml"] == "measured"


def test_rows_name_the_gpu_by_number_and_uuid(runs: dict[str, Any]) -> None:
    named = {(row["device"], row["uuid"]) for row in runs["power=500"]["rows"] if "uuid" in row}

    assert named == {("gpu0", "GPU-a"), ("gpu1", "GPU-b")}


@pytest.mark.parametrize("words", AILMENTS)
def test_what_ails_one_gpu_is_said_and_the_energy_is_unknown(
    runs: dict[str, Any], words: str
) -> None:
    found = runs[words]

    source, state = AILMENTS[words]
    assert found["energy"]["energy_j"] is None
    assert found["energy"]["source"] == source
    assert found["states"]["nvml"] == state


def test_a_lost_gpu_does_not_end_the_readings_of_the_other(runs: dict[str, Any]) -> None:
    rows = runs["power=500,lost_after=20"]["rows"]

    energies = [row["energy_j"] for row in rows if row["device"] == "gpu0"]
    assert energies == [1000.5 + 0.5 * number for number in range(43)]  # 2 idle, 41 marks
    assert [row["energy_j"] is None for row in rows if row["device"] == "gpu1"] == (
        [False] * 20 + [True] * 23
    )


def test_idle_power_of_a_gpu_that_does_not_tell_is_unknown_and_takes_no_time(
    runs: dict[str, Any],
) -> None:
    assert runs["power=500,no_power"]["idle_w"] is None


def test_a_run_on_gpus_without_nvml_has_no_energy_for_the_cpu_is_not_the_work() -> None:
    if os.path.exists("/dev/nvidia0"):
        pytest.skip("this machine has an NVIDIA GPU")
    with Sampler(60.0, None, (0,)) as sampler:
        idle_w = sampler.idle(3600)
        found = sampler.energy(sampler.mark(), sampler.mark())

    assert idle_w is None
    assert found.energy_j is None
    assert found.source == "not measured: NVML: NVML Shared Library Not Found"
    assert sampler.states()["nvml"] == found.source


def test_a_server_elsewhere_has_no_energy_here() -> None:
    with Sampler(60.0, None, (), no_energy="the server runs elsewhere") as sampler:
        idle_w = sampler.idle(3600)
        found = sampler.energy(sampler.mark(), sampler.mark())

    assert idle_w is None
    assert found == Energy(energy_j=None, source="not measured: the server runs elsewhere")


def test_a_mark_takes_a_reading_of_the_page_at_its_own_time(serve_page: ServePage) -> None:
    with serve_page(TWO_ENGINES) as url, Sampler(3600.0, url, ()) as sampler:
        marks = [sampler.mark(), sampler.mark()]

    assert sampler.server_rows == [{"time_s": mark, **TOGETHER} for mark in marks]
    assert marks[0] < marks[1]
    assert sampler.states()["server_metrics"] == "measured"


def test_the_page_is_read_in_the_background_too(serve_page: ServePage) -> None:
    with serve_page(TWO_ENGINES) as url, Sampler(0.01, url, ()) as sampler:
        wait_until(lambda: len(sampler.server_rows) >= 3)
        sampler.mark()

    times = [row["time_s"] for row in sampler.server_rows]
    assert times == sorted(set(times))


def test_a_server_without_a_page_is_said_so(serve_page: ServePage) -> None:
    with serve_page("", 404) as url, Sampler(3600.0, url, ()) as sampler:
        sampler.mark()

    state = sampler.states()["server_metrics"]
    assert state == "not measured: no Prometheus page at the server"


def test_pages_that_were_missed_are_counted(serve_page: ServePage) -> None:
    with ExitStack() as server:
        url = server.enter_context(serve_page(TWO_ENGINES, keep_alive=False))
        with Sampler(3600.0, url, ()) as sampler:
            sampler.mark()
            server.close()
            sampler.mark()
            sampler.mark()

    state = sampler.states()["server_metrics"]
    assert state == "measured in part: 2 pages were not to be had"


def test_a_reading_that_raises_is_said_and_ends_neither_the_thread_nor_the_run() -> None:
    def failures(sampler: Sampler) -> int:
        said = re.fullmatch(
            r"not measured: (\d+) readings failed: InvalidURL: Invalid port: 'x'",
            sampler.states()["server_metrics"],
        )
        return int(said[1]) if said else 0

    with Sampler(0.01, "http://127.0.0.1:x", ()) as sampler:  # no address: httpx raises
        wait_until(lambda: failures(sampler) >= 3)
        mark = sampler.mark()

    assert mark > 0
    assert failures(sampler) >= 4  # the thread's three and the mark's own


def test_rows_of_devices_with_different_figures_make_a_table(
    tmp_path: Path, runs: dict[str, Any]
) -> None:
    package = {"time_s": 1.0, "device": "cpu0", "energy_j": 3.0, "energy_reason": None}
    rows = [*runs["power=500"]["rows"], package]

    store.write_table(tmp_path / "telemetry.parquet", rows)

    table = pd.read_parquet(tmp_path / "telemetry.parquet")
    assert table["energy_j"].tolist() == [row["energy_j"] for row in rows]
    assert table["power_w"].isna().tolist() == [row["device"] == "cpu0" for row in rows]
