"""The tables of the job queue, which procrastinate brings and moves on with its own SQL."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager

from vitrine.errors import ConfigurationError
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/jobs.sql")


def ensure(connection: psycopg.Connection) -> list[str]:
    """Make the queue's tables, or bring them to the installed version; return the steps taken."""
    installed = version("procrastinate")
    row = connection.execute(_QUERIES["exists"]).fetchone()
    held = _held(connection)
    if row != (True,):
        steps: dict[str, str] = {f"procrastinate {installed}": SchemaManager.get_schema()}
    elif held is None:
        raise ConfigurationError(
            "the database holds tables of procrastinate that Vitrine did not make",
            hint="Give Vitrine a database of its own.",
        )
    else:
        steps = _between(held, installed)
    with connection.transaction():
        for sql in steps.values():
            connection.execute(sql)
        if held is None or _numbers(held) < _numbers(installed):
            connection.execute(_QUERIES["note"], {"version": installed})
    return list(steps)


def _held(connection: psycopg.Connection) -> str | None:
    connection.execute(_QUERIES["table"])
    row = connection.execute(_QUERIES["held"]).fetchone()
    return str(row[0]) if row else None


def _between(held: str, installed: str) -> dict[str, str]:
    """Return procrastinate's own migrations after one version, up to another."""
    found: dict[str, str] = {}
    for path in sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql")):
        if _numbers(held) < _numbers(path.name.partition("_")[0]) <= _numbers(installed):
            found[path.stem] = path.read_text(encoding="utf-8")
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3])
