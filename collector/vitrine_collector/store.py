"""A connection that comes back: work is tried again until the database takes it, or until the collector stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import psycopg

from vitrine.errors import ConfigurationError
from vitrine.logs import logger
from vitrine_collector.faults import Kind, Suspicion, Witness, kind_of
from vitrine_database.connection import connect

T = TypeVar("T")
_log = logger("collector")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0


class Stopped(Exception):  # noqa: N818 - not an error
    """The collector is to end, and the work is not done."""


class _Unreachable(Exception):  # noqa: N818 - a state of the server
    def __init__(self, why: ConfigurationError) -> None:
        super().__init__(why.message)
        self.why = why


class Store:
    """One connection of one thread."""

    def __init__(self, url: str, stopping: threading.Event, *, name: str = "vitrine collector") -> None:
        self._url, self._name, self._stopping = url, name, stopping
        self._connection: psycopg.Connection | None = None
        #: Whether the last try succeeded.
        self.reachable = False

    def run(self, work: Callable[[psycopg.Connection], T], witness: Witness | None = None) -> T:
        """Do the work, again after each failure that waiting can mend.

        Errors of the data themselves are raised, with a `witness` also those of work that is refused while that is
        taken; `Stopped` when the collector ends while the database is away.
        """
        suspicion, wait_s = Suspicion(), _FIRST_WAIT_S
        while True:
            try:
                connection = self._connected()
                if witness is not None and suspicion.is_grave and not suspicion.contrasted:
                    suspicion.contrast(connection, witness)
                result = work(connection)
            except _Unreachable as error:
                self._failed(error.why, wait_s)
            except psycopg.Error as error:
                suspicion.add(error)
                if suspicion.is_proven:
                    raise
                self._failed(error, wait_s)
            else:
                self.reachable = True
                return result
            if self._stopping.wait(wait_s):
                raise Stopped
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = connect(self._url, name=self._name)
            except ConfigurationError as error:
                if isinstance(error.__cause__, psycopg.ProgrammingError):
                    raise  # no server will ever understand this connection string
                raise _Unreachable(error) from error
        return self._connection

    def _failed(self, error: psycopg.Error | ConfigurationError, wait_s: float) -> None:
        self.reachable = False
        self.close()
        hint = error.hint if isinstance(error, ConfigurationError) else ""
        # A statement that is refused may be allowed later: a right may be given, a migration may be under way.
        what = "database refuses" if kind_of(error) is Kind.UNCLEAR else "database away"
        _log.warning(what, reason=str(error).strip(), hint=hint, again_in_s=wait_s)
