"""Migrations on all three editions: once, in order, one starter at a time, and never silently another way."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from vitrine.errors import ConfigurationError
from vitrine_database import job_schema, schema
from vitrine_database.connection import connect
from vitrine_database.edition import Edition
from vitrine_database.migration import migrate
from vitrine_database.status import status

ROLLUPS = ["bucket", "channel_id", "mean", "min", "max", "last", "count", "good"]


def test_a_new_database(empty, edition):
    before = status(empty)
    assert (before.edition, before.ready, before.measurements) == (None, False, None)
    steps = []
    state = migrate(empty, steps.append)
    assert state.ready
    assert state.edition == state.offered == edition
    assert list(state.migrations) == [step for step in steps if step[:4].isdigit()] == list(before.pending)
    assert state.roles == ("vitrine_api", "vitrine_grafana", "vitrine_reader", "vitrine_writer")
    assert state.roles_problem == ""


def test_again_there_is_nothing_to_do(migrated):
    steps = []
    assert migrate(migrated, steps.append).ready
    assert steps == []


def test_the_same_names_and_types_everywhere(database):
    for view in ("measurement_1min", "measurement_1h", "measurement_1d"):
        found = database.execute(f"SELECT * FROM {view}")
        assert [column.name for column in found.description] == ROLLUPS
        names = ["timestamptz", "int4", *["float8"] * 4, "int8", "int8"]
        assert [psycopg.adapters.types[column.type_code].name for column in found.description] == names
    indexes = database.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'measurement'").fetchall()
    assert any("UNIQUE" in text and '(channel_id, "time")' in text for (text,) in indexes)
    assert database.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)


def test_a_measured_value_is_never_changed(database):
    database.execute("INSERT INTO measurement VALUES ('2026-01-01', 1, 5, 1)")
    with pytest.raises(psycopg.errors.RestrictViolation, match="never changed"):
        database.execute("UPDATE measurement SET value = 6")
    database.execute("UPDATE measurement SET quality = 4, tests = 1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute("INSERT INTO measurement VALUES ('2026-01-01', 1, 7, 1)")
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("INSERT INTO measurement VALUES ('2026-01-02', 1, NULL, 1)")


def test_a_changed_migration_is_an_error(migrated):
    with connect(migrated) as connection:
        connection.execute("UPDATE schema_migration SET sha256 = 'other' WHERE name = '0001_start'")
    with pytest.raises(ConfigurationError) as caught:
        migrate(migrated)
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [("migration-changed", "0001_start")]


def test_a_database_of_a_newer_version_is_an_error(migrated, edition):
    with connect(migrated) as connection:
        connection.execute("INSERT INTO schema_migration VALUES ('9999_future', %s, 'x')", (edition,))
    with pytest.raises(ConfigurationError, match="newer Vitrine, which knows 9999_future"):
        migrate(migrated)


@pytest.mark.parametrize("edition", ["plain", "apache"], indirect=True)
def test_starters_at_the_same_time_do_not_collide(empty):
    steps: list[list[str]] = [[] for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda mine: migrate(empty, mine.append), steps))
    assert all(state.ready for state in states)
    taken = [step for mine in steps for step in mine]
    assert len(taken) == len(set(taken))
    assert sum(bool(mine) for mine in steps) == 1


@pytest.mark.plain
def test_a_step_that_fails_leaves_nothing_behind(plain_empty, monkeypatch):
    steps = schema.migrations(Edition.PLAIN)
    broken = schema.Migration("0004_broken", "CREATE TABLE half (x int); SELECT 1 / 0", "x")
    monkeypatch.setattr("vitrine_database.migration.migrations", lambda edition: [*steps, broken])
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(plain_empty)
    with connect(plain_empty) as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)
        assert "0004_broken" not in schema.applied(connection)


@pytest.mark.plain
def test_tables_of_somebody_else_are_not_touched(plain_empty):
    with connect(plain_empty) as connection:
        connection.execute("CREATE TABLE measurement (mine int)")
    with pytest.raises(ConfigurationError, match="something of its own"):
        migrate(plain_empty)


@pytest.mark.plain
def test_a_queue_of_somebody_else_is_not_touched(plain_migrated):
    with connect(plain_migrated) as connection:
        connection.execute("DELETE FROM job_schema")
    with pytest.raises(ConfigurationError, match="did not make"):
        migrate(plain_migrated)


@pytest.mark.plain
def test_an_older_queue_is_brought_on_by_its_own_migrations(plain_migrated):
    assert list(job_schema._between("3.3.9", "3.4.0")) == [
        "03.04.00_01_pre_add_retry_failed_job_procedure",
        "03.04.00_50_post_add_retry_failed_job_procedure",
    ]
    with connect(plain_migrated) as connection:
        connection.execute("UPDATE job_schema SET version = '99.0.0'")
        assert job_schema.ensure(connection) == []
        assert connection.execute("SELECT version FROM job_schema").fetchone() == ("99.0.0",)


@pytest.mark.plain
def test_an_edition_that_the_server_lacks(plain_empty):
    with pytest.raises(ConfigurationError, match="offers the edition “plain”, not “community”"):
        migrate(plain_empty, edition=Edition.COMMUNITY)


@pytest.mark.plain
def test_an_edition_is_for_good(plain_migrated):
    with pytest.raises(ConfigurationError, match="cannot become “apache”"):
        migrate(plain_migrated, edition=Edition.APACHE)


@pytest.mark.parametrize("edition", ["apache", "community"], indirect=True)
def test_a_server_with_timescale_may_be_used_without(empty):
    state = migrate(empty, edition=Edition.PLAIN)
    assert (state.edition, state.offered, state.timescale_available) == ("plain", "plain", True)
    assert migrate(empty).edition == "plain"


@pytest.mark.parametrize("edition", ["apache"], indirect=True)
def test_a_user_who_may_not_create_the_extension(empty):
    with connect(empty) as connection:
        connection.execute("DROP ROLE IF EXISTS humble")
        connection.execute("CREATE ROLE humble LOGIN")
        (name,) = connection.execute("SELECT current_database()").fetchone()
        connection.execute(f'GRANT CREATE ON SCHEMA public TO humble; GRANT CREATE ON DATABASE "{name}" TO humble')
    try:
        migrate(empty.replace("postgres@", "humble@"), edition=Edition.PLAIN)
    finally:
        with connect(empty) as connection:
            connection.execute("DROP OWNED BY humble; DROP ROLE humble")
