"""Background work of the Community edition: refresh of the rollups, and columns instead of rows for old chunks."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import psycopg

from vitrine.errors import ConfigurationError
from vitrine_database.edition import Edition, in_force
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/policies.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What is set; the window of refresh must be longer than the longest outage of a gateway."""

    columnstore_after: datetime.timedelta = datetime.timedelta(days=7)
    refresh_window: datetime.timedelta = datetime.timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy as the server holds it."""

    job: int
    kind: str
    target: str
    every: datetime.timedelta
    settings: dict[str, object]
    last_status: str | None
    last_success: datetime.datetime | None
    next_start: datetime.datetime | None
    failures: int


def apply(connection: psycopg.Connection, policies: Policies) -> None:
    """Set the policies in place of those there are; ConfigurationError where the edition has none."""
    if in_force(connection) is not Edition.COMMUNITY:
        raise ConfigurationError(
            "this database has no policies: its schema is not made for TimescaleDB Community",
            hint="Rollups are views here and always right; there is nothing to set.",
        )
    with connection.transaction():
        connection.execute(_QUERIES["remove"])
        connection.execute(_QUERIES["remove_columnstore"])
        connection.execute(_QUERIES["refresh"], {"window": policies.refresh_window})
        connection.execute(_QUERIES["columnstore"], {"after": policies.columnstore_after})


def present(connection: psycopg.Connection) -> list[Policy]:
    """Return the policies of this database; none on other editions."""
    if in_force(connection) is not Edition.COMMUNITY:
        return []
    names = ("job", "kind", "target", "every", "settings", "last_status", "last_success", "next_start", "failures")
    rows = connection.execute(_QUERIES["present"]).fetchall()
    return [Policy(**dict(zip(names, row, strict=True))) for row in rows]
