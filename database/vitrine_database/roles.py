"""Roles of readers and writers, with the least rights that each needs; made again at every migration."""

from __future__ import annotations

import psycopg

from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/roles.sql")

#: Reads what Grafana shows; reads everything but accounts and rejected messages; that and accounts, and asks for
#: datasets; reads and writes what services do.
ROLES = ("vitrine_api", "vitrine_grafana", "vitrine_reader", "vitrine_writer")


def ensure(connection: psycopg.Connection) -> str:
    """Create the roles and grant their rights; return why that was not possible, or ''."""
    try:
        connection.execute(_QUERIES["close"])
        with connection.transaction():
            connection.execute(_QUERIES["create"])
            connection.execute(_QUERIES["grant"])
    except psycopg.errors.InsufficientPrivilege as error:
        return error.diag.message_primary or str(error)
    return ""


def present(connection: psycopg.Connection) -> list[str]:
    """Return which of the roles the server has."""
    return [name for (name,) in connection.execute(_QUERIES["present"]).fetchall()]
