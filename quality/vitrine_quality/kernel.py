"""The quality tests, one pure function each: arrays in, QARTOD flags out.

Source: IOOS QARTOD manuals for real-time quality control (gross range, spike, rate of change, flat line). Windows are
in seconds, never in numbers of samples, so gaps and an irregular cadence do not change what a test means.

Shapes: every array has the length n of the series; times are seconds since 1970, rising; a NaN value is missing.
Flags: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrine.quality import Quality

Floats = NDArray[np.float64]
Flags = NDArray[np.int16]
Indices = NDArray[np.intp]
#: Values that are looked at together, so that they stay near the processor.
_BLOCK = 50_000


def gross_range(values: Floats, fail: tuple[float, float] | None, suspect: tuple[float, float] | None) -> Flags:
    """Flag values outside the fail range, then those outside the suspect range; both ends belong to a range."""
    flags = np.full(len(values), Quality.PASS, np.int16)
    if suspect is not None:
        flags[(values < suspect[0]) | (values > suspect[1])] = Quality.SUSPECT
    if fail is not None:
        flags[(values < fail[0]) | (values > fail[1])] = Quality.FAIL
    flags[np.isnan(values)] = Quality.MISSING
    return flags


def spike(values: Floats, suspect: float, fail: float | None) -> Flags:
    """Flag values that lie further from the mean of their two neighbours than a threshold.

    The first and the last value, and those beside a missing one, are not evaluated.
    """
    distance = np.full(len(values), np.nan)
    # Infinities of two signs have no mean, and of one sign no difference: nothing is evaluated then.
    with np.errstate(invalid="ignore"):
        distance[1:-1] = np.abs(values[1:-1] - (values[:-2] + values[2:]) / 2)
    return _graded(values, distance, suspect, fail)


def rate_of_change(times: Floats, values: Floats, suspect: float, fail: float | None) -> Flags:
    """Flag values that changed faster than a threshold, in units per second, since the value before.

    The first value, one after a missing one, and one at the same time as the one before are not evaluated.
    """
    rate = np.full(len(values), np.nan)
    if len(values) > 1:
        elapsed = np.diff(times)
        with np.errstate(invalid="ignore"):
            np.divide(np.abs(np.diff(values)), elapsed, out=rate[1:], where=elapsed > 0)
    return _graded(values, rate, suspect, fail)


def flat_line(times: Floats, values: Floats, suspect_s: float, fail_s: float | None, tolerance: float) -> Flags:
    """Flag values since which, looking back for so long, all lay within a tolerance of one another.

    Missing values neither end a rest nor prolong it. A silence longer than the shorter limit ends it: nobody saw
    whether the value moved. What a flag depends on lies in the window that ends with its value, so late values change
    the flags of no more than one window.
    """
    flags = np.full(len(values), Quality.PASS, np.int16)
    there = np.flatnonzero(~np.isnan(values))
    if len(there):
        seen, held = times[there], values[there]
        begins = _begins(seen, held, suspect_s, tolerance)
        flags[there[_at_rest(seen, held, begins, suspect_s, tolerance)]] = Quality.SUSPECT
        if fail_s is not None:
            flags[there[_at_rest(seen, held, begins, fail_s, tolerance)]] = Quality.FAIL
    flags[np.isnan(values)] = Quality.MISSING
    return flags


def _at_rest(times: Floats, values: Floats, begins: Indices, window_s: float, tolerance: float) -> NDArray[np.bool_]:
    """Tell which values end a window without a movement. Shapes (n,), no NaN; `begins`: where a stretch began."""
    resting = times[begins] <= times - window_s
    if tolerance > 0 and resting.any():
        for ends in np.array_split(np.flatnonzero(resting), len(values) // _BLOCK + 1):
            if not len(ends):
                continue
            first = begins[ends[0]]
            seen = times[first : ends[-1] + 1]
            starts = np.searchsorted(seen, times[ends] - window_s, side="right") - 1
            first, seen = first + starts[0], seen[starts[0] :]
            resting[ends] = _span(values[first : ends[-1] + 1], starts - starts[0], ends - first) <= tolerance
    return resting


def _begins(times: Floats, values: Floats, silence_s: float, tolerance: float) -> Indices:
    """Return for each value where the stretch began that no silence and no single step interrupts."""
    # Infinities of one sign have a difference that is none, and have not moved.
    with np.errstate(invalid="ignore"):
        still = (values[1:] == values[:-1]) | (np.abs(np.diff(values)) <= tolerance)
    anew = np.concatenate([[False], ~still | (np.diff(times) > silence_s)])
    return np.maximum.accumulate(np.where(anew, np.arange(len(values)), 0))


def _span(values: Floats, starts: Indices, ends: Indices) -> Floats:
    """Return maximum − minimum of each window, both ends included, from the extremes of 1, 2, 4, 8 … values."""
    span = np.zeros(len(starts))
    level = np.floor(np.log2(ends - starts + 1)).astype(np.intp)
    highest, lowest = values, values
    for power in range(int(level.max(initial=0)) + 1):
        at = np.flatnonzero(level == power)
        first, second = starts[at], ends[at] - 2**power + 1
        high = np.maximum(highest[first], highest[second])
        low = np.minimum(lowest[first], lowest[second])
        span[at] = np.subtract(high, low, out=np.zeros(len(at)), where=high != low)
        highest = np.maximum(highest[: -(2**power)], highest[2**power :])
        lowest = np.minimum(lowest[: -(2**power)], lowest[2**power :])
    return span


def _graded(values: Floats, measure: Floats, suspect: float, fail: float | None) -> Flags:
    flags = np.full(len(values), Quality.PASS, np.int16)
    flags[np.isnan(measure)] = Quality.NOT_EVALUATED
    flags[measure > suspect] = Quality.SUSPECT
    if fail is not None:
        flags[measure > fail] = Quality.FAIL
    flags[np.isnan(values)] = Quality.MISSING
    return flags
