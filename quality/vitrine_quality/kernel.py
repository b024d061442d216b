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
_NEVER = np.inf


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
    distance[1:-1] = np.abs(values[1:-1] - (values[:-2] + values[2:]) / 2)
    return _graded(values, distance, suspect, fail)


def rate_of_change(times: Floats, values: Floats, suspect: float, fail: float | None) -> Flags:
    """Flag values that changed faster than a threshold, in units per second, since the value before.

    The first value, one after a missing one, and one at the same time as the one before are not evaluated.
    """
    rate = np.full(len(values), np.nan)
    if len(values) > 1:
        elapsed = np.diff(times)
        np.divide(np.abs(np.diff(values)), elapsed, out=rate[1:], where=elapsed > 0)
    return _graded(values, rate, suspect, fail)


def flat_line(times: Floats, values: Floats, suspect_s: float, fail_s: float | None, tolerance: float) -> Flags:
    """Flag values that have stayed within a tolerance of the value at which they came to rest, for too long.

    Missing values neither end a rest nor prolong it. After a silence longer than the shorter limit the count begins
    anew: nobody saw whether the value moved.
    """
    flags = np.full(len(values), Quality.PASS, np.int16)
    there = np.flatnonzero(~np.isnan(values))
    if len(there):
        rest = times[there] - times[there][_rest_starts(times[there], values[there], suspect_s, tolerance)]
        flags[there[rest >= suspect_s]] = Quality.SUSPECT
        flags[there[rest >= (_NEVER if fail_s is None else fail_s)]] = Quality.FAIL
    flags[np.isnan(values)] = Quality.MISSING
    return flags


def _rest_starts(times: Floats, values: Floats, silence_s: float, tolerance: float) -> NDArray[np.intp]:
    """Return for each value the index at which its rest began. Shape (n,), no NaN."""
    anew = np.concatenate([[True], np.diff(times) > silence_s])
    if tolerance == 0:
        anew[1:] |= values[1:] != values[:-1]
        return np.maximum.accumulate(np.where(anew, np.arange(len(values)), 0))
    starts = np.empty(len(values), np.intp)
    start, reference = 0, values[0]
    for index, (value, again) in enumerate(zip(values.tolist(), anew.tolist(), strict=True)):
        if again or abs(value - reference) > tolerance:
            start, reference = index, value
        starts[index] = start
    return starts


def _graded(values: Floats, measure: Floats, suspect: float, fail: float | None) -> Flags:
    flags = np.full(len(values), Quality.PASS, np.int16)
    flags[np.isnan(measure)] = Quality.NOT_EVALUATED
    flags[measure > suspect] = Quality.SUSPECT
    if fail is not None:
        flags[measure > fail] = Quality.FAIL
    flags[np.isnan(values)] = Quality.MISSING
    return flags
