"""The same tests, value by value as they arrive."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitrine.installation import QualityRules
from vitrine.quality import Quality, Test
from vitrine_quality.rest import Rest
from vitrine_quality.rules import declared


@dataclass(frozen=True, slots=True)
class Correction:
    """The flag of an earlier value, now that its neighbour is known (the spike test looks at both sides)."""

    time_s: float
    quality: int
    tests: int


@dataclass(slots=True)
class _Value:
    time: float
    value: float
    rank: int
    tests: int


_MISSING = int(Quality.MISSING)
_QUALITY = (int(Quality.NOT_EVALUATED), int(Quality.PASS), int(Quality.SUSPECT), int(Quality.FAIL))


class Stream:
    """State of one channel. In the order of time it gives the flags that `evaluate` gives on the whole series.

    A value that comes late, behind one already seen, is judged by the tests that need no neighbour.
    """

    __slots__ = ("_before", "_floor", "_last", "_rest", "rules")

    def __init__(self, rules: QualityRules) -> None:
        self.rules = rules
        self._last: _Value | None = None
        #: Value before the last one; NaN when missing.
        self._before = math.nan
        self._rest = Rest(rules) if rules.flat_line_suspect_s is not None else None
        self._floor = int(declared(rules))

    def push(self, time_s: float, value: float, gateway_tests: int = 0) -> tuple[int, int, Correction | None]:
        """Return (quality, tests) of a new value, and the correction of the one before where there is one."""
        new = _Value(time_s, value, self._floor, gateway_tests)
        self._grade(new, Test.GROSS_RANGE, self._gross_range(value))
        if gateway_tests & Test.TIME_UNCERTAIN:
            new.rank = max(new.rank, 2)
        if gateway_tests & Test.SENSOR_STATUS:
            new.rank = 3
        last = self._last
        if last is not None and time_s <= last.time:
            return self._quality(new), new.tests, None
        self._grade(new, Test.RATE_OF_CHANGE, self._rate_of_change(new))
        self._grade(new, Test.FLAT_LINE, self._flat_line(new))
        correction = self._look_back(value)
        self._before = last.value if last is not None else math.nan
        self._last = new
        return self._quality(new), new.tests, correction

    def _look_back(self, value: float) -> Correction | None:
        last, limit = self._last, self.rules.spike_suspect
        if last is None or limit is None or math.isnan(last.value):
            return None
        distance = abs(last.value - (self._before + value) / 2)
        before = self._quality(last), last.tests
        self._grade(last, Test.SPIKE, _rank(distance, limit, self.rules.spike_fail))
        after = self._quality(last), last.tests
        return Correction(last.time, *after) if after != before else None

    def _gross_range(self, value: float) -> int:
        fail, suspect = self.rules.gross_range_fail, self.rules.gross_range_suspect
        if math.isinf(value):
            return 3
        if (fail is None and suspect is None) or math.isnan(value):
            return 0
        if fail is not None and not fail[0] <= value <= fail[1]:
            return 3
        return 1 if suspect is None or suspect[0] <= value <= suspect[1] else 2

    def _rate_of_change(self, new: _Value) -> int:
        limit, last = self.rules.rate_of_change_suspect, self._last
        if limit is None or last is None:
            return 0
        return _rank(abs(new.value - last.value) / (new.time - last.time), limit, self.rules.rate_of_change_fail)

    def _flat_line(self, new: _Value) -> int:
        return 0 if self._rest is None or math.isnan(new.value) else self._rest.rank(new.time, new.value)

    @staticmethod
    def _grade(target: _Value, test: Test, rank: int) -> None:
        target.rank = max(target.rank, rank)
        if rank >= 2:
            target.tests |= int(test)

    @staticmethod
    def _quality(value: _Value) -> int:
        return _MISSING if math.isnan(value.value) else _QUALITY[value.rank]


def _rank(measure: float, suspect: float, fail: float | None) -> int:
    if math.isnan(measure):
        return 0
    if fail is not None and measure > fail:
        return 3
    return 2 if measure > suspect else 1
