"""One-minute series from raw values, with the arithmetic of the database's ``measurement_1min``.

Statistics are over usable values (quality 1 and 2) only; `good` counts those, `count` all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vitrine.quality import USABLE

MINUTE_US = 60_000_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Minutes:
    """The minutes of one channel that have any value, rising; statistics are NaN where no value is usable."""

    #: Minutes since 1970, UTC.
    minute: Integers
    mean: Floats
    minimum: Floats
    maximum: Floats
    #: The latest usable value of the minute.
    last: Floats
    good: Integers
    count: Integers

    def __len__(self) -> int:
        return len(self.minute)

    def __getitem__(self, part: slice | NDArray[np.bool_]) -> Minutes:
        return Minutes(*(getattr(self, field.name)[part] for field in fields(self)))

    @classmethod
    def none(cls) -> Minutes:
        """Return a series without a minute."""
        floats, integers = np.empty(0), np.empty(0, dtype=np.int64)
        return cls(integers, floats, floats, floats, floats, integers, integers)

    @classmethod
    def joined(cls, parts: Sequence[Minutes]) -> Minutes:
        """Join series that follow one another."""
        if not parts:
            return cls.none()
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @classmethod
    def of(cls, time_us: Integers, value: Floats, quality: NDArray[np.integer]) -> Minutes:
        """Reduce raw values, rising in time (microseconds since 1970); NaN stands for no value."""
        if not len(time_us):
            return cls.none()
        minute = time_us // MINUTE_US
        starts = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
        usable = np.isin(quality, [int(flag) for flag in USABLE]) & ~np.isnan(value)
        good = np.add.reduceat(usable.astype(np.int64), starts)
        latest = np.maximum.reduceat(np.where(usable, np.arange(len(value)), -1), starts)
        some = good > 0
        total = np.add.reduceat(np.where(usable, value, 0.0), starts)
        return cls(
            minute=minute[starts],
            mean=np.divide(total, good, out=np.full(len(starts), np.nan), where=some),
            minimum=np.where(some, np.minimum.reduceat(np.where(usable, value, np.inf), starts), np.nan),
            maximum=np.where(some, np.maximum.reduceat(np.where(usable, value, -np.inf), starts), np.nan),
            last=np.where(some, value[latest], np.nan),
            good=good,
            count=np.diff(starts, append=len(time_us)),
        )
