"""The rollups, brought up to their measurements: by TimescaleDB on Community, by marks of hours elsewhere."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import LiteralString
from weakref import WeakKeyDictionary

import psycopg

from vitrine_database.edition import Edition, in_force
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/rollups.sql")

#: Finest first: each is computed from the one before.
_LEVELS: tuple[tuple[LiteralString, datetime.timedelta], ...] = (
    ("refresh_1min", datetime.timedelta(minutes=1)),
    ("refresh_1h", datetime.timedelta(hours=1)),
    ("refresh_1d", datetime.timedelta(days=1)),
)
_ORIGIN = datetime.datetime(2000, 1, 3, tzinfo=datetime.UTC)
#: A portion is one transaction, and should not take longer than this, in seconds.
_PORTION_S = 1.0
_FIRST, _MOST = 24, 960
_told: WeakKeyDictionary[psycopg.Connection, bool] = WeakKeyDictionary()


def must_be_told(connection: psycopg.Connection) -> bool:
    """Return whether a writer of measurements has to tell beforehand what it writes, for the rollups to follow at once.

    Where it does not, on TimescaleDB's Apache edition, every rollup is computed again.
    """
    if connection not in _told:
        _told[connection] = in_force(connection) is Edition.APACHE
    return _told[connection]


def refresh(connection: psycopg.Connection, first: datetime.datetime, last: datetime.datetime) -> None:
    """Bring the rollups of the buckets from `first` to `last` up to their measurements.

    Elsewhere than on Community all those that are behind. The connection must be in autocommit mode and, on
    Community, belong to the owner of the schema.
    """
    if in_force(connection) is not Edition.COMMUNITY:
        refresh_stale(connection)
        return
    for query, width in _LEVELS:
        window = {"first": _floor(first, width), "last": _floor(last, width) + width}
        connection.execute(_QUERIES[query], window)


def refresh_all(connection: psycopg.Connection, going_on: Callable[[int, int], bool] = lambda done, of: True) -> int:
    """Compute every rollup again whose measurements are still there; return the hours taken, 0 on Community."""
    if in_force(connection) is not Edition.COMMUNITY:
        connection.execute(_QUERIES["mark_all"])
        return refresh_stale(connection, going_on)
    row = connection.execute(_QUERIES["span"]).fetchone()
    if row is not None and row[0] is not None:
        refresh(connection, *row)
    return 0


def catch_up(connection: psycopg.Connection, going_on: Callable[[int, int], bool] = lambda done, of: True) -> int:
    """Bring the rollups up to their measurements wherever they are behind; return the hours taken, 0 on Community."""
    if in_force(connection) is not Edition.COMMUNITY:
        return refresh_stale(connection, going_on)
    # TimescaleDB knows itself what changed, and computes nothing else
    return refresh_all(connection)


def refresh_stale(connection: psycopg.Connection, going_on: Callable[[int, int], bool] = lambda done, of: True) -> int:
    """Compute the rollups of marked hours, the newest first, portion by portion; return how many hours were taken.

    Readers and writers go on meanwhile. `going_on` is told the hours done and all there are, and may end the work
    between two portions; another refresh at work ends it too. Nothing to do on Community.
    """
    hours = [row[0] for row in connection.execute(_QUERIES["waiting"]).fetchall()]
    done, size = 0, _FIRST
    while done < len(hours):
        part, started = hours[done : done + size], time.monotonic()
        with connection.transaction():
            if not _portion(connection, part):
                break
        done += len(part)
        spent = max(time.monotonic() - started, 1e-3)
        size = int(min(_MOST, max(1, size * min(2.0, _PORTION_S / spent))))
        if not going_on(done, len(hours)):
            break
    return done


def _portion(connection: psycopg.Connection, hours: list[datetime.datetime]) -> bool:
    """Compute some hours in the transaction that is open; False where another one is at work.

    Each statement sees what was committed before it: the marks go first, so the measurements of each are seen after.
    """
    if connection.execute(_QUERIES["alone"]).fetchone() != (True,):
        return False
    connection.execute(_QUERIES["create_work"])
    connection.execute(_QUERIES["take"], {"hours": hours})
    gone = connection.execute(_QUERIES["gone"]).fetchone() == (True,)
    for level in ("minutes", "hours", "days"):
        if gone:
            connection.execute(_QUERIES[f"forget_{level}"])
        connection.execute(_QUERIES[level])
    return True


def _floor(time: datetime.datetime, width: datetime.timedelta) -> datetime.datetime:
    return time - (time - _ORIGIN) % width
