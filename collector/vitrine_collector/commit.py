"""The way of a batch into the database; where a part of it is refused, finding the message that is at fault."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from vitrine.logs import logger
from vitrine_collector import transaction, witness
from vitrine_collector.batch import Batch, Refused
from vitrine_collector.faults import PATIENCE, Suspicion, reason_of
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/commit.sql")
_log = logger("collector")


@dataclass(slots=True)
class _Part:
    """Records of the batch, from `first` to before `last`, that one transaction writes; messages kept as refused."""

    first: int
    last: int
    refused: list[Refused] = field(default_factory=list)
    #: False where the database refuses the records' own data: only their delivery is noted.
    measured: bool = True
    suspicion: Suspicion = field(default_factory=Suspicion)

    def divided(self) -> list[_Part]:
        """Return smaller parts, the first to be written last in the list; none where it is one message."""
        first, last, refused = self.first, self.last, self.refused
        if last - first > 1:
            middle = (first + last) // 2
            parts = [_Part(middle, last), _Part(first, middle, refused)]
        elif first < last and self.measured and refused:
            parts = [_Part(0, 0, refused), _Part(first, last)]
        elif first == last and len(refused) > 1:
            middle = len(refused) // 2
            parts = [_Part(0, 0, refused[middle:]), _Part(0, 0, refused[:middle])]
        else:
            return []
        for part in parts:
            if part.last - part.first > 1:
                # A mishap has shown itself often enough; patience begins anew with one message.
                part.suspicion.mishaps = PATIENCE - 1
        return parts


class Commit:
    """Writes one batch; `proceed` may be called again after the connection was lost."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._todo = [_Part(0, len(batch.records), batch.refused)]
        self._in_doubt: str | None = None
        #: Measurements that were not there before; records that the database refused.
        self.written = 0
        self.refused = 0

    def proceed(self, connection: psycopg.Connection) -> None:
        """Write what is left to write; raises what refuses it where no message is at fault."""
        if self._in_doubt is not None:
            self._settle(connection, self._in_doubt)
        while self._todo:
            part = self._todo[-1]
            if part.suspicion.is_grave and self._narrowed(connection, part):
                continue
            try:
                written = self._write(connection, part)
            except Exception as error:
                part.suspicion.add(error)
                if connection.closed or not part.suspicion.is_grave:
                    raise
                self._in_doubt = None
            else:
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
        records = self._batch.records[part.first : part.last]
        with connection.transaction():
            measured = self._batch.part(part.first, part.last) if part.measured else None
            written = transaction.write(connection, records, measured, part.refused)
            row = connection.execute(_SQL["transaction_id"]).fetchone()
            assert row is not None
            self._in_doubt = row[0]
        return written

    def _narrowed(self, connection: psycopg.Connection, part: _Part) -> bool:
        """Put smaller work in the place of a part that fails; False where the same is to be tried once more."""
        if parts := part.divided():
            self._todo[-1:] = parts
            return True
        suspicion = part.suspicion
        if not suspicion.is_proven:
            error = suspicion.error
            suspicion.contrast(connection, witness.measured(self._batch, part.first, part.last))
            if not suspicion.contrasted and error is not None:
                raise error
            return False
        self._give_up(part)
        return True

    def _give_up(self, part: _Part) -> None:
        """Keep the message as refused; without its delivery where even that is refused; else leave it for the end."""
        error = part.suspicion.error
        assert error is not None
        self._todo.pop()
        if part.first == part.last:
            if all(other.first == other.last for other in self._todo):
                self._todo.append(_Part(0, 0, part.refused))
                raise psycopg.ProgrammingError(f"even the note of a refused message is refused: {reason_of(error)}")
            self._todo.insert(0, _Part(0, 0, part.refused))
        elif part.measured:
            self.refused += 1
            message, reason = self._batch.records[part.first].message, reason_of(error)
            _log.warning("record refused", topic=message.topic, reason=reason)
            code = "database" if isinstance(error, psycopg.Error) else "internal"
            self._todo.append(_Part(part.first, part.last, [Refused(message, code, reason)], measured=False))
        else:
            self._todo.append(_Part(0, 0, part.refused))
