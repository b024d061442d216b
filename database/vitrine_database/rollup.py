"""Rollups of the Community edition, computed again where values came later than the policies look back."""

from __future__ import annotations

import datetime
from typing import LiteralString

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


def refresh(connection: psycopg.Connection, first: datetime.datetime, last: datetime.datetime) -> None:
    """Compute the rollups of the buckets from `first` to `last` again; nothing to do where they are views.

    The connection must be in autocommit mode and belong to the owner of the schema.
    """
    if in_force(connection) is not Edition.COMMUNITY:
        return
    for query, width in _LEVELS:
        window = {"first": _floor(first, width), "last": _floor(last, width) + width}
        connection.execute(_QUERIES[query], window)


def _floor(time: datetime.datetime, width: datetime.timedelta) -> datetime.datetime:
    return time - (time - _ORIGIN) % width
