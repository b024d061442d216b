"""What a plant is: signals that are functions of time alone.

History and live signal are the same function, so they join without a jump and counters go on, also after a stop of
any length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from vitrine_simulators.noise import Array

#: 1 September 2025, 00:00 UTC: when the simulated plants were commissioned; their counters begin here.
COMMISSIONED = 1_756_684_800.0
DAY = 86_400.0
YEAR = 365.2425 * DAY


class Plant(Protocol):
    """A model of an installation."""

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal, as ``device/channel``, with the UCUM unit in which `values` gives it."""

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times (seconds since 1970 UTC, none before `COMMISSIONED`)."""


class Source(Protocol):
    """Where a simulated instrument takes its values from, one reading at a time."""

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal, as ``device/channel``, with its UCUM unit."""

    def read(self, path: str, now: float) -> float:
        """Return what the sensor of a signal sees."""


class Live:
    """A plant read at the present; all signals of one instant are computed once."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._instant = -1.0
        self._values: dict[str, float] = {}

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its UCUM unit."""
        return self._plant.signals

    def read(self, path: str, now: float) -> float:
        """Return a signal at the tenth of a second that holds `now`."""
        instant = np.floor(now * 10.0) / 10.0
        if instant != self._instant:
            values = self._plant.values(np.array([instant]))
            self._values = {key: float(value[0]) for key, value in values.items()}
            self._instant = instant
        return self._values[path]
