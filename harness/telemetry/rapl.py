"""CPU package energy from Linux's powercap files (RAPL). Joules; None where unreadable."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/class/powercap")


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


def zones(root: Path = ROOT) -> tuple[list[Zone], str]:
    """Readable package zones, and the reason when there is none."""
    found: list[Zone] = []
    seen = sorted(root.glob("intel-rapl:*")) if root.is_dir() else []
    for path in seen:
        if path.name.count(":") != 1:
            continue  # a sub-zone is part of its package; adding it would count twice
        try:
            zone = Zone(path, int((path / "max_energy_range_uj").read_text()) / 1e6)
        except (OSError, ValueError):
            continue
        if zone.energy_j() is not None:
            found.append(zone)
    if found:
        return found, ""
    return [], "RAPL is not readable (needs root)" if seen else "this machine shows no RAPL counter"


def elapsed_j(zone: Zone, before_j: float, after_j: float) -> float:
    """Energy between two readings, across at most one wrap."""
    return after_j - before_j if after_j >= before_j else after_j + zone.range_j - before_j
