"""A backup is worth what its restore is: the restored database holds the same, row by row, and works."""

import psycopg
import pytest
from typer.testing import CliRunner

from tests.database.test_upgrades import rolled, shown, walk
from tests.servers.templates import clone, template
from vitrine.errors import ConfigurationError
from vitrine_database import backup as copies
from vitrine_database import rollup
from vitrine_database.commands import database as app
from vitrine_database.connection import connect
from vitrine_database.migration import migrate
from vitrine_database.status import status

EDITIONS = [
    pytest.param("plain_server", marks=pytest.mark.plain),
    pytest.param("apache_server", marks=pytest.mark.apache),
]
ROWS = "SELECT time, channel_id, value, quality, tests FROM measurement ORDER BY channel_id, time"


def seed(connection):
    connection.execute("INSERT INTO installation (slug, name) VALUES ('essai', '{}')")
    connection.execute(
        "INSERT INTO measurement SELECT timestamptz '2026-01-01' + n * interval '1 h', n %% 3 + 1, n, 1"
        " FROM generate_series(1, 2000) n",
        [],
    )


@pytest.fixture(params=EDITIONS)
def server(request):
    return request.getfixturevalue(request.param)


def test_what_is_restored_is_what_was_there_and_goes_on(server, tmp_path):
    empty, full = template(server, "empty", lambda url: None), template(server, "migrated", migrate)
    with clone(server, full) as source, clone(server, empty) as target:
        with connect(source) as connection:
            seed(connection)
            before = connection.execute(ROWS).fetchall()
        file = tmp_path / "vitrine.dump"
        seen = []
        assert copies.backup(source, file, seen.append) == file.stat().st_size > 10_000
        assert [path.name for path in tmp_path.iterdir()] == ["vitrine.dump"]
        told = CliRunner().invoke(app, ["restore", str(file), "--url", target], env={"LC_ALL": "en", "COLUMNS": "200"})
        assert told.exit_code == 0, told.exception
        assert "2000 measurements" in told.stdout
        with connect(target) as connection:
            assert connection.execute(ROWS).fetchall() == before
            connection.execute("INSERT INTO measurement VALUES ('2026-06-01', 1, 2, 1)")
            rolled = "SELECT sum(count) FROM measurement_1h"
            assert connection.execute(rolled).fetchone()[0] == 2001
            with pytest.raises(psycopg.Error, match="never changed"):
                connection.execute("UPDATE measurement SET value = 3")


def test_a_backup_of_an_earlier_version_is_brought_to_this_one(server, tmp_path):
    empty = template(server, "empty", lambda url: None)
    with clone(server, empty) as source, clone(server, empty) as target:
        with connect(source) as connection:
            walk(connection, server.edition, 7)
            before = connection.execute(ROWS).fetchall()
        copies.backup(source, tmp_path / "old.dump")
        told = CliRunner().invoke(app, ["restore", str(tmp_path / "old.dump"), "--url", target], env={"LC_ALL": "en"})
        assert told.exit_code == 0, told.exception
        assert status(target).ready
        with connect(target) as connection:
            assert connection.execute(ROWS).fetchall() == before
            rollup.refresh_stale(connection)
            assert shown(connection) == rolled(connection)


@pytest.mark.plain
def test_a_backup_of_a_newer_version_is_told(plain_server, plain_migrated, plain_empty, tmp_path):
    with connect(plain_migrated) as connection:
        connection.execute("INSERT INTO schema_migration VALUES ('9999_future', 'plain', 'x')")
    copies.backup(plain_migrated, tmp_path / "new.dump")
    told = CliRunner().invoke(app, ["restore", str(tmp_path / "new.dump"), "--url", plain_empty], env={"LC_ALL": "en"})
    assert isinstance(told.exception, ConfigurationError)
    assert "newer Vitrine, which knows 9999_future" in str(told.exception)


@pytest.mark.plain
def test_a_restore_overwrites_nothing(plain_migrated, tmp_path):
    file = tmp_path / "vitrine.dump"
    told = CliRunner().invoke(
        app, ["backup", str(file), "--url", plain_migrated], env={"LC_ALL": "fr", "COLUMNS": "200"}
    )
    assert told.exit_code == 0
    assert "Sauvegarde écrite" in told.stdout
    with pytest.raises(ConfigurationError, match="not empty"):
        copies.restore(plain_migrated, file)
    with pytest.raises(ConfigurationError, match="exists already"):
        copies.backup(plain_migrated, file)


@pytest.mark.plain
def test_files_that_cannot_be(plain_empty, tmp_path):
    (tmp_path / "note.txt").write_text("not a backup")
    with pytest.raises(ConfigurationError, match="is not a backup"):
        copies.restore(plain_empty, tmp_path / "note.txt")
    with pytest.raises(ConfigurationError, match="there is no file"):
        copies.restore(plain_empty, tmp_path / "none")
    with pytest.raises(ConfigurationError, match="there is no folder"):
        copies.backup(plain_empty, tmp_path / "none" / "file")


@pytest.mark.plain
def test_a_failed_backup_leaves_no_file(plain_migrated, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "program", lambda _: "/bin/false")
    with pytest.raises(ConfigurationError, match="false failed"):
        copies.backup(plain_migrated, tmp_path / "vitrine.dump")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_not_there_says_where_it_comes_from():
    with pytest.raises(ConfigurationError, match="pg_nothing is not installed here"):
        copies.program("pg_nothing")
