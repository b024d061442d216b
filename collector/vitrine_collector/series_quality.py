"""Spike, rate of change and flat line: judged once the neighbours of a value are written, again when late ones come.

The flags end as those of one evaluation of the whole series, in whatever order values come and whichever collector
writes them: what a flag depends on lies in a window, and each window that new values touch is judged again. For values
that come in order a stream per channel spares reading the window.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import psycopg

from vitrine.installation import QualityRules
from vitrine.logs import logger
from vitrine_collector.faults import Kind, kind_of, reason_of
from vitrine_collector.rows import Rows
from vitrine_collector.series import Series, Span, Verdict, difference, judged, memory_us, merged, spans_of
from vitrine_database.queries import Queries
from vitrine_quality import Stream
from vitrine_quality.rules import from_json

_SQL = Queries("vitrine_collector", "queries/series_quality.sql")
_log = logger("collector")
_HOUR_US = 3_600_000_000
#: Seconds after which a channel that could not be judged is tried again.
AGAIN_S = 60.0


def note_new(connection: psycopg.Connection, rows: Rows) -> None:
    """Note, in the transaction that writes them, which stretches are to be judged; ordered by channel and time."""
    channels, firsts, lasts = spans_of(rows.channel_id, rows.time_us)
    if len(channels):
        connection.execute(_SQL["add_ranges"], {"channels": channels, "firsts": firsts, "lasts": lasts})


@dataclass(slots=True)
class _Follow:
    """The stream of a channel, and how far it has come."""

    rules: dict[str, object]
    stream: Stream
    last_us: int


@dataclass(slots=True)
class SeriesQuality:
    """Judges what is noted; one at a time works, however many collectors run."""

    #: Seconds of a clock that only goes forward.
    clock: Callable[[], float] = time.monotonic
    _followed: dict[int, _Follow] = field(default_factory=dict)
    #: Channels that could not be judged, and when they are tried again.
    _postponed: dict[int, float] = field(default_factory=dict)
    #: Flags changed since the start.
    changed: int = 0

    def work(self, connection: psycopg.Connection, stopping: threading.Event) -> int:
        """Judge every channel with new values, each in its transaction; return the number of flags changed.

        A channel that cannot be judged waits and is tried again after `AGAIN_S`, as nothing of it is lost; the others
        go on. What concerns all of them, such as a connection that ends, is raised.
        """
        before = self.changed
        waiting = [channel for (channel,) in connection.execute(_SQL["waiting"]).fetchall()]
        # Another collector may have judged the others meanwhile.
        self._postponed = {channel: self._postponed[channel] for channel in waiting if channel in self._postponed}
        for channel in waiting:
            if stopping.is_set():
                break
            if self.clock() < self._postponed.get(channel, 0.0):
                continue
            try:
                with connection.transaction():
                    if connection.execute(_SQL["alone"]).fetchone() != (True,):
                        self._followed.clear()
                        break
                    self.changed += self._judge_channel(connection, channel)
            except Exception as error:
                self._followed.pop(channel, None)
                if connection.closed or kind_of(error) is Kind.PASSING:
                    raise
                self._postpone(channel, error)
            else:
                self._postponed.pop(channel, None)
        return self.changed - before

    @property
    def postponed(self) -> int:
        """Count the channels whose values cannot be judged for now."""
        return len(self._postponed)

    def _postpone(self, channel: int, error: Exception) -> None:
        self._postponed[channel] = self.clock() + AGAIN_S
        ours = None if isinstance(error, psycopg.Error) else error
        _log.warning("flags wait", channel=channel, reason=reason_of(error), again_in_s=AGAIN_S, exc_info=ours)

    def _judge_channel(self, connection: psycopg.Connection, channel: int) -> int:
        spans = connection.execute(_SQL["take_ranges"], {"channel": channel}).fetchall()
        row = connection.execute(_SQL["channel"], {"channel": channel}).fetchone()
        if row is None or not spans:
            return 0
        rules, installation = row
        changed = 0
        for span in merged(spans):
            verdict = self._in_order(connection, channel, rules, span)
            if verdict is None:
                verdict = self._in_window(connection, channel, rules, span)
            changed += _apply(connection, channel, installation, verdict, spans)
        return changed

    def _in_order(
        self, connection: psycopg.Connection, channel: int, rules: dict[str, object], span: Span
    ) -> Verdict | None:
        """Go on with the channel's stream; None where the values do not come behind its last one."""
        follow = self._followed.get(channel)
        if follow is None or follow.rules != rules or span[0] <= follow.last_us:
            return None
        series = _read(connection, channel, (follow.last_us, span[1]))
        if not len(series):
            return difference(series, series.quality, series.tests, np.zeros(0, np.bool_))
        quality, tests = series.quality.copy(), series.tests.copy()
        # The first one is the stream's last, which its successor may turn into a spike.
        moments, told = (series.time_us / 1e6).tolist(), series.told().tolist()
        for at in range(int(series.time_us[0] == follow.last_us), len(series)):
            quality[at], tests[at], correction = follow.stream.push(moments[at], float(series.value[at]), told[at])
            if correction is not None and at:
                quality[at - 1], tests[at - 1] = correction.quality, correction.tests
        follow.last_us = int(series.time_us[-1])
        return difference(series, quality, tests, np.ones(len(series), np.bool_))

    def _in_window(self, connection: psycopg.Connection, channel: int, rules: dict[str, object], span: Span) -> Verdict:
        """Judge every value that the new ones concern, with all that their flags depend on."""
        declared = from_json(rules)
        memory = memory_us(declared)
        before = _times(connection, "before", channel, span[0])
        after = _times(connection, "after", channel, span[1] + memory)
        touched = (min([span[0], *before[:1]]), max([span[1] + memory, *after[:1]]))
        wanted = (min([touched[0], *before]) - memory, max([touched[1], *after]))
        series = _read(connection, channel, wanted)
        verdict = judged(series, declared, touched)
        self._followed.pop(channel, None)
        if not after and len(series):
            self._followed[channel] = _Follow(rules, _warm(series, declared), int(series.time_us[-1]))
        return verdict


def _warm(series: Series, rules: QualityRules) -> Stream:
    """Return a stream that has seen what the flags of the next values depend on."""
    stream = Stream(rules)
    begin = max(0, min(int(np.searchsorted(series.time_us, series.time_us[-1] - memory_us(rules))), len(series) - 3))
    moments, told = (series.time_us / 1e6).tolist(), series.told().tolist()
    for at in range(begin, len(series)):
        stream.push(moments[at], float(series.value[at]), told[at])
    return stream


def _times(connection: psycopg.Connection, query: str, channel: int, time_us: int) -> list[int]:
    return [row[0] for row in connection.execute(_SQL[query], {"channel": channel, "time_us": time_us}).fetchall()]


def _read(connection: psycopg.Connection, channel: int, span: Span) -> Series:
    bounds = {"channel": channel, "first_us": span[0], "last_us": span[1]}
    return Series.of(connection.execute(_SQL["values"], bounds).fetchall())


def _apply(connection: psycopg.Connection, channel: int, installation: int, verdict: Verdict, new: list[Span]) -> int:
    """Write the flags; a value that was judged before gets a line that says why it is judged otherwise."""
    if not len(verdict):
        return 0
    _execute(connection, "judge", channel, verdict)
    fresh = np.zeros(len(verdict), np.bool_)
    for first, last in new:
        fresh |= (verdict.time_us >= first) & (verdict.time_us <= last)
    if not fresh.all():
        _execute(connection, "add_changes", channel, verdict.part(~fresh))
    connection.execute(_SQL["judge_latest"], {"channel": channel})
    hours = np.unique(verdict.time_us // _HOUR_US).tolist()
    connection.execute(_SQL["add_stale_hours"], {"installation": installation, "hours": hours})
    _log.debug("flags changed", channel=channel, flags=len(verdict))
    return len(verdict)


def _execute(connection: psycopg.Connection, query: str, channel: int, verdict: Verdict) -> None:
    connection.execute(
        _SQL[query],
        {
            "channel": channel,
            "times": verdict.time_us.tolist(),
            "qualities": verdict.quality.tolist(),
            "tests": verdict.tests.tolist(),
            "qualities_before": verdict.quality_before.tolist(),
            "tests_before": verdict.tests_before.tolist(),
            "first_us": int(verdict.time_us[0]),
            "last_us": int(verdict.time_us[-1]),
        },
    )
