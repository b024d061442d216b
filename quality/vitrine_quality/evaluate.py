"""The flag of each value of a series, from all tests that its rules declare."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vitrine.installation import QualityRules
from vitrine.quality import Quality, Test
from vitrine_quality import kernel
from vitrine_quality.rules import declared

#: Values that are judged together.
_BLOCK = 65_536
#: From the mildest to the gravest; what is not there has no rank, it is missing.
_RANK = {Quality.NOT_EVALUATED: 0, Quality.PASS: 1, Quality.SUSPECT: 2, Quality.FAIL: 3}
_BY_RANK = np.array(list(_RANK), np.int16)
_RANKS = np.zeros(10, np.int16)
for _flag, _rank in _RANK.items():
    _RANKS[_flag] = _rank


def evaluate(
    times_s: NDArray[np.float64],
    values: NDArray[np.float64],
    gateway_tests: NDArray[np.int16],
    rules: QualityRules,
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return (quality, tests) of a series in the order of time.

    The gravest test decides; a value without any declared test is not evaluated. One that the instrument itself
    declares doubtful fails, an infinite one lies outside any range, one whose time is uncertain is suspect. `tests`
    holds a bit for each test not passed, those that the gateway saw included.

    A long series is taken in blocks, each with as much of what is beside it as its flags depend on, so that all that
    is computed on the way stays near the processor.
    """
    quality, tests = np.empty(len(values), np.int16), np.empty(len(values), np.int16)
    start = 0
    while start < len(values):
        begin = _depends_from(times_s, values, start, rules)
        stop = min(len(values), start + max(_BLOCK, 4 * (start - begin)))
        part, inside = slice(begin, stop + 1), slice(start - begin, stop - begin)
        flags, failed = _evaluated(times_s[part], values[part], gateway_tests[part], rules)
        quality[start:stop], tests[start:stop] = flags[inside], failed[inside]
        start = stop
    return quality, tests


def _depends_from(times: NDArray[np.float64], values: NDArray[np.float64], start: int, rules: QualityRules) -> int:
    """Return the first value on which the flag of the one at `start`, and of those behind it, depends.

    That is the one before; for a flat line the last that is there and is as old as the longest window.
    """
    begin = max(0, start - 1)
    if start and rules.flat_line_suspect_s is not None:
        longest_s = max(rules.flat_line_suspect_s, rules.flat_line_fail_s or 0.0)
        oldest = int(np.searchsorted(times[: start + 1], times[start] - longest_s, side="right")) - 1
        begin = max(0, min(begin, oldest))
        while begin and np.isnan(values[begin]):
            begin -= 1
    return begin


def _evaluated(
    times_s: NDArray[np.float64],
    values: NDArray[np.float64],
    gateway_tests: NDArray[np.int16],
    rules: QualityRules,
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    rank = np.full(len(values), int(declared(rules)), np.int16)
    tests = gateway_tests.astype(np.int16, copy=True)
    for test, flags in _flags(times_s, values, rules):
        rank = np.maximum(rank, _RANKS[flags])
        tests[(flags == Quality.SUSPECT) | (flags == Quality.FAIL)] |= np.int16(test)
    rank[np.isinf(values)] = 3
    tests[np.isinf(values)] |= np.int16(Test.GROSS_RANGE)
    rank[(tests & Test.TIME_UNCERTAIN) != 0] = np.maximum(rank[(tests & Test.TIME_UNCERTAIN) != 0], 2)
    rank[(tests & Test.SENSOR_STATUS) != 0] = 3
    quality = _BY_RANK[rank]
    quality[np.isnan(values)] = Quality.MISSING
    return quality, tests


def _flags(
    times: NDArray[np.float64], values: NDArray[np.float64], rules: QualityRules
) -> Iterator[tuple[Test, NDArray[np.int16]]]:
    if rules.gross_range_fail is not None or rules.gross_range_suspect is not None:
        flags = kernel.gross_range(values, rules.gross_range_fail, rules.gross_range_suspect)
        yield Test.GROSS_RANGE, flags
    if rules.spike_suspect is not None:
        yield Test.SPIKE, kernel.spike(values, rules.spike_suspect, rules.spike_fail)
    if rules.rate_of_change_suspect is not None:
        limits = rules.rate_of_change_suspect, rules.rate_of_change_fail
        yield Test.RATE_OF_CHANGE, kernel.rate_of_change(times, values, *limits)
    if rules.flat_line_suspect_s is not None:
        durations = rules.flat_line_suspect_s, rules.flat_line_fail_s
        yield Test.FLAT_LINE, kernel.flat_line(times, values, *durations, rules.flat_line_tolerance)
