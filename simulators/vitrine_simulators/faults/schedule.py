"""From declared faults and a seed to single occurrences: the same ones whatever period is asked for, and when.

Random faults come as a Poisson process. Each day has its own draws, by hashing (seed, place in the file, day), so the
occurrences of a period do not depend on where it was begun, on the clock or on the order of anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np

from vitrine_simulators.faults.fault import Fault
from vitrine_simulators.faults.kinds import KINDS
from vitrine_simulators.faults.occurrence import Family, Occurrence
from vitrine_simulators.noise import Noise

_HOUR, _DAY = 3600.0, 86_400.0
#: Draws of one day; beyond, a rate would be a permanent state.
_MOST = 200_000


def expand(
    faults: Iterable[Fault], seed: int, begin: float, end: float, *, started: float | None = None
) -> list[Occurrence]:
    """Return what happens in a period (seconds since 1970 UTC, `end` excluded), in the order of time.

    An occurrence belongs to the period in which it begins. `started`: the start of the run, from which durations in
    `at` count; the beginning of the period where it is not told.
    """
    found: list[Occurrence] = []
    for fault in faults:
        if fault.per_day > 0:
            found += _random(fault, seed, begin, end)
            continue
        at = fault.at_s
        if at is None:
            at = (begin if started is None else started) + (fault.since_start_s or 0.0)
        if begin <= at < end:
            found.append(_occurrence(fault, at, fault.lasting_s[0]))
    return sorted(found, key=lambda one: (one.begin, one.id))


class Schedule:
    """What happens at an instant, for a run that goes on; days are expanded as they come."""

    def __init__(self, faults: Iterable[Fault], seed: int, started: float) -> None:
        self._faults, self._seed, self.started = tuple(faults), seed, started
        self._days: dict[int, list[Occurrence]] = {}
        self._hour = -1
        #: What lasts at some instant of the hour, by device.
        self._around: dict[str, list[Occurrence]] = {}

    def between(self, begin: float, end: float) -> list[Occurrence]:
        """Return what begins in a period, none of it before the start of the run, in the order of time."""
        days = range(math.floor(begin / _DAY), math.floor(end / _DAY) + 1)
        return [one for day in days for one in self._of_day(day) if begin <= one.begin < end]

    def active(self, now: float, device: str, family: Family) -> list[Occurrence]:
        """Return what lasts at an instant, of one device ('' for what concerns none) and one family."""
        if (hour := math.floor(now / _HOUR)) != self._hour:
            self._hour, self._around = hour, self._lasting_in(hour * _HOUR, (hour + 1) * _HOUR)
        return [one for one in self._around.get(device, ()) if one.family == family and one.active(now)]

    def _lasting_in(self, begin: float, end: float) -> dict[str, list[Occurrence]]:
        found: dict[str, list[Occurrence]] = {}
        for one in self.between(self.started, end):
            if one.end > begin or one.end == one.begin:
                for device in one.devices:
                    found.setdefault(device, []).append(one)
        return found

    def _of_day(self, day: int) -> list[Occurrence]:
        if day not in self._days:
            begin = max(day * _DAY, self.started)
            self._days[day] = expand(self._faults, self._seed, begin, (day + 1) * _DAY, started=self.started)
        return self._days[day]


def _random(fault: Fault, seed: int, begin: float, end: float) -> Iterator[Occurrence]:
    """Yield the draws of each day; one that begins within the longest duration after another is left out."""
    first = math.floor((begin - fault.lasting_s[1]) / _DAY)
    shortest, longest = fault.lasting_s
    previous = -math.inf
    for day in range(first, math.floor(end / _DAY) + 1):
        for at, share in _draws(fault, seed, day):
            if at - previous >= max(longest, 1.0) and begin <= at < end:
                yield _occurrence(fault, at, shortest + share * (longest - shortest))
            previous = at


def _draws(fault: Fault, seed: int, day: int) -> list[tuple[float, float]]:
    """Return (instant, share of the range of durations) of each draw of a day, rising; whole seconds."""
    noise, stream = Noise(seed), f"fault/{fault.number}/{fault.kind}/{day}"
    found: list[tuple[float, float]] = []
    gaps, at = 0, 0.0
    while gaps < _MOST:
        index = np.arange(gaps, gaps + 64, dtype=np.float64)
        waits = -np.log(1.0 - noise.uniform(f"{stream}/wait", index)) * _DAY / fault.per_day
        for wait, share in zip(waits.tolist(), noise.uniform(f"{stream}/share", index).tolist(), strict=True):
            at += wait
            if at >= _DAY:
                return found
            found.append((float(day * _DAY + math.floor(at)), float(share)))
        gaps += 64
    return found


def _occurrence(fault: Fault, at: float, lasting_s: float) -> Occurrence:
    lasts = 0.0 if KINDS[fault.kind].instant else max(1.0, float(round(lasting_s)))
    instant = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    return Occurrence(
        id=f"{fault.number}-{fault.kind}-{instant}",
        kind=fault.kind,
        family=KINDS[fault.kind].family,
        begin=at,
        end=at + lasts,
        device=fault.device,
        channel=fault.channel,
        parameters=dict(fault.parameters),
    )
