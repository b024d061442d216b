"""The state of a database: edition, sizes, what is missing, who may do what."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import psycopg

from vitrine_database import edition as editions
from vitrine_database import policy, roles
from vitrine_database.connection import connect
from vitrine_database.edition import Edition
from vitrine_database.lag import Advice, Lag, advice, lag
from vitrine_database.policy import Policy
from vitrine_database.queries import Queries
from vitrine_database.schema import applied, migrations, pending

_QUERIES = Queries("vitrine_database", "sql/status.sql")
_SERVER = Queries("vitrine_database", "sql/server.sql")
#: Below this size rows are counted; above it the planner's estimate is good enough.
_COUNT_BELOW_BYTES = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the connected user may do."""

    migrate: bool
    write: bool
    read: bool
    make_roles: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """How much there is."""

    rows: int
    #: True where `rows` is the planner's estimate.
    estimated: bool
    bytes: int
    chunks: int = 0
    chunks_in_columns: int = 0
    #: Bytes of rows for each byte of columns; None where nothing is in columns.
    compression: float | None = None
    installations: int = 0
    gateways: int = 0
    channels: int = 0
    #: Time of the newest value.
    newest: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `vitrine database status` tells."""

    database: str
    user: str
    server_version: str
    timescale_version: str | None
    #: Whether the server has TimescaleDB, in use or not.
    timescale_available: bool
    #: What this database offers, and what the schema was made for (None before the first migration).
    offered: Edition
    edition: Edition | None
    database_bytes: int
    #: A standby, which can be read only.
    standby: bool
    migrations: tuple[str, ...]
    pending: tuple[str, ...]
    rights: Rights
    roles: tuple[str, ...]
    policies: tuple[Policy, ...]
    #: None before the first migration, or where this user may not read.
    measurements: Measurements | None
    #: Why the last migration could not make the roles; '' where it could, or was not asked.
    roles_problem: str = ""
    #: Steps that come after the software's upgrade, and are among those pending.
    pending_post: tuple[str, ...] = ()
    #: None before the first migration, or where this user may not see it.
    lag: Lag | None = None
    advice: tuple[Advice, ...] = ()

    @property
    def ready(self) -> bool:
        """True where this version can work with the schema."""
        return self.edition is not None and set(self.pending) <= set(self.pending_post)


def status(url: str) -> Status:
    """Return the state of a database; ConfigurationError where it cannot be reached."""
    with connect(url, name="vitrine status") as connection:
        return status_of(connection)


def status_of(connection: psycopg.Connection, *, roles_problem: str = "") -> Status:
    """Return the state of the database that a connection is open to."""
    server_version, database, user, size, standby = _row(connection, "server")
    migrate, write, read, make_roles = _row(connection, "rights")
    rights = Rights(migrate=migrate, write=write, read=read, make_roles=bool(make_roles))
    offered, in_force = editions.offered(connection), editions.in_force(connection)
    done = applied(connection)
    timescale = connection.execute(_SERVER["timescale"]).fetchone()
    available = connection.execute(_SERVER["timescale_available"]).fetchone()
    missing = pending(migrations(in_force or offered), done)
    found, set_up = roles.present(connection), policy.present(connection)
    current = bool(in_force) and not any(step.stage == "pre" for step in missing)
    behind = lag(connection, in_force) if current and in_force and rights.read else None
    now = datetime.datetime.now(datetime.UTC)
    return Status(
        database=database,
        user=user,
        server_version=server_version,
        timescale_version=timescale[0] if timescale else None,
        timescale_available=bool(available and available[0]),
        offered=offered,
        edition=in_force,
        database_bytes=size,
        standby=standby,
        migrations=tuple(done),
        pending=tuple(step.name for step in missing),
        pending_post=tuple(step.name for step in missing if step.stage == "post"),
        rights=rights,
        roles=tuple(found),
        policies=tuple(set_up),
        measurements=_measurements(connection, in_force) if in_force and rights.read else None,
        roles_problem=roles_problem,
        lag=behind,
        advice=tuple(advice(behind, set_up, in_force, found, now)) if current else (),
    )


def _measurements(connection: psycopg.Connection, edition: Edition) -> Measurements:
    plain = edition is Edition.PLAIN
    size, rows = _row(connection, "measurements_plain" if plain else "measurements_timescale")
    counted = size is not None and size < _COUNT_BELOW_BYTES
    if counted:
        (rows,) = _row(connection, "measurements_counted")
    chunks, in_columns = (0, 0) if plain else _row(connection, "chunks")
    before, after = _row(connection, "compression") if in_columns else (None, None)
    installations, gateways, channels, newest = _row(connection, "catalogue")
    return Measurements(
        rows=max(rows, 0),
        estimated=not counted,
        bytes=size or 0,
        chunks=chunks,
        chunks_in_columns=in_columns,
        compression=before / after if before and after else None,
        installations=installations,
        gateways=gateways,
        channels=channels,
        newest=newest,
    )


def _row(connection: psycopg.Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(_QUERIES[query]).fetchone()
    assert row is not None
    return row
