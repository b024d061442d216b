"""Quality on arrival: the first flag of each value, from its channel's rules and from what the gateway saw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vitrine.errors import PayloadError
from vitrine.quality import Quality, Test

#: Columns of the table of limits: fail range, suspect range.
_FAIL_LOW, _FAIL_HIGH, _SUSPECT_LOW, _SUSPECT_HIGH = range(4)
_OPEN = (-np.inf, np.inf, -np.inf, np.inf)


class Arrival:
    """The limits of all channels in one array, so that a batch of many channels is judged at once."""

    def __init__(self) -> None:
        self._limits = np.tile(np.array(_OPEN), (64, 1))
        self._ruled = np.zeros(64, dtype=np.bool_)

    def learn(self, channel_id: int, rules: Mapping[str, object]) -> None:
        """Take the rules of a channel, as its birth declares them; PayloadError where they are none."""
        fail, suspect = gross_ranges(rules)
        self._grow(channel_id)
        self._limits[channel_id] = (*(fail or _OPEN[:2]), *(suspect or _OPEN[2:]))
        self._ruled[channel_id] = fail is not None or suspect is not None

    def judge(
        self, channels: NDArray[np.int32], values: NDArray[np.float64], tests: NDArray[np.int16]
    ) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """Return quality and tests of each value; `tests` are those that the gateway saw fail."""
        self._grow(int(channels.max(initial=0)))
        limits = self._limits[channels]
        failed = (values < limits[:, _FAIL_LOW]) | (values > limits[:, _FAIL_HIGH]) | np.isinf(values)
        doubtful = (values < limits[:, _SUSPECT_LOW]) | (values > limits[:, _SUSPECT_HIGH])
        tests = tests | np.where(failed | doubtful, np.int16(Test.GROSS_RANGE), np.int16(0))
        quality = np.where(self._ruled[channels], np.int16(Quality.PASS), np.int16(Quality.NOT_EVALUATED))
        quality[doubtful | (tests & np.int16(Test.TIME_UNCERTAIN) != 0)] = Quality.SUSPECT
        quality[failed | (tests & np.int16(Test.SENSOR_STATUS) != 0)] = Quality.FAIL
        quality[np.isnan(values)] = Quality.MISSING
        return quality, tests

    def _grow(self, channel_id: int) -> None:
        missing = channel_id + 1 - len(self._limits)
        if missing > 0:
            missing += len(self._limits)
            self._limits = np.concatenate([self._limits, np.tile(np.array(_OPEN), (missing, 1))])
            self._ruled = np.concatenate([self._ruled, np.zeros(missing, dtype=np.bool_)])


def gross_ranges(rules: Mapping[str, object]) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Return the fail range and the suspect range; PayloadError where they are none."""
    return _pair(rules, "gross_range_fail"), _pair(rules, "gross_range_suspect")


def _pair(rules: Mapping[str, object], key: str) -> tuple[float, float] | None:
    pair = rules.get(key)
    if pair is None:
        return None
    numbers = isinstance(pair, list) and len(pair) == 2 and all(type(number) in (int, float) for number in pair)
    if not numbers:
        raise PayloadError(f"the quality rule {key} is no pair of numbers: {pair!r}")
    assert isinstance(pair, list)
    try:
        return float(pair[0]), float(pair[1])
    except OverflowError as error:
        raise PayloadError(f"the quality rule {key} holds a number that is too large") from error
