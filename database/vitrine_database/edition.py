"""The three editions of the database that Vitrine runs on, told apart at run time."""

from __future__ import annotations

from enum import StrEnum

import psycopg

from vitrine.errors import ConfigurationError
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/server.sql")


class Edition(StrEnum):
    """What the server can do with time series; the names of tables and views are the same on all."""

    #: PostgreSQL without TimescaleDB: one table, rollups are views.
    PLAIN = "plain"
    #: TimescaleDB under the Apache licence: hypertables; rollups are views.
    APACHE = "apache"
    #: TimescaleDB under the Timescale licence: columnstore, continuous aggregates, policies.
    COMMUNITY = "community"


def offered(connection: psycopg.Connection) -> Edition:
    """Return the edition that this database offers, whether its schema uses it or not."""
    row = connection.execute(_QUERIES["timescale"]).fetchone()
    assert row is not None
    installed, licence = row
    if installed is None:
        return Edition.PLAIN
    return Edition.COMMUNITY if licence == "timescale" else Edition.APACHE


def in_force(connection: psycopg.Connection) -> Edition | None:
    """Return the edition that the schema was made for; None before the first migration."""
    row = connection.execute(_QUERIES["has_schema"]).fetchone()
    if row != (True,):
        return None
    row = connection.execute(_QUERIES["schema_edition"]).fetchone()
    return Edition(row[0]) if row else None


def prepare(connection: psycopg.Connection, wished: Edition | None = None) -> Edition:
    """Create the TimescaleDB extension where the server has it, and return the edition to make the schema for.

    A schema stays what it was made for, so a server that has TimescaleDB and does not give it is an error, unless
    `wished` asks for less.
    """
    if wished is not Edition.PLAIN:
        _add_timescale(connection)
    found = offered(connection)
    ranks = list(Edition)
    if wished and ranks.index(wished) > ranks.index(found):
        raise ConfigurationError(
            f"this database offers the edition “{found}”, not “{wished}”",
            hint="Install TimescaleDB on the server, or migrate without --edition.",
        )
    return wished or found


def _add_timescale(connection: psycopg.Connection) -> None:
    row = connection.execute(_QUERIES["timescale_available"]).fetchone()
    assert row is not None
    available, installed, loaded = row
    if installed or not available:
        return
    if not loaded:  # creating the extension now would end the connection
        raise ConfigurationError(
            "the server has TimescaleDB, but does not load it",
            hint="Set shared_preload_libraries = 'timescaledb' and restart the server,"
            " or go on without it for good: --edition plain",
        )
    try:
        connection.execute(_QUERIES["timescale_create"])
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            "the server has TimescaleDB, but this user may not create the extension",
            hint="Let an administrator run: CREATE EXTENSION timescaledb;"
            " or go on without it for good: --edition plain",
        ) from error
