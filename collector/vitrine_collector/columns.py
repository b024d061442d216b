"""The measurements of a batch while it grows: numbers as they were read, and bytes that are read all at once."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from vitrine_collector.arrival import Arrival
from vitrine_collector.decoding import Data
from vitrine_collector.rows import Rows
from vitrine_collector.templates import Packed, Shape


class _Bytes:
    """Messages of one shape: their bytes, and their channels, tests and record, which their measurements share."""

    __slots__ = ("begins", "channels", "owners", "tests")

    def __init__(self) -> None:
        self.begins: list[bytes] = []
        self.channels: list[NDArray[np.int32]] = []
        self.tests: list[int] = []
        self.owners: list[int] = []


class Columns:
    """Times, channels, values and tests; each measurement knows which record it came with."""

    def __init__(self) -> None:
        self._data = Data()
        self._owners: list[int] = []
        self._packed: defaultdict[Shape, _Bytes] = defaultdict(_Bytes)
        #: Measurements so far.
        self.count = 0

    def add(self, owner: int, data: Data) -> None:
        """Add the measurements of the record number `owner` of the batch."""
        single = len(data.times_ms)
        if single:
            self._data.times_ms += data.times_ms
            self._data.channels += data.channels
            self._data.values += data.values
            self._data.tests += data.tests
            self._owners += [owner] * single
        self.count += single
        if data.packed is not None:
            self.add_packed(owner, data.packed, data.every_test)

    def add_packed(self, owner: int, packed: Packed, tests: int = 0) -> None:
        """Add measurements that are bytes yet; `tests` are those that none of them passed."""
        template, begin = packed
        found = self._packed[template.shape]
        found.begins.append(begin)
        found.channels.append(template.channels)
        found.tests.append(tests)
        found.owners.append(owner)
        self.count += template.shape.count

    def judged(self, arrival: Arrival) -> tuple[Rows, NDArray[np.int64]]:
        """Return all measurements with their quality, and the number of each one's record."""
        times = [np.array(self._data.times_ms, dtype=np.int64)]
        channels = [np.array(self._data.channels, dtype=np.int32)]
        values = [np.array(self._data.values, dtype=np.float64)]
        tests = [np.array(self._data.tests, dtype=np.int16)]
        owners = [np.array(self._owners, dtype=np.int64)]
        for shape, found in self._packed.items():
            time_ms, value = shape.read(found.begins)
            times.append(time_ms)
            values.append(value)
            channels.append(np.concatenate(found.channels))
            tests.append(np.repeat(np.array(found.tests, dtype=np.int16), shape.count))
            owners.append(np.repeat(np.array(found.owners, dtype=np.int64), shape.count))
        channel, value = np.concatenate(channels), np.concatenate(values)
        quality, failed = arrival.judge(channel, value, np.concatenate(tests))
        return Rows(np.concatenate(times) * 1000, channel, value, quality, failed), np.concatenate(owners)
