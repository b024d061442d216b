"""Writing measurements: COPY in binary, and another way only where some are there already."""

from __future__ import annotations

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import errors

from vitrine_collector.rows import Rows, copy_stream
from vitrine_database.queries import Queries
from vitrine_database.rollup import must_be_told

__all__ = ["Rows", "Writer"]

_SQL = Queries("vitrine_collector", "queries/writer.sql")
_HOUR_US = 3_600_000_000


class Writer:
    """Writes measurements once; those that the table holds already stay as they are."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._new: set[tuple[int, int]] | None = None

    def is_new(self, rows: Rows) -> NDArray[np.bool_]:
        """Tell which of the measurements of the last `write` were not there before."""
        if self._new is None:
            return np.ones(len(rows), np.bool_)
        places = zip(rows.channel_id.tolist(), rows.time_us.tolist(), strict=True)
        return np.fromiter((place in self._new for place in places), np.bool_, len(rows))

    def write(self, rows: Rows) -> int:
        """Write the measurements and return how many of them were new.

        It opens a transaction of its own, or a savepoint in the caller's.
        """
        if not len(rows):
            return 0
        try:
            with self._connection.transaction():
                self._tell(rows)
                self._copy(_SQL["copy_direct"], rows)
        except errors.UniqueViolation:
            with self._connection.transaction():
                return self._write_staged(rows)
        return len(rows)

    def _write_staged(self, rows: Rows) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(_SQL["create_staging"])
            cursor.execute(_SQL["empty_staging"])
            self._copy(_SQL["copy_staged"], rows)
            self._tell(rows)
            self._new = set(cursor.execute(_SQL["insert_staged"]).fetchall())
            return len(self._new)

    def _tell(self, rows: Rows) -> None:
        """Tell which hours of which channels the rows touch, where the database cannot see it by itself."""
        if not must_be_told(self._connection):
            return
        hour = rows.time_us // _HOUR_US
        order = np.lexsort((rows.time_us, rows.channel_id))
        time_us, channel, hour = rows.time_us[order], rows.channel_id[order], hour[order]
        first = np.flatnonzero(np.append(True, (np.diff(channel) != 0) | (np.diff(hour) != 0)))
        last = np.append(first[1:], len(order)) - 1
        self._connection.execute(
            _SQL["tell"],
            {
                "hours": hour[first],
                "firsts": time_us[first],
                "lasts": time_us[last],
                "channels": channel[first],
            },
        )

    def _copy(self, statement: str, rows: Rows) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for piece in copy_stream(rows):
                copy.write(piece)
