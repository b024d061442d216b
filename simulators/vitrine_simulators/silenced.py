"""A source some of whose channels have no value, so that instruments show their marks for it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from vitrine_simulators.plants import Source


class Silenced:
    """Gives NaN for some channels of every device, and the source's values for all others."""

    def __init__(self, source: Source, keys: Collection[str]) -> None:
        self._source, self._keys = source, frozenset(keys)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its UCUM unit."""
        return self._source.signals

    def read(self, path: str, now: float) -> float:
        """Return what the sensor of a signal sees."""
        return math.nan if path.partition("/")[2] in self._keys else self._source.read(path, now)
