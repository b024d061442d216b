"""Template databases: built once, cloned for each test."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from .community import community_server
from .model import Server

_built: dict[tuple[Path, int, str], "Template"] = {}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Template:
    """A database that is never connected to, only copied."""

    name: str
    folder: Path | None = None  # of the community edition, whose database is a whole folder


def template(server: Server, name: str, build: Callable[[str], None]) -> Template:
    """Return the template `name` of `server`; the first time, `build` fills it and gets its connection string.

    Roles belong to the server, not to a database: `build` must expect those of an earlier template, except in the
    community edition, where each template and each clone is a server of its own.
    """
    key = (server.folder, server.pid, name)
    if key not in _built:
        _built[key] = (_build_folder if server.edition == "community" else _build_database)(server, name, build)
    return _built[key]


@contextmanager
def clone(server: Server, source: Template) -> Iterator[str]:
    """Give a fresh copy of a template: its connection string. The copy is dropped afterwards."""
    number = next(_numbers)
    if source.folder is not None:
        with _clone_folder(source.folder, server.folder / f"clone-{number}") as dsn:
            yield dsn
        return
    name = sql.Identifier(f"clone_{number}")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(source.name)))
    try:
        yield server.database(f"clone_{number}")
    finally:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _build_database(server: Server, name: str, build: Callable[[str], None]) -> Template:
    database = sql.Identifier(f"template_{name}")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    build(server.database(f"template_{name}"))
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        # A connection that `build` left open would keep every clone from being made.
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (f"template_{name}",)
        )
    return Template(f"template_{name}")


def _build_folder(server: Server, name: str, build: Callable[[str], None]) -> Template:
    folder = server.folder / f"template-{name}"
    with community_server(folder) as alone:
        build(alone.dsn)
    return Template(name, folder)


@contextmanager
def _clone_folder(source: Path, copy: Path) -> Iterator[str]:
    shutil.copytree(source, copy)
    try:
        with community_server(copy, kept=False) as server:
            yield server.dsn
    finally:
        shutil.rmtree(copy)
