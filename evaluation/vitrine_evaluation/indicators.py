"""Indicators in the database: hours and days computed again when measurements arrive, however late.

The hour that runs is not stored until it is over, and neither is the day; what arrives later marks its hour again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg

from vitrine.logs import logger
from vitrine_database import rollup
from vitrine_evaluation.definitions import SQL, Channel, Definition, channels, definitions
from vitrine_evaluation.evaluate import Values, evaluate
from vitrine_evaluation.minutes import Minutes
from vitrine_evaluation.periods import LEAST_COVERAGE, LENGTH, Period

#: Writers wait while hours are taken, computed and stored, so a portion should not take longer than this, in seconds.
_PORTION_S = 0.1
_FEWEST, _MOST = 2, 240
#: Days are computed so many at a time, which bounds the memory.
_DAYS = 31
_log = logger("evaluation")
_warned: dict[int, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class _Catalogue:
    channels: dict[str, Channel]
    definitions: list[Definition]


def refresh(
    connection: psycopg.Connection,
    *,
    since: datetime | None = None,
    going_on: Callable[[int], bool] = lambda hours: True,
) -> int:
    """Compute all stale hours that are over, and their days; return how many hours were taken.

    Days are looked for among those after `since`; None: two days ago, or earlier where a stale hour is. `going_on` is
    told the hours taken so far and may end the work between two portions.
    """
    total = 0
    rollup.refresh_stale(connection)  # what is behind would be computed again for each portion
    waiting = {row[0] for row in connection.execute(SQL["installations_with_stale_hours"])}
    every = {row[0] for row in connection.execute(SQL["all_installations"])}
    for installation in sorted(waiting | every):
        with _alone(connection, installation) as alone:
            if not alone:
                continue
            first = since or datetime.now(UTC) - timedelta(days=2)
            if installation in waiting:
                for hours in _portions(connection, installation, _catalogue(connection, installation)):
                    total += len(hours)
                    first = min(first, _moment(min(hours)))
                    if not going_on(total):
                        return total
            _refresh_days(connection, installation, first)
    return total


def mark_new(connection: psycopg.Connection) -> int:
    """Mark all hours of indicators that have no value yet; return how many."""
    found: list[int] = []
    for (installation,) in connection.execute(SQL["all_installations"]).fetchall():
        catalogue = _catalogue(connection, installation)
        found += [definition.indicator_id for definition in catalogue.definitions]
    return connection.execute(SQL["mark_new"], {"indicators": found}).rowcount


def mark_all(connection: psycopg.Connection, installation: int) -> int:
    """Mark all hours of an installation; return how many wait."""
    connection.execute(SQL["mark_all"], {"installation": installation})
    row = connection.execute(SQL["count_stale"], {"installation": installation}).fetchone()
    assert row is not None
    return int(row[0])


def read_minutes(connection: psycopg.Connection, known: Iterable[Channel], first: int, last: int) -> dict[str, Minutes]:
    """Return the minutes of channels by their path, from the minute `first` until before `last`."""
    paths = {channel.channel_id: channel.path for channel in known}
    span = {"channels": list(paths), "first": _moment(first), "last": _moment(last)}
    found = {path: Minutes.none() for path in paths.values()}
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(SQL["minutes"], span).fetchall()
    if not rows:
        return found
    table = np.array(rows, dtype=np.float64)
    ids = table[:, 0]
    for part in np.split(table, np.flatnonzero(np.diff(ids)) + 1):
        minute, good, count = (part[:, column].astype(np.int64) for column in (1, 6, 7))
        found[paths[int(part[0, 0])]] = Minutes(minute, part[:, 2], part[:, 3], part[:, 4], part[:, 5], good, count)
    return found


def _catalogue(connection: psycopg.Connection, installation: int) -> _Catalogue:
    known = channels(connection, installation)
    found = definitions(connection, installation, known)
    for definition in found:
        if definition.problems:
            _warn(definition)
    return _Catalogue(known, [definition for definition in found if definition.formula])


def _warn(definition: Definition) -> None:
    """Say once in a process what keeps an indicator from being computed."""
    words = tuple(str(problem) for problem in definition.problems)
    if _warned.get(definition.indicator_id) != words:
        _warned[definition.indicator_id] = words
        _log.warning("indicator_not_computed", indicator=definition.indicator.key, problems=words)


def _portions(connection: psycopg.Connection, installation: int, catalogue: _Catalogue) -> Iterator[list[int]]:
    """Take and compute stale hours, portion by portion, each in one transaction."""
    limit = 24
    while True:
        try:
            started = time.monotonic()
            with connection.transaction():
                hours = _portion(connection, installation, catalogue, limit)
        except psycopg.errors.LockNotAvailable:
            # A writer holds its transaction for long; the marks are still there for the next time.
            _log.info("stale_hours_busy", installation=installation)
            return
        if not hours:
            return
        spent = max(time.monotonic() - started, 1e-3)
        limit = int(np.clip(limit * _PORTION_S / spent, max(_FEWEST, limit // 2), min(_MOST, limit * 2)))
        yield hours


def _portion(connection: psycopg.Connection, installation: int, catalogue: _Catalogue, limit: int) -> list[int]:
    connection.execute(SQL["patience"])
    connection.execute(SQL["settle_writers"])
    taken = connection.execute(SQL["take_stale_hours"], {"installation": installation, "limit": limit}).fetchall()
    stale = {int(row[0]) for row in taken}
    row = connection.execute(SQL["running_hour"]).fetchone()
    assert row is not None
    # The hour after a stale one begins its counters from the stale one's last values.
    after = {hour + 60 for hour in stale if hour + 60 < row[0]} - stale
    for first, count in _ranges(stale | after, 60):
        _store(connection, catalogue, "hour", first, count, stale)
    return sorted(stale)


def _refresh_days(connection: psycopg.Connection, installation: int, since: datetime) -> None:
    span = {"installation": installation, "since": since - timedelta(days=1)}
    days = {int(row[0]) for row in connection.execute(SQL["stale_days"], span)}
    if not days:
        return
    catalogue = _catalogue(connection, installation)
    for first, count in _ranges(days, 1440, most=_DAYS):
        with connection.transaction():
            _store(connection, catalogue, "day", first, count, days)


def _store(
    connection: psycopg.Connection, catalogue: _Catalogue, period: Period, first: int, count: int, wanted: set[int]
) -> None:
    """Compute periods that follow one another and store those wanted, and the others that have any measurement."""
    length = LENGTH[period]
    before = round(length * (1.0 - LEAST_COVERAGE[period])) + 1
    needed = {path for definition in catalogue.definitions for path in definition.indicator.inputs.values()}
    known = [catalogue.channels[path] for path in sorted(needed)]
    minutes = read_minutes(connection, known, first - before, first + count * length)
    for definition in catalogue.definitions:
        assert definition.formula is not None
        inputs = definition.channels(catalogue.channels)
        series = {name: minutes[channel.path] for name, channel in inputs.items()}
        every = {name: channel.period_s for name, channel in inputs.items()}
        _write(connection, definition, evaluate(definition.formula, series, period, first, count, every), wanted)


def _write(connection: psycopg.Connection, definition: Definition, values: Values, wanted: set[int]) -> None:
    kept = np.isin(values.bucket, list(wanted)) | (values.coverage > 0)
    connection.execute(
        SQL["write_values"],
        {
            "indicator": definition.indicator_id,
            "period": values.period,
            "minutes": values.bucket[kept].tolist(),
            "values": [None if np.isnan(value) else float(value) for value in values.value[kept]],
            "coverages": values.coverage[kept].tolist(),
        },
    )


def _ranges(starts: Iterable[int], length: int, most: int = _MOST) -> Iterator[tuple[int, int]]:
    """Gather periods that follow one another as (first, count)."""
    ordered: Sequence[int] = sorted(starts)
    begin = 0
    for at in range(1, len(ordered) + 1):
        if at == len(ordered) or ordered[at] != ordered[at - 1] + length or at - begin == most:
            yield ordered[begin], at - begin
            begin = at


@contextmanager
def _alone(connection: psycopg.Connection, installation: int) -> Iterator[bool]:
    row = connection.execute(SQL["alone"], {"installation": installation}).fetchone()
    alone = row == (True,)
    try:
        yield alone
    finally:
        if alone and not connection.closed:
            connection.execute(SQL["not_alone"], {"installation": installation})


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, tz=UTC)
