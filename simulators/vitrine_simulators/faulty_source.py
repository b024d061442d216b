"""A plant seen through instruments that have faults."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np

from vitrine_simulators.binding import Bound
from vitrine_simulators.faults import Schedule
from vitrine_simulators.faults.instrument import shown
from vitrine_simulators.noise import Array
from vitrine_simulators.plants import Live, Plant

#: Sets of instants whose signals are kept: the present, and the beginnings of what lasts.
_KEPT = 16


class SoundSignals:
    """The signals of a plant in the units of the site, at whatever instants."""

    def __init__(self, plant: Plant, bindings: Iterable[Bound]) -> None:
        self._plant = plant
        #: Path → (scale, shift) from the plant's unit to the site's.
        self.to_site = {
            f"{bound.device.key}/{key}": _composed(bound, key) for bound in bindings for key in bound.to_site
        }
        self._kept: OrderedDict[bytes, dict[str, Array]] = OrderedDict()

    def __call__(self, path: str, times: Array) -> Array:
        """Return one signal at some instants, shape (n,)."""
        instants = times.tobytes()
        if instants not in self._kept:
            self._kept[instants] = self._plant.values(times)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        scale, shift = self.to_site[path]
        return self._kept[instants][path] * scale + shift


class FaultySource:
    """Gives one reading at a time, as `Live` does, with the faults of the instant."""

    def __init__(self, plant: Plant, bindings: Iterable[Bound], schedule: Schedule) -> None:
        self._live, self._schedule = Live(plant), schedule
        self._sound = SoundSignals(plant, bindings)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its UCUM unit."""
        return self._live.signals

    def read(self, path: str, now: float) -> float:
        """Return what the instrument shows, in the plant's unit; NaN for its mark of “no value”."""
        value = self._live.read(path, now)
        faults = self._schedule.active(now, path.partition("/")[0], "instrument")
        if not faults:
            return value
        scale, shift = self._sound.to_site[path]
        faulty = shown(path, np.array([now]), np.array([value * scale + shift]), faults, self._sound)
        return float((faulty[0] - shift) / scale)


def _composed(bound: Bound, key: str) -> tuple[float, float]:
    (first, before), (second, after) = bound.to_profile[key], bound.to_site[key]
    return first * second, before * second + after
