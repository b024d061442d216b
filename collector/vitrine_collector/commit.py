"""Writing a batch in one transaction; where the database refuses it, finding the record that is at fault."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from vitrine.errors import VitrineError
from vitrine.logs import logger
from vitrine_collector.batch import Batch, Record, Refused
from vitrine_collector.evidence import Evidence
from vitrine_collector.writer import Writer
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/commit.sql")
_log = logger("collector")

#: SQLSTATE classes in which the data themselves are at fault: data, constraints, a trigger's own exception.
_AT_FAULT = ("22", "23", "P0")


def at_fault(error: Exception) -> bool:
    """Tell whether the database refuses the data themselves, so that trying again is of no use."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)
    return error.sqlstate.startswith(_AT_FAULT)


@dataclass(slots=True)
class _Part:
    """Records that one transaction writes, and messages that it keeps as refused."""

    records: list[Record]
    refused: list[Refused] = field(default_factory=list)
    #: False where the database refuses the records' own data: only their delivery is noted.
    measured: bool = True


class Commit:
    """The way of one batch into the database; `proceed` may be called again after the connection was lost."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._todo = [_Part(batch.records, batch.refused)]
        self._in_doubt: str | None = None
        #: Measurements that were not there before; records that the database refused.
        self.written = 0
        self.refused = 0

    def proceed(self, connection: psycopg.Connection) -> None:
        """Write what is left to write; raises psycopg.Error where it is not the data's fault."""
        if self._in_doubt is not None:
            self._settle(connection, self._in_doubt)
        while self._todo:
            part = self._todo[-1]
            try:
                written = self._write(connection, part)
            except psycopg.Error as error:
                if not at_fault(error) or connection.closed:
                    raise
                self._todo.pop()
                self._todo += self._narrowed(part, error)
                continue
            self._done(written)

    def _settle(self, connection: psycopg.Connection, transaction: str) -> None:
        """Find out whether the transaction was committed whose commit was not answered."""
        row = connection.execute(_SQL["transaction_status"], {"id": transaction}).fetchone()
        if row is not None and row[0] == "committed":
            self._done(0)
        self._in_doubt = None

    def _done(self, written: int) -> None:
        self._todo.pop()
        self._in_doubt = None
        self.written += written

    def _write(self, connection: psycopg.Connection, part: _Part) -> int:
        written = 0
        with connection.transaction():
            if part.measured:
                rows = self._batch.rows_of(part.records)
                ordered = rows.ordered()
                written = Writer(connection).write(ordered)
                Evidence(connection).measured(part.records, rows, ordered)
            Evidence(connection).delivered(part.records)
            Evidence(connection).refused(part.refused)
            row = connection.execute(_SQL["transaction_id"]).fetchone()
            assert row is not None
            self._in_doubt = row[0]
        return written

    def _narrowed(self, part: _Part, error: psycopg.Error) -> list[_Part]:
        """Return smaller parts, the first to be written last in the list."""
        self._in_doubt = None
        records = part.records
        if len(records) > 1:
            middle = len(records) // 2
            return [_Part(records[middle:], [], part.measured), _Part(records[:middle], part.refused, part.measured)]
        if not records:
            raise VitrineError(f"the database refuses even the note of a refused message: {_reason(error)}") from error
        if part.refused and part.measured:
            return [_Part([], part.refused), _Part(records)]
        if part.measured:
            self.refused += 1
            _log.warning("record refused", topic=records[0].message.topic, reason=_reason(error))
            return [_Part(records, [Refused(records[0].message, "database", _reason(error))], measured=False)]
        return [_Part([], part.refused)]


def _reason(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    words = error.diag.message_primary or str(error)
    return f"{words} ({detail})" if detail else words
