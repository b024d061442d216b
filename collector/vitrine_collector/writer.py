"""Writing measurements: COPY in binary, and another way only where some are there already."""

from __future__ import annotations

import psycopg
from psycopg import errors

from vitrine_collector.rows import Rows, copy_stream
from vitrine_database.queries import Queries

__all__ = ["Rows", "Writer"]

_SQL = Queries("vitrine_collector", "queries/writer.sql")


class Writer:
    """Writes measurements once; those that the table holds already stay as they are."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def write(self, rows: Rows) -> int:
        """Write the measurements and return how many of them were new.

        It opens a transaction of its own, or a savepoint in the caller's.
        """
        if not len(rows):
            return 0
        try:
            with self._connection.transaction():
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
            cursor.execute(_SQL["insert_staged"])
            return cursor.rowcount

    def _copy(self, statement: str, rows: Rows) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for piece in copy_stream(rows):
                copy.write(piece)
