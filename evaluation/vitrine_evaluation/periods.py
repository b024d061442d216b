"""Statistics of one channel over hours and days, from its minutes.

Hours and days are those of UTC. Every usable minute weighs the same, however many values it has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vitrine_evaluation.minutes import Floats, Integers, Minutes

Period = Literal["hour", "day"]
PERIODS: tuple[Period, ...] = ("hour", "day")
#: Length of each period, in minutes.
LENGTH: dict[Period, int] = {"hour": 60, "day": 1440}
#: Least share of usable minutes for a value to be stated.
LEAST_COVERAGE: dict[Period, float] = {"hour": 0.75, "day": 0.90}

#: A counter that falls below this share of its value has begun anew at zero.
_RESTART = 0.5
#: A fall within the rounding of a 32-bit float is none.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Periods:
    """Statistics over periods that follow one another; NaN where there is none."""

    period: Period
    #: Start of each period, in minutes since 1970.
    bucket: Integers
    #: Share of the period's minutes that have usable values.
    coverage: Floats
    mean: Floats
    minimum: Floats
    maximum: Floats
    #: What a counter advanced by.
    increase: Floats
    #: The latest usable value less that of the beginning.
    change: Floats
    #: Mean of each hour: one column for an hour, 24 for a day.
    hourly: Floats

    def __len__(self) -> int:
        return len(self.bucket)

    def hours(self) -> Floats:
        """Return the length of each period in hours."""
        return np.full(len(self), LENGTH[self.period] / 60.0)

    def statistic(self, name: str) -> Floats:
        """Return one statistic by the name that formulas give it."""
        values: Floats = getattr(self, name)
        return values

    @classmethod
    def joined(cls, period: Period, parts: Sequence[Periods]) -> Periods:
        """Join statistics that follow one another."""
        names = [field.name for field in fields(cls) if field.name != "period"]
        if not parts:
            hourly = np.empty((0, LENGTH[period] // 60))
            empty = np.empty(0)
            return cls(period, np.empty(0, dtype=np.int64), empty, empty, empty, empty, empty, empty, hourly)
        return cls(period, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def summarize(minutes: Minutes, period: Period, first: int, count: int, every_s: float = 0.0) -> Periods:
    """Reduce minutes to `count` periods from the one that starts at the minute `first`.

    `every_s` is the time between two values that the channel promises: a sensor that speaks every five minutes covers
    five with each. Minutes before `first` give counters the value they begin from.
    """
    length = LENGTH[period]
    series = minutes[minutes.good > 0]
    inside = slice(*np.searchsorted(series.minute, [first, first + count * length]))
    index = (series.minute[inside] - first) // length
    present, starts, usable = np.unique(index, return_index=True, return_counts=True)
    each = max(1, math.ceil(every_s / 60.0))
    mean, least, greatest, increase, change = (np.full(count, np.nan) for _ in range(5))
    found = Periods(
        period,
        first + length * np.arange(count, dtype=np.int64),
        np.zeros(count),
        mean,
        least,
        greatest,
        increase,
        change,
        _hourly(series[inside], first, count * length // 60).reshape(count, length // 60),
    )
    if len(present):
        found.coverage[present] = np.minimum(1.0, usable * each / length)
        found.mean[present] = np.add.reduceat(series.mean[inside], starts) / usable
        found.minimum[present] = np.minimum.reduceat(series.minimum[inside], starts)
        found.maximum[present] = np.maximum.reduceat(series.maximum[inside], starts)
        base, end = _ends(series, starts + inside.start, usable, found.bucket[present], period)
        found.change[present] = series.last[end] - series.last[base]
        found.increase[present] = found.change[present] + _regained(series.last, base, end)
    return found


def _hourly(series: Minutes, first: int, count: int) -> Floats:
    """Return the mean of each of `count` hours from a minute on; NaN where no minute is usable."""
    means = np.full(count, np.nan)
    present, starts, usable = np.unique((series.minute - first) // 60, return_index=True, return_counts=True)
    if len(present):
        means[present] = np.add.reduceat(series.mean, starts) / usable
    return means


def _ends(
    series: Minutes, starts: NDArray[np.intp], usable: NDArray[np.intp], bucket: Integers, period: Period
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of the last value at or before the start, and of the last at or before the end.

    The value at the start may be older than it by the share of the period that coverage may lack; where the one before
    is older still, an outage lies between, and what happened in it is not this period's: the first value inside is then
    taken.
    """
    length = LENGTH[period]
    oldest = bucket - round(length * (1.0 - LEAST_COVERAGE[period])) - 1
    before = np.maximum(starts - 1, 0)
    base = np.where((starts > 0) & (series.minute[before] >= oldest), before, starts)
    return base, starts + usable - 1


def _regained(value: Floats, base: NDArray[np.intp], end: NDArray[np.intp]) -> Floats:
    """Return what counters lost that began anew at zero; NaN after a fall that is neither that nor rounding."""
    step = np.diff(value, prepend=value[:1])
    previous = np.concatenate([value[:1], value[:-1]])
    fallen = step < -_ROUNDING * np.abs(previous)
    restarted = fallen & (value < _RESTART * previous) & (value >= 0)
    regained = np.where(restarted, previous, np.where(fallen, np.nan, 0.0))
    # What lies between base and the first value inside counts, what lies before base does not.
    return np.array([regained[a + 1 : b + 1].sum() for a, b in zip(base, end, strict=True)])


class Reduction:
    """Reduces raw values that come in pieces to hours and days, holding no more than a day of minutes.

    Only periods that lie wholly between `first_us` and `last_us` (exclusive) are counted.
    """

    def __init__(self, first_us: int, last_us: int, every_s: float = 0.0) -> None:
        self._every_s = every_s
        first, last = -(-first_us // 60_000_000), last_us // 60_000_000
        self._next = {period: -(-first // LENGTH[period]) * LENGTH[period] for period in PERIODS}
        self._end = {period: last // LENGTH[period] * LENGTH[period] for period in PERIODS}
        self._parts: dict[Period, list[Periods]] = {period: [] for period in PERIODS}
        self._raw: list[tuple[Integers, Floats, NDArray[np.integer]]] = []
        self._minutes = Minutes.none()

    def feed(self, time_us: Integers, value: Floats, quality: NDArray[np.integer]) -> None:
        """Take the next values, rising in time."""
        if not len(time_us):
            return
        times, values, flags = (
            np.concatenate(parts) for parts in zip(*self._raw, (time_us, value, quality), strict=True)
        )
        cut = int(np.searchsorted(times, times[-1] // 60_000_000 * 60_000_000))
        self._raw = [(times[cut:], values[cut:], flags[cut:])]
        self._take(Minutes.of(times[:cut], values[:cut], flags[:cut]))

    def finish(self) -> dict[Period, Periods]:
        """Return the statistics of all periods."""
        for rows in self._raw:
            self._take(Minutes.of(*rows))
        self._raw = []
        for period in PERIODS:
            self._settle(period, self._end[period])
        return {period: Periods.joined(period, parts) for period, parts in self._parts.items()}

    def _take(self, minutes: Minutes) -> None:
        if not len(minutes):
            return
        self._minutes = Minutes.joined([self._minutes, minutes])
        midnight = int(minutes.minute[-1]) // 1440 * 1440
        if int(self._minutes.minute[0]) >= midnight:
            return
        for period in PERIODS:
            self._settle(period, min(midnight, self._end[period]))
        usable = np.flatnonzero((self._minutes.minute < midnight) & (self._minutes.good > 0))
        kept = self._minutes.minute >= midnight
        kept[usable[-1:]] = True  # where counters go on from
        self._minutes = self._minutes[kept]

    def _settle(self, period: Period, end: int) -> None:
        first = self._next[period]
        count = (end - first) // LENGTH[period]
        if count > 0:
            self._parts[period].append(summarize(self._minutes, period, first, count, self._every_s))
            self._next[period] = end
