"""The measurements of a batch while it grows: numbers as they were read, and bytes that are read all at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrine_collector.arrival import Arrival
from vitrine_collector.decoding import Data
from vitrine_collector.rows import Rows
from vitrine_collector.templates import Layout, Packed


class Columns:
    """Times, channels, values and tests; each measurement knows which record it came with."""

    def __init__(self) -> None:
        self._data = Data()
        self._packed: dict[Layout, list[Packed]] = {}
        self._tests: dict[Layout, list[int]] = {}
        self._owners: dict[Layout | None, list[tuple[int, int]]] = {}
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
            self._owners.setdefault(None, []).append((owner, single))
        self._count += single
        for part in data.packed:
            count = len(part.channels)
            self._packed.setdefault(part.layout, []).append(part)
            self._tests.setdefault(part.layout, []).append(data.every_test)
            self._owners.setdefault(part.layout, []).append((owner, count))
            self._count += count

    def judged(self, arrival: Arrival) -> tuple[Rows, NDArray[np.int64]]:
        """Return all measurements with their quality, and the number of each one's record."""
        times = [np.array(self._data.times_ms, dtype=np.int64)]
        channels = [np.array(self._data.channels, dtype=np.int32)]
        values = [np.array(self._data.values, dtype=np.float64)]
        tests = [np.array(self._data.tests, dtype=np.int16)]
        owners = [_owners(self._owners.get(None, []))]
        for layout, parts in self._packed.items():
            time_ms, value = layout.read(b"".join(part.metrics for part in parts))
            lengths = [len(part.channels) for part in parts]
            times.append(time_ms)
            values.append(value)
            channels.append(np.concatenate([part.channels for part in parts]))
            tests.append(np.repeat(np.array(self._tests[layout], dtype=np.int16), lengths))
            owners.append(_owners(self._owners[layout]))
        channel, value = np.concatenate(channels), np.concatenate(values)
        quality, failed = arrival.judge(channel, value, np.concatenate(tests))
        return Rows(np.concatenate(times) * 1000, channel, value, quality, failed), np.concatenate(owners)


def _owners(counted: list[tuple[int, int]]) -> NDArray[np.int64]:
    if not counted:
        return np.empty(0, dtype=np.int64)
    owners, counts = np.array(counted, dtype=np.int64).T
    return np.repeat(owners, counts)
