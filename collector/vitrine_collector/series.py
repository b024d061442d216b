"""A stretch of one channel's series: which values a new one concerns, and their flags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine.installation import QualityRules
from vitrine.quality import Test
from vitrine_quality import evaluate

#: Tests that the quality rules decide; the others are the gateway's word.
JUDGED = int(Test.GROSS_RANGE | Test.SPIKE | Test.RATE_OF_CHANGE | Test.FLAT_LINE)
#: New stretches of a channel that lie nearer to one another than this are looked at as one.
NEAR_US = 60_000_000

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Series:
    """Values in the order of time, with the flags that they have; times in microseconds since 1970."""

    time_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.int16]
    tests: NDArray[np.int16]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, float, int, int]]) -> Series:
        """Make a series of rows."""
        table = list(rows)
        return cls(
            np.array([row[0] for row in table], np.int64),
            np.array([row[1] for row in table], np.float64),
            np.array([row[2] for row in table], np.int16),
            np.array([row[3] for row in table], np.int16),
        )

    def __len__(self) -> int:
        return len(self.time_us)

    def told(self) -> NDArray[np.int16]:
        """Return the tests that the gateway saw fail."""
        return self.tests & np.int16(~JUDGED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Flags that differ from those that the values have."""

    time_us: NDArray[np.int64]
    quality_before: NDArray[np.int16]
    quality: NDArray[np.int16]
    tests_before: NDArray[np.int16]
    tests: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.time_us)

    def part(self, mask: NDArray[np.bool_]) -> Verdict:
        """Return some of them."""
        return Verdict(
            self.time_us[mask], self.quality_before[mask], self.quality[mask], self.tests_before[mask], self.tests[mask]
        )


def memory_us(rules: QualityRules) -> int:
    """Return how far back a flag looks, but for the one or two values right before."""
    if rules.flat_line_suspect_s is None:
        return 0
    longest = max(rules.flat_line_suspect_s, rules.flat_line_fail_s or 0.0)
    return int((longest + rules.flat_line_suspect_s) * 1e6) + 1


def judged(series: Series, rules: QualityRules, span: Span) -> Verdict:
    """Judge a series and return what changes within the span; what lies outside is context."""
    quality, tests = evaluate(series.time_us / 1e6, series.value, series.told(), rules)
    return difference(series, quality, tests, (series.time_us >= span[0]) & (series.time_us <= span[1]))


def difference(
    series: Series, quality: NDArray[np.int16], tests: NDArray[np.int16], inside: NDArray[np.bool_]
) -> Verdict:
    """Return what differs from the flags that the values have."""
    other = inside & ((quality != series.quality) | (tests != series.tests))
    return Verdict(series.time_us[other], series.quality[other], quality[other], series.tests[other], tests[other])


def merged(spans: Iterable[Span], near_us: int = NEAR_US) -> list[Span]:
    """Join spans that overlap or lie near one another; rising."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + near_us:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def spans_of(
    channel_id: NDArray[np.int32], time_us: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the stretches of a batch, ordered by channel and time: channels, first and last times."""
    if not len(channel_id):
        return channel_id, time_us, time_us
    new = np.append(True, (np.diff(channel_id) != 0) | (np.diff(time_us) > NEAR_US))
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(new)) - 1
    return channel_id[first], time_us[first], time_us[last]
