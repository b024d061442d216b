"""What the refusal of a piece of work says of it: by the SQLSTATE, and by contrast with what the database takes.

The SQLSTATEs are those of PostgreSQL's appendix “PostgreSQL Error Codes”. Few of them tell whether one message is at
fault or every message would be refused: a missing right (42501) concerns all, but also a trigger's own table that only
one value makes it write to. So a message is blamed only when it fails, the database then takes what it has taken
before (the witness), and the message fails again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import psycopg

from vitrine.logs import logger

_log = logger("collector")
#: So many times in a row a mishap befalls the same work before it is more than a mishap.
PATIENCE = 4

#: Writes in the caller's transaction, which is taken back, what the database would take of anybody.
Witness = Callable[[psycopg.Connection], None]


class Kind(Enum):
    """What a refusal may be laid to."""

    #: The server says that the data themselves are wrong.
    DATA = "data"
    #: The message or the state of the database: only contrast tells.
    UNCLEAR = "unclear"
    #: As a rule an accident or a load that passes; the message where it comes again and again with the same one.
    MISHAP = "mishap"
    #: Other work, or the server as a whole; waiting mends it.
    PASSING = "passing"


#: By the beginning of the SQLSTATE, the longest that fits; anything else is unclear.
_KINDS = {
    "22": Kind.DATA,  # data exception
    "23": Kind.DATA,  # integrity constraint violation
    "P0": Kind.DATA,  # PL/pgSQL: a trigger's own exception
    "08": Kind.MISHAP,  # connection exception
    "25P03": Kind.PASSING,  # the collector itself was idle for too long
    "25P04": Kind.MISHAP,  # the transaction took too long
    "28": Kind.PASSING,  # who may connect
    "3D": Kind.PASSING,  # no such database
    "40": Kind.PASSING,  # deadlock, serialization: another transaction came between
    "53": Kind.PASSING,  # disk full, too many connections
    "53000": Kind.MISHAP,  # insufficient resources
    "53200": Kind.MISHAP,  # out of memory, of shared memory too: fewer rows and chunks need less
    "53400": Kind.MISHAP,  # a limit of the configuration, such as TimescaleDB's of rows to decompress
    "55006": Kind.PASSING,  # object in use
    "55P03": Kind.PASSING,  # another holds the lock
    "57": Kind.PASSING,  # shutdown, start, crash of another's backend (57P02)
    "57014": Kind.MISHAP,  # cancelled, by hand or by statement_timeout: smaller batches may pass
    "58": Kind.MISHAP,  # the system's error: one block or file may be unreadable
}


def kind_of(error: Exception) -> Kind:
    """Return what an error may be laid to; one of ours, or of psycopg's reading of values, is unclear or the data's."""
    if not isinstance(error, psycopg.Error):
        return Kind.UNCLEAR
    state = error.sqlstate
    if state is None:
        # The server did not answer: a value that cannot be sent, a connection that ended.
        if isinstance(error, psycopg.DataError):
            return Kind.DATA
        return Kind.MISHAP if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else Kind.UNCLEAR
    return next((_KINDS[state[:end]] for end in (5, 2) if state[:end] in _KINDS), Kind.UNCLEAR)


@dataclass(slots=True)
class Suspicion:
    """What speaks against one piece of work."""

    error: Exception | None = None
    #: Mishaps in a row.
    mishaps: int = 0
    #: The database took the witness after the work had failed.
    contrasted: bool = False

    def add(self, error: Exception) -> None:
        """Note that the work failed."""
        self.error = error
        self.mishaps = self.mishaps + 1 if kind_of(error) is Kind.MISHAP else 0
        self.contrasted = self.contrasted and self.is_grave

    @property
    def is_grave(self) -> bool:
        """Tell whether the work may be at fault: it is to be divided, or contrasted where it is one message."""
        kind = None if self.error is None else kind_of(self.error)
        return kind in (Kind.DATA, Kind.UNCLEAR) or (kind is Kind.MISHAP and self.mishaps >= PATIENCE)

    @property
    def is_proven(self) -> bool:
        """Tell whether the work is at fault: the server says so, or it failed again after the witness was taken."""
        if self.error is None:
            return False
        return kind_of(self.error) is Kind.DATA or (self.contrasted and self.is_grave)

    def contrast(self, connection: psycopg.Connection, witness: Witness) -> None:
        """Ask whether the database takes the witness; where it refuses all alike, nothing speaks against the work."""
        try:
            with connection.transaction(force_rollback=True):
                witness(connection)
        except psycopg.Error as error:
            _log.info("database refuses all alike", work=reason_of(self.error), other=reason_of(error))
            self.error, self.mishaps = None, 0
        else:
            self.contrasted = True


def reason_of(error: Exception | None) -> str:
    """Say in English why the database refuses something, with the SQLSTATE where the data are not named."""
    if not isinstance(error, psycopg.Error):
        return f"{type(error).__name__}: {error}"
    words = error.diag.message_primary or str(error).strip()
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    state = f" [SQLSTATE {error.sqlstate}]" if error.sqlstate and kind_of(error) is not Kind.DATA else ""
    return f"{words}{detail}{state}"
