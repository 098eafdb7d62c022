"""CPU package energy from Linux's powercap files (RAPL). Joules; None where unreadable."""

from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path("/sys/class/powercap")

MAX_PACKAGE_W = 1000.0
"""More than any CPU package draws: within range / 1000 W a counter cannot wrap twice."""


@dataclass(frozen=True)
class Zone:
    """One CPU package's counter, which wraps at `range_j`."""

    path: Path
    range_j: float

    def energy_j(self) -> float | None:
        """The counter now."""
        try:
            return int((self.path / "energy_uj").read_text()) / 1e6
        except (OSError, ValueError):
            return None


@dataclass
class Meter:
    """A zone's energy as one growing figure, across its wraps."""

    zone: Zone
    _total_j: float = field(default=0.0, init=False)
    _last: tuple[float, float] | None = field(default=None, init=False)  # time, counter

    def read(self, now_s: float) -> tuple[float | None, str | None]:
        """Energy since the first reading, or None and why."""
        reading_j = self.zone.energy_j()
        if reading_j is None:
            return None, "the RAPL counter cannot be read"
        last, self._last = self._last, (now_s, reading_j)
        if last is None:
            return self._total_j, None
        if now_s - last[0] > self.zone.range_j / MAX_PACKAGE_W:
            return (
                None,
                f"no reading for {now_s - last[0]:.3g} s: the RAPL counter may have wrapped",
            )
        self._total_j += elapsed_j(self.zone, last[1], reading_j)
        return self._total_j, None


def zones(root: Path = ROOT) -> tuple[list[Zone], str]:
    """Readable package zones, and the reason when there is none."""
    found: list[Zone] = []
    seen = [path for path in sorted(root.glob("intel-rapl:*")) if _is_package(path)]
    for path in seen:
        try:
            zone = Zone(path, int((path / "max_energy_range_uj").read_text()) / 1e6)
        except (OSError, ValueError):
            continue
        if zone.energy_j() is not None:
            found.append(zone)
    if len(found) == len(seen) and found:
        return found, ""
    return [], "RAPL is not readable (needs root)" if seen else "this machine shows no RAPL counter"


def elapsed_j(zone: Zone, before_j: float, after_j: float) -> float:
    """Energy between two readings, across at most one wrap."""
    return after_j - before_j if after_j >= before_j else after_j + zone.range_j - before_j


def _is_package(path: Path) -> bool:
    """Not a part of a package nor the whole platform: adding those would count twice."""
    try:
        return path.name.count(":") == 1 and (path / "name").read_text().startswith("package")
    except OSError:
        return False
