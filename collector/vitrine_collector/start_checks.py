"""What must hold of a database before a collector writes to it: tables, version, edition, rights."""

from __future__ import annotations

import psycopg

from vitrine.errors import ConfigurationError
from vitrine_database import edition, schema
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/service.sql")


def check_database(connection: psycopg.Connection) -> None:
    """Raise ConfigurationError, which says what is wrong and what to do, where the collector could not write."""
    row = connection.execute(_SQL["missing_tables"]).fetchone()
    if row is not None and row[0]:
        raise ConfigurationError(
            f"the database lacks what the collector writes to: {', '.join(row[0])}",
            hint="Run: vitrine database migrate",
        )
    _check_edition(connection)
    row = connection.execute(_SQL["missing_rights"]).fetchone()
    if row is not None and row[0]:
        user, tables = row[1], ", ".join(row[0])
        raise ConfigurationError(
            f"the user “{user}” may not write to: {tables}",
            hint=f'Let the owner of the database run: GRANT vitrine_writer TO "{user}"',
        )


def _check_edition(connection: psycopg.Connection) -> None:
    made_for, offered = edition.in_force(connection), edition.offered(connection)
    ranks = list(edition.Edition)
    if made_for is not None and ranks.index(made_for) > ranks.index(offered):
        raise ConfigurationError(
            f"the schema was made for the edition “{made_for}”, and this server offers “{offered}”",
            hint="Connect to a server with that edition of TimescaleDB, and load it: shared_preload_libraries.",
        )
    schema.check(connection, made_for)
