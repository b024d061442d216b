"""A backup is worth what its restore is: the restored database holds the same, row by row, and works."""

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from tests.database import test_retention as retained
from tests.database.test_upgrades import objects, rolled, shown, walk
from tests.servers.templates import clone, template
from vitrine.errors import ConfigurationError
from vitrine_database import backup as copies
from vitrine_database import policy, retention, rollup
from vitrine_database.commands import database as app
from vitrine_database.connection import connect
from vitrine_database.migration import migrate
from vitrine_database.status import status

EDITIONS = [
    pytest.param("plain_server", marks=pytest.mark.plain),
    pytest.param("apache_server", marks=pytest.mark.apache),
    pytest.param("community_server", marks=pytest.mark.community),
]
ROWS = "SELECT time, channel_id, value, quality, tests FROM measurement ORDER BY channel_id, time"


#: In the names that PostgreSQL 18 gives to constraints NOT NULL, and makes up anew where they are made again.
MADE_UP = "_not_null"


def schema(connection):
    """Return everything in the schema, with the rights on it."""
    return [row for row in objects(connection) if not (row[0] == "constraint" and MADE_UP in row[2])]


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


@pytest.mark.parametrize("server", EDITIONS[:2], indirect=True)
def test_what_is_restored_is_what_was_there_and_goes_on(server, tmp_path):
    empty, full = template(server, "empty", lambda url: None), template(server, "migrated", migrate)
    with clone(server, full) as source, clone(server, empty) as target:
        with connect(source) as connection:
            seed(connection)
            before, built = connection.execute(ROWS).fetchall(), schema(connection)
        file = tmp_path / "vitrine.dump"
        seen = []
        assert copies.backup(source, file, seen.append) == file.stat().st_size > 10_000
        assert [path.name for path in tmp_path.iterdir()] == ["vitrine.dump"]
        told = CliRunner().invoke(app, ["restore", str(file), "--url", target], env={"LC_ALL": "en", "COLUMNS": "200"})
        assert told.exit_code == 0, told.exception
        assert "2000 measurements" in told.stdout
        with connect(target) as connection:
            assert connection.execute(ROWS).fetchall() == before
            assert schema(connection) == built
            connection.execute("INSERT INTO measurement VALUES ('2026-06-01', 1, 2, 1)")
            rolled = "SELECT sum(count) FROM measurement_1h"
            assert connection.execute(rolled).fetchone()[0] == 2001
            with pytest.raises(psycopg.Error, match="never changed"):
                connection.execute("UPDATE measurement SET value = 3")


@pytest.mark.community
def test_columns_rollups_and_policies_come_back(community_server, tmp_path):
    """Half in columns, some days dropped, rollups computed up to a day, a late value not yet in them, own policies."""
    empty, full = template(community_server, "empty", lambda url: None), template(community_server, "migrated", migrate)
    with clone(community_server, full) as source, clone(community_server, empty) as target:
        with connect(source) as connection:
            before = _lived(connection)
        copies.backup(source, tmp_path / "x.dump")
        told = CliRunner().invoke(app, ["restore", str(tmp_path / "x.dump"), "--url", target], env={"LC_ALL": "en"})
        assert told.exit_code == 0, told.exception
        with connect(target) as connection:
            rollups = before.pop("rollups")
            assert _held(connection) == before
            retained.same(retained.shown(connection), rollups)
            with pytest.raises(psycopg.Error, match="never changed"):
                connection.execute("UPDATE measurement SET value = 3")
            _goes_on(connection)


def _lived(connection):
    retained.catalogue(connection)
    retained.write(connection, retained.rows_of(range(20)))
    policy.apply(connection, policy.Policies(columnstore_after=5 * retained.DAY))
    rollup.refresh(connection, retained.FIRST, retained.FIRST + 15 * retained.DAY)
    old = connection.execute(
        "SELECT show_chunks('measurement', older_than => %s)", (retained.TODAY - 3 * retained.DAY,)
    )
    for (chunk,) in old.fetchall():
        connection.execute(sql.SQL("CALL convert_to_columnstore({})").format(chunk))
    retention.set_rule(connection, "first", 10 * retained.DAY)
    retention.apply(connection)
    retained.write(connection, [(retained.FIRST + 11.5 * retained.DAY, 3, 5.0, 1)])
    return _held(connection) | {"rollups": retained.shown(connection)}


def _held(connection):
    chunks = "SELECT chunk_name, is_compressed FROM timescaledb_information.chunks ORDER BY 1"
    marks = "SELECT * FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log ORDER BY 1, 2, 3"
    return {
        "values": connection.execute(ROWS).fetchall(),
        "schema": schema(connection),
        "chunks": connection.execute(chunks).fetchall(),
        "marks": connection.execute(marks).fetchall(),
        "policies": policy.present(connection),
        "drops": retention.drops(connection),
    }


def _goes_on(connection):
    """What came late before the backup and what comes after the restore reach the rollups by the policies."""
    retained.write(connection, [(retained.FIRST + 12.5 * retained.DAY, 3, 6.0, 1)])
    stored = "SELECT good FROM live_1min WHERE channel_id = 3 AND bucket = date_trunc('minute', %s::timestamptz)"
    late = [(retained.FIRST + day * retained.DAY,) for day in (11.5, 12.5)]
    assert [connection.execute(stored, moment).fetchone() for moment in late] == [None, None]
    for job in policy.present(connection):
        connection.execute("CALL run_job(%s)", (job.job,))
    assert [connection.execute(stored, moment).fetchone() for moment in late] == [(1,), (1,)]
    connection.execute("SET ROLE vitrine_reader")
    assert connection.execute("SELECT sum(count) FROM measurement_1d").fetchone() == (3202,)
    connection.execute("RESET ROLE")


@pytest.mark.apache
def test_a_restore_that_fails_says_what_to_do_with_its_database(apache_server, tmp_path):
    empty, full = template(apache_server, "empty", lambda url: None), template(apache_server, "migrated", migrate)
    file = tmp_path / "vitrine.dump"
    with clone(apache_server, full) as source:
        copies.backup(source, file)
    file.write_bytes(file.read_bytes()[:-2000])
    with clone(apache_server, empty) as target, pytest.raises(ConfigurationError, match="pg_restore failed") as told:
        copies.restore(target, file)
    assert "drop this database, of which a part is filled" in str(told.value.hint)


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
