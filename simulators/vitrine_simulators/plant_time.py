"""The time that passes in the plant: that of the wall clock, or faster, or from another beginning."""

from __future__ import annotations

import time
from collections.abc import Callable


class PlantTime:
    """Seconds since 1970 UTC as the plant counts them.

    Only the plant goes faster: gateways and sensors stamp with their own clocks, and ask as often as their files say.
    At a speed of 60 a gateway that reads every second sees one value a minute of the plant.
    """

    def __init__(self, speed: float = 1.0, begin: float | None = None, clock: Callable[[], float] = time.time) -> None:
        """Begin at an instant of the plant, by default at the present, `speed` times as fast as the clock."""
        self._speed, self._clock = speed, clock
        self._started = clock()
        self._begin = self._started if begin is None else begin

    def now(self) -> float:
        """Return the plant's present."""
        return self.at(self._clock())

    def at(self, wall: float) -> float:
        """Return the plant's time at an instant of the clock."""
        return self._begin + (wall - self._started) * self._speed
