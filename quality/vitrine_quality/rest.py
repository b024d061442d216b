"""The flat line, value by value: since when a series has not moved."""

from __future__ import annotations

import math
from collections import deque

from vitrine.installation import QualityRules


class _Seen:
    """A value, and when the one after it came."""

    __slots__ = ("next_s", "time_s", "value")

    def __init__(self, time_s: float, value: float) -> None:
        self.time_s = time_s
        self.value = value
        self.next_s = math.inf


class Rest:
    """The longest stretch up to the last value in which all lie within the tolerance of one another.

    Holds the values that are, or may become, the greatest or the least of the stretch: as a rule a handful.
    """

    __slots__ = ("_begin_s", "_fail_s", "_highest", "_last", "_longest_s", "_lowest", "_suspect_s", "_tolerance")

    def __init__(self, rules: QualityRules) -> None:
        if rules.flat_line_suspect_s is None:
            raise ValueError("there is no rule for a flat line")
        self._suspect_s = rules.flat_line_suspect_s
        self._fail_s = math.inf if rules.flat_line_fail_s is None else rules.flat_line_fail_s
        self._longest_s = rules.flat_line_fail_s or rules.flat_line_suspect_s
        self._tolerance = rules.flat_line_tolerance
        self._begin_s = math.inf
        self._last: _Seen | None = None
        self._highest: deque[_Seen] = deque()
        self._lowest: deque[_Seen] = deque()

    def rank(self, time_s: float, value: float) -> int:
        """Take the next value, no NaN; return 1 where it moved of late, 2 where a rest is suspect, 3 where it fails."""
        new = _Seen(time_s, value)
        last = self._last
        if last is None or time_s - last.time_s > self._suspect_s:
            self._highest.clear()
            self._lowest.clear()
            self._begin_s = time_s
        else:
            last.next_s = time_s
        self._last = new
        self._enter(new)
        self._leave(time_s - self._longest_s)
        if self._begin_s <= time_s - self._fail_s:
            return 3
        return 2 if self._begin_s <= time_s - self._suspect_s else 1

    def _enter(self, new: _Seen) -> None:
        while self._highest and self._highest[-1].value <= new.value:
            self._highest.pop()
        while self._lowest and self._lowest[-1].value >= new.value:
            self._lowest.pop()
        self._highest.append(new)
        self._lowest.append(new)

    def _leave(self, oldest_s: float) -> None:
        """Leave out the oldest values while the stretch is too wide, and those that are older than any limit."""
        while self._moved():
            older = min(self._highest, self._lowest, key=lambda side: side[0].time_s)
            self._begin_s = older.popleft().next_s
        for side in (self._highest, self._lowest):
            while side[0].next_s <= oldest_s:
                self._begin_s = max(self._begin_s, side.popleft().next_s)

    def _moved(self) -> bool:
        high, low = self._highest[0].value, self._lowest[0].value
        # Two infinities of one sign are no difference, although their difference is none that compares.
        return high != low and not high - low <= self._tolerance
