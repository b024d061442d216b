"""Writing a batch in one transaction; where the database refuses it, finding the record that is at fault."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from vitrine.errors import VitrineError
from vitrine.logs import logger
from vitrine_collector.batch import Batch, Refused
from vitrine_collector.evidence import Evidence, hours_of
from vitrine_collector.series_quality import note_new
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
    """Records of the batch, from `first` to before `last`, that one transaction writes; messages kept as refused."""

    first: int
    last: int
    refused: list[Refused] = field(default_factory=list)
    #: False where the database refuses the records' own data: only their delivery is noted.
    measured: bool = True


class Commit:
    """The way of one batch into the database; `proceed` may be called again after the connection was lost."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._todo = [_Part(0, len(batch.records), batch.refused)]
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
        written, records = 0, self._batch.records[part.first : part.last]
        with connection.transaction():
            if part.measured:
                measured = self._batch.part(part.first, part.last)
                rows, writer = measured.rows, Writer(connection)
                written = writer.write(rows)
                Evidence(connection).measured(records, rows, hours_of(rows, measured.installations))
                Evidence(connection).came_late(measured if written == len(rows) else measured[writer.is_new(rows)])
                note_new(connection, rows)
            Evidence(connection).delivered(records)
            Evidence(connection).refused(part.refused)
            row = connection.execute(_SQL["transaction_id"]).fetchone()
            assert row is not None
            self._in_doubt = row[0]
        return written

    def _narrowed(self, part: _Part, error: psycopg.Error) -> list[_Part]:
        """Return smaller parts, the first to be written last in the list."""
        self._in_doubt = None
        first, last = part.first, part.last
        if last - first > 1:
            middle = (first + last) // 2
            return [_Part(middle, last), _Part(first, middle, part.refused)]
        if first == last:
            raise VitrineError(f"the database refuses even the note of a refused message: {_reason(error)}") from error
        if part.refused and part.measured:
            return [_Part(0, 0, part.refused), _Part(first, last)]
        if part.measured:
            self.refused += 1
            message = self._batch.records[first].message
            _log.warning("record refused", topic=message.topic, reason=_reason(error))
            return [_Part(first, last, [Refused(message, "database", _reason(error))], measured=False)]
        return [_Part(0, 0, part.refused)]


def _reason(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    words = error.diag.message_primary or str(error)
    return f"{words} ({detail})" if detail else words
