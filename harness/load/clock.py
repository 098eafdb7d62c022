"""The kernel stamps packets by the wall clock; everything else here uses the monotonic one.

On Linux both clocks run at the same, disciplined rate, so their difference is constant until
somebody sets the wall clock. It is read again and again during a run: the narrowest reading gives
the difference, and a reading that disagrees shows a step.
"""

import time
from dataclasses import dataclass, field

# A reading is bracketed by two of the monotonic clock; beyond their distance plus this a change
# of the difference is a step and not noise.
_NOISE_NS = 50_000


@dataclass
class WallClock:
    """Readings of wall minus monotonic time, in nanoseconds."""

    readings: list[tuple[int, int]] = field(default_factory=list)  # width, difference

    def read(self) -> None:
        """Take one reading: the narrowest of three tries."""
        self.readings.append(min(_bracketed() for _ in range(3)))

    def offset_ns(self) -> int:
        """Wall minus monotonic time by the narrowest reading."""
        return min(self.readings)[1]

    def step_s(self) -> float | None:
        """The largest change against the first reading, in seconds; None when there was none."""
        if not self.readings:
            return None
        width, first = self.readings[0]
        steps = [
            difference - first
            for w, difference in self.readings
            if abs(difference - first) > w + width + _NOISE_NS
        ]
        return max(steps, key=abs) / 1e9 if steps else None


def _bracketed() -> tuple[int, int]:
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return after - before, wall - (before + after) // 2
