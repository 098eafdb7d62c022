"""harness.telemetry.energy: joules only where counter and power agree over a long window."""

from typing import Any

import pytest

from harness.telemetry.energy import mean_power, measure, tells_power

Row = dict[str, Any]


def gpu(number: int, watts: float, last_s: int = 60, **changes: Any) -> list[Row]:
    """A GPU that draws `watts` and is read each second, counter and power alike."""
    return [
        {
            "time_s": float(second),
            "device": f"gpu{number}",
            "energy_j": 1000.0 + watts * second,
            "energy_reason": None,
            "power_w": watts,
            "power_reason": None,
            **changes,
        }
        for second in range(last_s + 1)
    ]


def cpu(number: int, watts: float, last_s: int = 60) -> list[Row]:
    return [
        {
            "time_s": float(second),
            "device": f"cpu{number}",
            "energy_j": watts * second,
            "energy_reason": None,
        }
        for second in range(last_s + 1)
    ]


def test_energy_is_the_counters_difference_over_the_window_summed_over_gpus() -> None:
    found = measure(gpu(0, 100.0) + gpu(1, 50.0) + cpu(0, 900.0), "nvml", 5.0, 35.0)

    # 30 s x (100 W + 50 W); the CPU beside them is not the GPUs' work.
    assert found.energy_j == 4500.0
    assert found.integral_j == pytest.approx(4500.0)
    assert (found.source, found.window_s) == ("nvml", 30.0)


def test_the_window_is_the_one_asked_for_also_between_readings() -> None:
    found = measure(gpu(0, 100.0), "nvml", 5.25, 45.75)

    assert found.energy_j == pytest.approx(4050.0)  # 40.5 s x 100 W
    assert found.integral_j == pytest.approx(4050.0)
    assert found.window_s == 40.5


@pytest.mark.parametrize(
    ("end_s", "reason"),
    [
        (22.0, "window of 12 s, 30 s are needed"),
        (39.97, "window of 29.9 s, 30 s are needed"),
        (12.0, "window of 2 s, 30 s are needed"),
        (10.0, "window of 0 s, 30 s are needed"),
    ],
)
def test_a_window_below_30_s_is_not_measured_by_nvml(end_s: float, reason: str) -> None:
    found = measure(gpu(0, 100.0), "nvml", 10.0, end_s)

    assert found.energy_j is None
    assert found.source == f"not measured: {reason}"


@pytest.mark.parametrize("power_w", [95.0, 100.0, 105.0])
def test_counter_and_power_that_are_5_percent_apart_agree(power_w: float) -> None:
    found = measure(gpu(0, 100.0, power_w=power_w), "nvml", 0.0, 40.0)

    assert found.energy_j == 4000.0
    assert found.integral_j == pytest.approx(40 * power_w)


@pytest.mark.parametrize(("power_w", "percent"), [(110.0, "10"), (94.0, "6"), (0.0, "100")])
def test_counter_and_power_that_differ_by_more_give_no_energy_and_say_by_how_much(
    power_w: float, percent: str
) -> None:
    found = measure(gpu(0, 100.0, power_w=power_w), "nvml", 0.0, 40.0)

    assert found.energy_j is None
    assert found.integral_j == pytest.approx(40 * power_w)
    assert found.source == f"not measured: counter and integrated power differ by {percent}%"


def test_a_counter_that_stands_still_is_not_zero_energy() -> None:
    found = measure(gpu(0, 100.0, energy_j=1000.0), "nvml", 0.0, 40.0)

    assert found.energy_j is None
    assert found.source == "not measured: the counter did not move"


def test_a_gap_on_one_gpu_makes_the_sum_unknown_and_its_reason_is_given() -> None:
    lost = gpu(1, 50.0)
    lost[20] |= {"energy_j": None, "energy_reason": "the GPU is lost"}

    found = measure(gpu(0, 100.0) + lost, "nvml", 0.0, 40.0)

    assert (found.energy_j, found.source) == (None, "not measured: gpu1: the GPU is lost")
    after = measure(gpu(0, 100.0) + lost, "nvml", 21.0, 60.0)
    assert after.energy_j == 39 * 150.0


def test_a_lasting_reason_is_given_before_one_that_a_longer_window_would_mend() -> None:
    blind = gpu(0, 100.0, energy_j=None, energy_reason="MIG")

    assert measure(blind, "nvml", 0.0, 10.0).source == "not measured: gpu0: MIG"


def test_a_counter_that_went_backwards_is_not_measured() -> None:
    reset = gpu(0, 100.0)
    for row in reset[30:]:
        row["energy_j"] -= 1500.0

    found = measure(reset, "nvml", 0.0, 60.0)

    assert found.energy_j is None
    assert found.source == "not measured: gpu0: the counter went backwards"


def test_a_counter_that_no_power_reading_can_confirm_is_not_measured() -> None:
    rows = gpu(0, 100.0, power_w=None, power_reason="not supported by this GPU")

    found = measure(rows, "nvml", 0.0, 40.0)

    assert found.energy_j is None
    assert found.source == (
        "not measured: nothing to check the counter against: gpu0: not supported by this GPU"
    )


def test_a_gpu_that_is_no_longer_read_is_not_taken_as_idle() -> None:
    found = measure(gpu(0, 100.0) + gpu(1, 50.0, last_s=30), "nvml", 0.0, 40.0)

    assert found.energy_j is None
    assert found.source == "not measured: gpu1: no reading after the window"


def test_a_silence_too_long_to_integrate_over_is_not_measured() -> None:
    rows = [row for row in gpu(0, 100.0) if not 10 < row["time_s"] < 16]

    found = measure(rows, "nvml", 0.0, 40.0)

    assert found.energy_j is None
    assert "gpu0: no reading for 6 s, this window allows 4 s" in found.source


def test_no_reading_at_all_is_not_measured() -> None:
    assert measure([], "nvml", 0.0, 40.0).source == "not measured: no reading of nvml"
    assert measure(gpu(0, 1.0), "rapl", 0.0, 40.0).source == "not measured: no reading of rapl"


def test_cpu_packages_are_summed_over_any_window_and_have_no_second_view() -> None:
    found = measure(cpu(0, 40.0) + cpu(1, 30.0), "rapl", 10.0, 12.0)

    assert (found.energy_j, found.source, found.integral_j) == (140.0, "rapl", None)


def test_idle_power_is_kept_apart_and_never_subtracted() -> None:
    found = measure(gpu(0, 100.0), "nvml", 0.0, 40.0, idle_w=70.0)

    assert (found.energy_j, found.idle_w) == (4000.0, 70.0)


def test_idle_power_is_the_mean_of_all_devices_together() -> None:
    ramp = gpu(0, 60.0, last_s=10)
    for row in ramp:
        row["power_w"] = 60.0 + row["time_s"]

    # 60 W rising to 70 W, mean 65 W, beside 80 W; the counters of two packages at 40 and 30 W.
    assert mean_power(ramp + gpu(1, 80.0), "nvml", 0.0, 10.0) == pytest.approx(145.0)
    assert mean_power(cpu(0, 40.0) + cpu(1, 30.0), "rapl", 0.0, 10.0) == pytest.approx(70.0)


def test_idle_power_is_unknown_when_one_device_does_not_tell() -> None:
    silent = gpu(1, 80.0, power_w=None, power_reason="no permission")

    assert mean_power(gpu(0, 60.0) + silent, "nvml", 0.0, 10.0) is None
    assert mean_power([], "nvml", 0.0, 10.0) is None


@pytest.mark.parametrize(
    ("rows", "tells"),
    [
        (gpu(0, 1.0, last_s=0) + gpu(1, 1.0, last_s=0), True),
        (gpu(0, 1.0, last_s=0) + gpu(1, 1.0, last_s=0, power_w=None), False),
        (cpu(0, 1.0, last_s=0), False),
        ([], False),
    ],
)
def test_power_can_be_read_when_every_gpu_gives_it(rows: list[Row], tells: bool) -> None:
    assert tells_power(rows, "nvml") is tells
