"""harness.telemetry.rapl: packages once, across a wrap, or why not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.rapl import Zone, elapsed_j, zones


def zone(root: Path, name: str, energy_uj: str = "5000000", wraps_uj: str = "9000000") -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{wraps_uj}\n")
    return folder


def test_a_package_is_read_in_joules(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0")

    [found], reason = zones(tmp_path)

    assert (found.energy_j(), found.range_j, reason) == (5.0, 9.0, "")


def test_two_packages_count_and_their_parts_do_not(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1"):
        zone(tmp_path, name)
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


def test_a_counter_that_goes_away_reads_none_and_not_zero(tmp_path: Path) -> None:
    folder = zone(tmp_path, "intel-rapl:0")
    [found], _ = zones(tmp_path)
    (folder / "energy_uj").write_text("garbage")

    assert found.energy_j() is None


@given(start=st.floats(0, 9), used=st.floats(0, 8.9))
def test_energy_is_right_across_a_wrap(start: float, used: float) -> None:
    counter = Zone(Path("unused"), range_j=9.0)

    assert elapsed_j(counter, start, (start + used) % 9.0) == pytest.approx(used, abs=1e-9)
