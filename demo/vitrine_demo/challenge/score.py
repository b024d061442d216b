"""Findings against the truth: which fault was found, by which test, how late; and what was flagged for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine.installation import QualityRules
from vitrine.quality import Quality, Test
from vitrine_demo.challenge.collection import Judged
from vitrine_demo.challenge.run import Outcome
from vitrine_gateway.site import SiteChannel
from vitrine_quality import evaluate
from vitrine_simulators.faults import Occurrence
from vitrine_simulators.faults.instrument import concerns, path_of
from vitrine_simulators.noise import Array

#: After a fault that leaves its trace for good, so many seconds count as its time.
TRACE_S = 3600.0
#: Flagged values that lie nearer are one alarm, in seconds; at least three periods.
ALARM_S = 300.0
#: Readings after a fault's end that may still be flagged because of it: the step back to the truth.
_AFTER = 2

Mask = NDArray[np.bool_]
Bits = NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault and what was found of it."""

    fault: Occurrence
    #: Whether the fault changed a single value that was read: what shows nowhere cannot be found.
    visible: bool
    #: Test → seconds from the beginning to the first value that it flags and would not have flagged without the fault.
    found_by: dict[str, float]

    @property
    def found(self) -> bool:
        """Tell whether any test found it."""
        return bool(self.found_by)

    @property
    def delay_s(self) -> float | None:
        """Seconds until the first test found it."""
        return min(self.found_by.values()) if self.found_by else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A stretch of flagged values."""

    begin: float
    end: float
    #: Tests that flag some of them.
    tests: tuple[str, ...]
    #: Whether it lies outside every fault's time.
    false: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelScore:
    """One channel over the period."""

    path: str
    channel: SiteChannel
    findings: tuple[Finding, ...]
    alarms: tuple[Alarm, ...]
    #: Days of the period outside every fault.
    sound_days: float


def score(outcome: Outcome) -> list[ChannelScore]:
    """Judge the findings of every channel, in the order of the file."""
    return [
        _channel(outcome, f"{device.key}/{channel.key}", channel)
        for device in outcome.site.devices
        for channel in device.channels
    ]


def tests_of(bits: int) -> tuple[str, ...]:
    """Return the names of tests, lowest bit first."""
    return tuple(str(test.name).lower() for test in Test if bits & test)


def _channel(outcome: Outcome, path: str, channel: SiteChannel) -> ChannelScore:
    flags, sound = outcome.flags[path], outcome.sound[path]
    faults = [fault for fault in outcome.truth if concerns(fault, path)]
    own = [fault for fault in faults if path_of(fault) == path]
    raised = _raised(flags, sound, channel.rules)
    changed = ~np.isclose(flags.value, sound, rtol=1e-9, atol=1e-12, equal_nan=True)
    near = changed.copy()  # a counter that was reset stays wrong when the fault's own time is over
    for fault in faults:
        near |= _time_of(fault, flags.time, channel.every_s)
    covered = float(near.sum()) * channel.every_s / 86_400.0
    period = (outcome.setting.end - outcome.setting.begin) / 86_400.0
    return ChannelScore(
        path=path,
        channel=channel,
        findings=tuple(_finding(fault, flags.time, raised, changed, channel.every_s) for fault in own),
        alarms=tuple(_alarms(flags, ~np.isnan(sound), near, max(ALARM_S, 3.0 * channel.every_s))),
        sound_days=max(period - covered, 0.0),
    )


def _raised(flags: Judged, sound: Array, rules: QualityRules) -> Bits:
    """Return the tests of each value that the same value would have passed without any fault. Shape (n,)."""
    _, before = evaluate(flags.time, sound, np.zeros(len(sound), dtype=np.int16), rules)
    raised = flags.tests & ~before
    raised[np.isnan(sound)] = 0  # there is no value at all, by night for example, and rightly so
    return np.asarray(raised, dtype=np.int16)


def _time_of(fault: Occurrence, times: Array, every_s: float) -> Mask:
    """Tell which readings may be flagged because of a fault: the one before it too, whose neighbour is wrong."""
    end = fault.end if fault.end > fault.begin else fault.begin + TRACE_S
    return np.asarray((times >= fault.begin - every_s) & (times < end + _AFTER * every_s), dtype=np.bool_)


def _finding(fault: Occurrence, times: Array, raised: Bits, changed: Mask, every_s: float) -> Finding:
    inside = _time_of(fault, times, every_s)
    found_by = {}
    for test in Test:
        first = np.flatnonzero(inside & ((raised & np.int16(test)) != 0))
        if len(first):
            found_by[str(test.name).lower()] = max(0.0, float(times[first[0]] - fault.begin))
    return Finding(fault=fault, visible=bool((inside & changed).any()), found_by=found_by)


def _alarms(flags: Judged, expected: Mask, near: Mask, apart_s: float) -> list[Alarm]:
    bad = expected & np.isin(flags.quality, (Quality.SUSPECT, Quality.FAIL, Quality.MISSING))
    found: list[Alarm] = []
    for false, chosen in ((True, bad & ~near), (False, bad & near)):
        at = np.flatnonzero(chosen)
        if not len(at):
            continue
        breaks = np.flatnonzero(np.diff(flags.time[at]) > apart_s) + 1
        for stretch in np.split(at, breaks):
            bits = int(np.bitwise_or.reduce(flags.tests[stretch]))
            first, last = float(flags.time[stretch[0]]), float(flags.time[stretch[-1]])
            found.append(Alarm(begin=first, end=last, tests=tests_of(bits), false=false))
    return sorted(found, key=lambda alarm: (alarm.begin, alarm.false))


def kinds_in(channels: Sequence[ChannelScore]) -> list[str]:
    """Return the kinds of faults that happened, in alphabetical order."""
    return sorted({finding.fault.kind for channel in channels for finding in channel.findings})
