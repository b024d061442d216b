"""Bring a database to the schema of this version: every step once, one starter at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from vitrine.errors import ConfigurationError
from vitrine_database import edition as editions
from vitrine_database import job_schema, policy, roles
from vitrine_database.connection import connect
from vitrine_database.edition import Edition
from vitrine_database.queries import Queries
from vitrine_database.schema import Migration, Stage, applied, migrations, pending, wanted
from vitrine_database.status import Status, status_of

_QUERIES = Queries("vitrine_database", "sql/server.sql")
#: How long a starter waits for another one's migration.
_LOCK_WAIT = "60s"
#: Multiranges came with PostgreSQL 14, triggers that see a hypertable's rows with TimescaleDB 2.18, refresh policies in
#: one batch with 2.20.
_LEAST_SERVER = 140_000
_LEAST_TIMESCALE = {Edition.APACHE: (2, 18), Edition.COMMUNITY: (2, 20)}


def migrate(
    url: str,
    progress: Callable[[str], None] | None = None,
    *,
    edition: Edition | None = None,
    stage: Stage | None = None,
) -> Status:
    """Apply what is missing and return the state after it; `progress` is told each step before it is taken.

    A new schema is made for the best edition that the server offers, or for `edition` where it is given. `stage` takes
    only the steps before the software's upgrade, or only those after it. What an interrupted run has done is not done
    again.
    """
    tell = progress or (lambda _: None)
    with connect(url, name="vitrine migrate") as connection, _alone(connection):
        target = _target(connection, edition)
        _check_versions(connection, target)
        done = applied(connection)
        for step in wanted(pending(migrations(target), done), stage):
            tell(step.name)
            _take(connection, step, target)
        if stage == "post":
            return status_of(connection)
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


def _check_versions(connection: psycopg.Connection, target: Edition) -> None:
    row = connection.execute(_QUERIES["versions"]).fetchone()
    assert row is not None
    number, server, timescale = row
    if number < _LEAST_SERVER:
        raise ConfigurationError(
            f"PostgreSQL {server} is too old", hint=f"Install version {_LEAST_SERVER // 10_000} or a newer one."
        )
    least = _LEAST_TIMESCALE.get(target, (0, 0))
    if target is not Edition.PLAIN and tuple(map(int, re.findall(r"\d+", timescale)[:2])) < least:
        words = ".".join(map(str, least))
        raise ConfigurationError(
            f"TimescaleDB {timescale} is too old for the edition “{target}”",
            hint=f"Install version {words} or a newer one, then: ALTER EXTENSION timescaledb UPDATE",
        )


def _take(connection: psycopg.Connection, step: Migration, edition: Edition) -> None:
    held = {"name": step.name, "edition": edition.value, "sha256": step.sha256, "stage": step.stage}
    try:
        if not step.transactional:
            # Noted at the end: where one of them fails, all are run again the next time, which does no harm.
            for statement in step.statements():
                connection.execute(statement)
        with connection.transaction():
            connection.execute(_QUERIES["schema_table"])
            connection.execute(_QUERIES["schema_table_stage"])
            if step.transactional:
                connection.execute(step.sql)
            connection.execute(_QUERIES["record"], held)
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
    except psycopg.OperationalError as error:
        if not connection.broken:
            raise
        raise ConfigurationError(
            f"the connection ended in the middle of {step.name}: {str(error).strip()}",
            hint="Run it again: what was done stays done, and it goes on from there.",
        ) from error
