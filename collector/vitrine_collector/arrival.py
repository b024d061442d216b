"""Quality on arrival: the first flag of each value, from its channel's limits and from what the gateway saw.

The gross range needs no neighbour, so a batch of many channels is judged at once; for such rules the flags are those
of `vitrine_quality.evaluate`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrine.installation import QualityRules
from vitrine.quality import Quality, Test

#: Columns of the table of limits: fail range, suspect range.
_FAIL_LOW, _FAIL_HIGH, _SUSPECT_LOW, _SUSPECT_HIGH = range(4)
_OPEN = (-np.inf, np.inf)


class Arrival:
    """The limits of all channels, in one array by channel number."""

    def __init__(self) -> None:
        self._limits = _open_limits(64)
        self._ruled = np.zeros(64, dtype=np.bool_)

    def learn(self, channel_id: int, rules: QualityRules) -> None:
        """Take the rules of a channel, in place of those it had."""
        fail, suspect = rules.gross_range_fail, rules.gross_range_suspect
        self._make_room(channel_id)
        self._limits[channel_id] = (*(fail or _OPEN), *(suspect or _OPEN))
        self._ruled[channel_id] = fail is not None or suspect is not None

    def judge(
        self, channels: NDArray[np.int32], values: NDArray[np.float64], tests: NDArray[np.int16]
    ) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """Return quality and tests of each value; `tests` are those that the gateway saw fail."""
        self._make_room(int(channels.max(initial=0)))
        limits = self._limits[channels]
        # An infinite value lies outside any range, declared or not.
        failed = (values < limits[:, _FAIL_LOW]) | (values > limits[:, _FAIL_HIGH]) | np.isinf(values)
        doubtful = (values < limits[:, _SUSPECT_LOW]) | (values > limits[:, _SUSPECT_HIGH])
        tests = tests | np.where(failed | doubtful, np.int16(Test.GROSS_RANGE), np.int16(0))
        quality = np.where(self._ruled[channels], np.int16(Quality.PASS), np.int16(Quality.NOT_EVALUATED))
        quality[doubtful | (tests & np.int16(Test.TIME_UNCERTAIN) != 0)] = Quality.SUSPECT
        quality[failed | (tests & np.int16(Test.SENSOR_STATUS) != 0)] = Quality.FAIL
        quality[np.isnan(values)] = Quality.MISSING
        return quality, tests

    def _make_room(self, channel_id: int) -> None:
        known = len(self._limits)
        if channel_id >= known:
            more = max(channel_id + 1 - known, known)
            self._limits = np.concatenate([self._limits, _open_limits(more)])
            self._ruled = np.concatenate([self._ruled, np.zeros(more, dtype=np.bool_)])


def _open_limits(channels: int) -> NDArray[np.float64]:
    return np.tile(np.array((*_OPEN, *_OPEN)), (channels, 1))
