"""harness.telemetry.rapl: packages once, across a wrap, or why not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.rapl import Meter, Zone, elapsed_j, zones


def zone(
    root: Path,
    name: str,
    energy_uj: str = "5000000",
    wraps_uj: str = "9000000",
    called: str = "package-0",
) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{called}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{wraps_uj}\n")
    return folder


def test_a_package_is_read_in_joules(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0")

    [found], reason = zones(tmp_path)

    assert (found.energy_j(), found.range_j, reason) == (5.0, 9.0, "")


def test_two_packages_count_and_neither_their_parts_nor_the_platform_do(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1"):
        zone(tmp_path, name)
    zone(tmp_path, "intel-rapl:2", called="psys")  # the platform: both packages once more
    zone(tmp_path, "dtpm")

    found, _ = zones(tmp_path)

    assert [each.path.name for each in found] == ["intel-rapl:0", "intel-rapl:1"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_machine_without_counters_says_so(tmp_path: Path, exists: bool) -> None:
    root = tmp_path if exists else tmp_path / "nowhere"

    assert zones(root) == ([], "this machine shows no RAPL counter")


def test_counters_that_cannot_be_read_are_told_apart_from_none(tmp_path: Path) -> None:
    (zone(tmp_path, "intel-rapl:0") / "energy_uj").unlink()

    assert zones(tmp_path) == ([], "RAPL is not readable (needs root)")


def test_one_package_that_cannot_be_read_makes_the_machine_unreadable(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0")
    (zone(tmp_path, "intel-rapl:1") / "energy_uj").unlink()

    assert zones(tmp_path) == ([], "RAPL is not readable (needs root)")


def test_a_counter_that_goes_away_reads_none_and_not_zero(tmp_path: Path) -> None:
    folder = zone(tmp_path, "intel-rapl:0")
    [found], _ = zones(tmp_path)
    (folder / "energy_uj").write_text("garbage")

    assert found.energy_j() is None


@given(start=st.floats(0, 9), used=st.floats(0, 8.9))
def test_energy_is_right_across_a_wrap(start: float, used: float) -> None:
    counter = Zone(Path("unused"), range_j=9.0)

    assert elapsed_j(counter, start, (start + used) % 9.0) == pytest.approx(used, abs=1e-9)


def test_a_meter_grows_across_wraps_from_zero(tmp_path: Path) -> None:
    folder = zone(tmp_path, "intel-rapl:0", wraps_uj="9000000000")  # 9,000 J: nine seconds at most
    meter = Meter(zones(tmp_path)[0][0])
    found = []
    for second, counter_j in enumerate((8000, 8500, 200, 700)):
        (folder / "energy_uj").write_text(f"{counter_j * 1_000_000}\n")
        found.append(meter.read(float(second))[0])

    # 500 J; 500 J up to the wrap and 200 J after it; 500 J.
    assert found == [0.0, 500.0, 1200.0, 1700.0]


def test_a_silence_in_which_the_counter_may_have_wrapped_is_a_gap(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", wraps_uj="9000000000")
    meter = Meter(zones(tmp_path)[0][0])
    meter.read(0.0)

    joules, reason = meter.read(9.5)

    assert joules is None
    assert reason == "no reading for 9.5 s: the RAPL counter may have wrapped"
    assert meter.read(10.0) == (0.0, None)


def test_a_meter_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    folder = zone(tmp_path, "intel-rapl:0")
    meter = Meter(zones(tmp_path)[0][0])
    (folder / "energy_uj").unlink()

    assert meter.read(0.0) == (None, "the RAPL counter cannot be read")
