"""The measurements of a batch while it grows: numbers as they were read, and bytes that are read all at once."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from vitrine_collector.arrival import Arrival
from vitrine_collector.decoding import Data
from vitrine_collector.rows import Rows
from vitrine_collector.templates import Layout, Packed


class _Bytes:
    """Measurements of one layout: their bytes, their channels, the tests and the record that each part shares."""

    __slots__ = ("channels", "metrics", "owners", "tests")

    def __init__(self) -> None:
        self.metrics: list[bytes] = []
        self.channels: list[NDArray[np.int32]] = []
        self.tests: list[int] = []
        self.owners: list[int] = []


class Columns:
    """Times, channels, values and tests; each measurement knows which record it came with."""

    def __init__(self) -> None:
        self._data = Data()
        self._owners: list[int] = []
        self._packed: defaultdict[Layout, _Bytes] = defaultdict(_Bytes)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, owner: int, data: Data) -> None:
        """Add the measurements of the record number `owner` of the batch."""
        single = len(data.times_ms)
        if single:
            self._data.times_ms += data.times_ms
            self._data.channels += data.channels
            self._data.values += data.values
            self._data.tests += data.tests
            self._owners += [owner] * single
        self._count += single
        for part in data.packed:
            self.add_packed(owner, part, data.every_test)

    def add_packed(self, owner: int, part: Packed, tests: int = 0) -> None:
        """Add measurements that are bytes yet; `tests` are those that none of them passed."""
        found = self._packed[part.layout]
        found.metrics.append(part.metrics)
        found.channels.append(part.channels)
        found.tests.append(tests)
        found.owners.append(owner)
        self._count += len(part.channels)

    def judged(self, arrival: Arrival) -> tuple[Rows, NDArray[np.int64]]:
        """Return all measurements with their quality, and the number of each one's record."""
        times = [np.array(self._data.times_ms, dtype=np.int64)]
        channels = [np.array(self._data.channels, dtype=np.int32)]
        values = [np.array(self._data.values, dtype=np.float64)]
        tests = [np.array(self._data.tests, dtype=np.int16)]
        owners = [np.array(self._owners, dtype=np.int64)]
        for layout, found in self._packed.items():
            time_ms, value = layout.read(b"".join(found.metrics))
            lengths = [len(part) for part in found.channels]
            times.append(time_ms)
            values.append(value)
            channels.append(np.concatenate(found.channels))
            tests.append(np.repeat(np.array(found.tests, dtype=np.int16), lengths))
            owners.append(np.repeat(np.array(found.owners, dtype=np.int64), lengths))
        channel, value = np.concatenate(channels), np.concatenate(values)
        quality, failed = arrival.judge(channel, value, np.concatenate(tests))
        return Rows(np.concatenate(times) * 1000, channel, value, quality, failed), np.concatenate(owners)
