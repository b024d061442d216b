"""Measurements as columns, and their form on PostgreSQL's wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Microseconds from 1970 to 2000, the zero of PostgreSQL's timestamps.
_EPOCH_US = 946_684_800_000_000
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
#: Rows that are turned into bytes at a time, so that a long history needs little memory.
_CHUNK = 65_536

_HEAD = [("fields", ">i2"), ("time_length", ">i4"), ("time", ">i8"), ("channel_length", ">i4"), ("channel", ">i4")]
_TAIL = [("quality_length", ">i4"), ("quality", ">i2"), ("tests_length", ">i4"), ("tests", ">i2")]
_WITH_VALUE = np.dtype([*_HEAD, ("value_length", ">i4"), ("value", ">f8"), *_TAIL])
_WITHOUT_VALUE = np.dtype([*_HEAD, ("value_length", ">i4"), *_TAIL])


class Rows:
    """Measurements in columns of equal length; a value of NaN is stored as NULL."""

    __slots__ = ("channel_id", "quality", "tests", "time_us", "value")

    def __init__(
        self, time_us: ArrayLike, channel_id: ArrayLike, value: ArrayLike, quality: ArrayLike, tests: ArrayLike
    ) -> None:
        #: Microseconds since 1970 UTC.
        self.time_us: NDArray[np.int64] = np.asarray(time_us, dtype=np.int64)
        self.channel_id: NDArray[np.int32] = np.asarray(channel_id, dtype=np.int32)
        self.value: NDArray[np.float64] = np.asarray(value, dtype=np.float64)
        self.quality: NDArray[np.int16] = np.asarray(quality, dtype=np.int16)
        self.tests: NDArray[np.int16] = np.asarray(tests, dtype=np.int16)
        lengths = {column.size for column in self.columns()}
        if len(lengths) != 1:
            raise ValueError(f"the columns of measurements differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return int(self.time_us.size)

    def __getitem__(self, part: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Rows:
        return Rows(*(column[part] for column in self.columns()))

    def columns(self) -> tuple[NDArray[np.generic], ...]:
        """Return the five columns, in the order of the table."""
        return self.time_us, self.channel_id, self.value, self.quality, self.tests

    def order(self) -> NDArray[np.intp]:
        """Return where they stand by channel and time, the first only of those that have both in common.

        In this order the index takes them quicker, and two writers lock alike.
        """
        order = np.lexsort((self.time_us, self.channel_id))
        channels, times = self.channel_id[order], self.time_us[order]
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (channels[1:] != channels[:-1]) | (times[1:] != times[:-1])
        return order if new.all() else order[new]

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """Put several parts behind one another."""
        if not parts:
            return cls([], [], [], [], [])
        return cls(*(np.concatenate(columns) for columns in zip(*(part.columns() for part in parts), strict=True)))


def copy_stream(rows: Rows) -> Iterator[bytes]:
    """Write measurements as the stream of ``COPY measurement FROM STDIN (FORMAT binary)``, in pieces."""
    yield _HEADER
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        missing = np.isnan(part.value)
        if missing.any():
            yield _tuples(part[missing], _WITHOUT_VALUE)
            part = part[~missing]
        yield _tuples(part, _WITH_VALUE)
    yield _TRAILER


def _tuples(rows: Rows, layout: np.dtype[np.void]) -> bytes:
    table = np.empty(len(rows), dtype=layout)
    table["fields"] = 5
    table["time_length"], table["time"] = 8, rows.time_us - _EPOCH_US
    table["channel_length"], table["channel"] = 4, rows.channel_id
    if layout is _WITH_VALUE:
        table["value_length"], table["value"] = 8, rows.value
    else:
        table["value_length"] = -1
    table["quality_length"], table["quality"] = 2, rows.quality
    table["tests_length"], table["tests"] = 2, rows.tests
    return table.tobytes()
