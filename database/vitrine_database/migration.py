"""Bring a database to the schema of this version: every step once, one starter at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from vitrine.errors import ConfigurationError
from vitrine_database import edition as editions
from vitrine_database import job_schema, policy, roles
from vitrine_database.connection import connect
from vitrine_database.edition import Edition
from vitrine_database.queries import Queries
from vitrine_database.schema import Migration, applied, migrations, pending
from vitrine_database.status import Status, status_of

_QUERIES = Queries("vitrine_database", "sql/server.sql")
#: How long a starter waits for another one's migration.
_LOCK_WAIT = "60s"


def migrate(url: str, progress: Callable[[str], None] | None = None, *, edition: Edition | None = None) -> Status:
    """Apply what is missing and return the state after it; `progress` is told each step before it is taken.

    A new schema is made for the best edition that the server offers, or for `edition` where it is given.
    """
    tell = progress or (lambda _: None)
    with connect(url, name="vitrine migrate") as connection, _alone(connection):
        target = _target(connection, edition)
        done = applied(connection)
        for step in pending(migrations(target), done):
            tell(step.name)
            _take(connection, step, target)
        for name in job_schema.ensure(connection):
            tell(name)
        if target is Edition.COMMUNITY and not policy.present(connection):
            tell("policies")
            policy.apply(connection, policy.Policies())
        return status_of(connection, roles_problem=roles.ensure(connection))


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute(_QUERIES["lock_timeout"], {"wait": _LOCK_WAIT})
    try:
        connection.execute(_QUERIES["lock"])
    except psycopg.errors.LockNotAvailable as error:
        raise ConfigurationError(
            "another migration of this database is running and does not end",
            hint="Look for it with: SELECT * FROM pg_stat_activity WHERE application_name = 'vitrine migrate'",
        ) from error
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute(_QUERIES["unlock"])


def _target(connection: psycopg.Connection, wished: Edition | None) -> Edition:
    """Return the edition to migrate for; a schema stays with the one it was made for."""
    held = editions.in_force(connection)
    if held is None:
        return editions.prepare(connection, wished)
    if wished not in (None, held):
        raise ConfigurationError(
            f"the schema was made for the edition “{held}” and cannot become “{wished}”",
            hint="Make a new database for the other edition, and move the data there.",
        )
    return editions.prepare(connection, held)


def _take(connection: psycopg.Connection, step: Migration, edition: Edition) -> None:
    try:
        with connection.transaction():
            connection.execute(_QUERIES["schema_table"])
            connection.execute(step.sql)
            connection.execute(_QUERIES["record"], {"name": step.name, "edition": edition.value, "sha256": step.sha256})
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"this user may not change the schema: {error.diag.message_primary}",
            hint="Migrate as the owner of the database: ALTER DATABASE … OWNER TO …",
        ) from error
    except (psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject) as error:
        raise ConfigurationError(
            f"the database holds something of its own where {step.name} wants to build: {error.diag.message_primary}",
            hint="Give Vitrine a database of its own.",
        ) from error
