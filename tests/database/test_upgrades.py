"""Upgrades: from every earlier schema with data in it, before and after the software's upgrade, interrupted or not."""

import datetime

import psycopg
import pytest

from tests.servers.fixtures import clone, template
from vitrine.errors import ConfigurationError
from vitrine_database import migration, policy, rollup, schema
from vitrine_database.connection import connect
from vitrine_database.edition import Edition, in_force, prepare
from vitrine_database.migration import migrate
from vitrine_database.status import status

NUMBERS = {edition: len(schema.migrations(Edition(edition))) for edition in ("plain", "apache", "community")}
#: Each edition from each number; the slow one in WebAssembly where its schema is another one than before.
STARTS = [
    *(pytest.param("plain", number, marks=pytest.mark.plain) for number in range(1, NUMBERS["plain"])),
    *(pytest.param("apache", number, marks=pytest.mark.apache) for number in range(1, NUMBERS["apache"], 3)),
    *(pytest.param("community", number, marks=pytest.mark.community) for number in (2, 11)),
]
START = datetime.datetime(2026, 3, 7, 22, 0, tzinfo=datetime.UTC)
OBJECTS = """
WITH own AS (
    SELECT c.oid, c.relname, c.relkind, c.relacl FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'column', relname, attname, format_type(atttypid, atttypmod), attnotnull::text, pg_get_expr(adbin, adrelid)
FROM own JOIN pg_attribute ON attrelid = oid LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
WHERE attnum > 0 AND NOT attisdropped AND relkind <> 'i'
UNION ALL
SELECT 'index', relname, pg_get_indexdef(oid), '', '', '' FROM own WHERE relkind = 'i'
UNION ALL
SELECT 'view', relname, pg_get_viewdef(oid), '', '', '' FROM own WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'rights', relname, item::text, '', '', '' FROM own CROSS JOIN LATERAL unnest(relacl) AS item
UNION ALL
SELECT 'constraint', relname, conname, pg_get_constraintdef(k.oid), '', '' FROM own JOIN pg_constraint k ON conrelid = own.oid
UNION ALL
SELECT 'trigger', relname, tgname, pg_get_triggerdef(t.oid), '', ''
FROM own JOIN pg_trigger t ON tgrelid = own.oid WHERE NOT tgisinternal
UNION ALL
SELECT 'function', proname, pg_get_functiondef(p.oid), p.proacl::text, '', ''
FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind = 'f'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 2, 3, 4
"""
VALUES = "SELECT time, channel_id, value, quality, tests FROM measurement ORDER BY channel_id, time"
OLD_POLICY = (
    "SELECT add_continuous_aggregate_policy('measurement_{0}', '31 d'::interval, '{1}'::interval, '{2}'::interval)"
)


def objects(connection):
    return connection.execute(OBJECTS).fetchall()


def seed(connection, edition, number):
    """Put into an earlier schema what it could hold."""
    connection.execute("INSERT INTO installation (slug, name) VALUES ('essai', '{}')")
    connection.execute("INSERT INTO gateway (installation_id, node) VALUES (1, 'n')")
    connection.execute("INSERT INTO device (gateway_id, key) VALUES (1, 'd')")
    connection.execute(
        "INSERT INTO channel (installation_id, device_id, key, path, name) VALUES (1, 1, 'a', 'd/a', '{}')"
    )
    connection.execute("INSERT INTO rejected (topic, payload, code, reason) VALUES ('t', 'p', 'c', 'r')")
    if number == 1 and edition != "plain":
        return  # its table of measurements has no place for them yet
    connection.execute(
        "INSERT INTO measurement SELECT %s + n * interval '7 min', n %% 2 + 1,"
        " CASE WHEN n %% 9 > 0 THEN n / 3.0 END, CASE WHEN n %% 9 > 0 THEN 1 + n %% 4 ELSE 9 END, n %% 3"
        " FROM generate_series(1, 900) n",
        (START,),
    )


def walk(connection, edition, number):
    """Bring an empty database to an earlier schema, with data, as its own version left it."""
    prepare(connection)
    for step in schema.migrations(Edition(edition))[:number]:
        migration._take(connection, step, Edition(edition))
    seed(connection, edition, number)
    if edition == "community" and number < 13:
        for level in (("1min", "1 min", "1 min"), ("1h", "1 hour", "10 min"), ("1d", "1 day", "1 hour")):
            connection.execute(OLD_POLICY.format(*level))
        connection.execute("CALL add_columnstore_policy('measurement', after => '7 d'::interval)")
        connection.execute("CALL refresh_continuous_aggregate('measurement_1min', NULL, NULL)")


def rolled(connection):
    """Return the rollups as Python computes them from the values."""
    found = {}
    for time, channel, value, quality, _ in connection.execute(VALUES).fetchall():
        for name, seconds in (("1min", 60), ("1h", 3600), ("1d", 86_400)):
            key = (name, channel, int(time.timestamp()) // seconds * seconds)
            found.setdefault(key, []).append(value if quality <= 2 else None)
    return {
        key: (len(values), len(good), min(good, default=None), max(good, default=None))
        for key, values in found.items()
        for good in [[value for value in values if value is not None]]
    }


def shown(connection):
    return {
        (name, channel, int(bucket.timestamp())): tuple(rest)
        for name in ("1min", "1h", "1d")
        for bucket, channel, *rest in connection.execute(
            f"SELECT bucket, channel_id, count, good, min, max FROM measurement_{name}"
        ).fetchall()
    }


@pytest.mark.parametrize(("edition", "number"), STARTS)
def test_from_every_earlier_schema_with_data_to_the_same_one(request, edition, number):
    server = request.getfixturevalue(f"{edition}_server")
    with clone(server, template(server, "migrated", migrate)) as fresh, connect(fresh) as connection:
        wanted = objects(connection)
    with clone(server, template(server, "empty", lambda url: None)) as url:
        with connect(url) as connection:
            walk(connection, edition, number)
            before = connection.execute(VALUES).fetchall()
        state = migrate(url)
        assert (state.ready, state.pending, state.edition) == (True, (), edition)
        with connect(url) as connection:
            assert objects(connection) == wanted
            assert connection.execute(VALUES).fetchall() == before
            assert connection.execute("SELECT topic, payload FROM rejected").fetchall() == [("t", b"p")]
            assert shown(connection) == rolled(connection)
            rollup.catch_up(connection)
            assert shown(connection) == rolled(connection)
            targets = {item.target for item in policy.present(connection)}
            assert targets == (
                {"measurement", "measurement_1min", "measurement_1h", "measurement_1d"}
                if edition == "community"
                else set()
            )


def test_before_and_after_the_softwares_upgrade(migrated, edition, monkeypatch):
    steps = schema.migrations(Edition(edition))
    added = schema.Migration("9000_more", "ALTER TABLE latest ADD COLUMN more int", "x")
    taken = schema.Migration("9001_less", "ALTER TABLE latest DROP COLUMN tests", "y", "post")
    for module in (migration, schema):
        monkeypatch.setattr(module, "migrations", lambda edition: [*steps, added, taken])
    monkeypatch.setattr("vitrine_database.status.migrations", lambda edition: [*steps, added, taken])
    with pytest.raises(ConfigurationError, match="software's upgrade are missing: 9000_more"):
        migrate(migrated, stage="post")
    told = []
    state = migrate(migrated, told.append, stage="pre")
    assert (state.ready, state.pending, told) == (True, ("9001_less",), ["9000_more"])
    with connect(migrated) as connection:
        schema.check(connection, in_force(connection))
        connection.execute("SELECT tests, more FROM latest")
    assert migrate(migrated, stage="post").pending == ()
    with connect(migrated) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute("SELECT tests FROM latest")


def test_a_stage_that_cannot_be_taken_yet():
    names = [("0001_a", "pre"), ("0002_b", "post"), ("0003_c", "pre"), ("0004_d", "post")]
    steps = [schema.Migration(name, "SELECT 1", "x", stage) for name, stage in names]
    with pytest.raises(ConfigurationError, match="earlier upgrade was not finished: 0002_b comes before 0003_c"):
        schema.wanted(steps[1:], "pre")
    with pytest.raises(ConfigurationError, match="missing: 0003_c"):
        schema.wanted(steps[2:], "post")
    assert schema.wanted(steps[2:], "pre") == [steps[2]]
    assert schema.wanted(steps[3:], "pre") == []
    assert schema.wanted(steps, None) == steps


@pytest.mark.plain
def test_an_interrupted_migration_goes_on_where_it_stopped(plain_empty):
    taken = []

    def cut(step):
        taken.append(step)
        if step.startswith("0005"):
            with connect(plain_empty) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE application_name = 'vitrine migrate' AND datname = current_database()"
                )

    with pytest.raises(ConfigurationError, match="the connection ended in the middle of 0005"):
        migrate(plain_empty, cut)
    again = []
    assert migrate(plain_empty, again.append).ready
    assert again[0] == taken[-1]
    assert not set(taken[:-1]) & set(again)


@pytest.mark.plain
def test_statements_that_no_transaction_holds_are_taken_again_until_all_are_done(plain_migrated, monkeypatch):
    steps = schema.migrations(Edition.PLAIN)
    free = "-- transaction: none\n-- Why.\n\nCREATE TABLE IF NOT EXISTS lone (x int);\n\nVACUUM lone;\n\n-- The last.\n"
    broken = schema.Migration("9000_free", free + "SELECT 1 / 0;\n", "x")
    assert len(broken.statements()) == 3
    monkeypatch.setattr(migration, "migrations", lambda edition: [*steps, broken])
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(plain_migrated)
    with connect(plain_migrated) as connection:
        assert connection.execute("SELECT to_regclass('lone') IS NOT NULL").fetchone() == (True,)
        assert "9000_free" not in schema.applied(connection)
    mended = schema.Migration("9000_free", free + "DROP TABLE lone;\n", "y")
    monkeypatch.setattr(migration, "migrations", lambda edition: [*steps, mended])
    monkeypatch.setattr("vitrine_database.status.migrations", lambda edition: [*steps, mended])
    assert migrate(plain_migrated).ready
    with connect(plain_migrated) as connection:
        assert schema.applied(connection)["9000_free"] == schema.Applied("y", "pre")


@pytest.mark.plain
def test_services_say_whether_they_can_work_with_a_schema(plain_empty, plain_migrated):
    with connect(plain_empty) as connection, pytest.raises(ConfigurationError, match="has no schema yet"):
        schema.check(connection, in_force(connection))
    with connect(plain_migrated) as connection:
        schema.check(connection, Edition.PLAIN)
        connection.execute("INSERT INTO schema_migration VALUES ('9999_more', 'plain', 'x')")
        schema.check(connection, Edition.PLAIN)  # it only adds
        connection.execute("UPDATE schema_migration SET stage = 'post' WHERE name = '9999_more'")
        with pytest.raises(ConfigurationError, match="newer Vitrine, which knows 9999_more"):
            schema.check(connection, Edition.PLAIN)
        connection.execute("DELETE FROM schema_migration WHERE name IN ('9999_more', '0007_births')")
        with pytest.raises(ConfigurationError, match="older than this version: 0007_births is missing"):
            schema.check(connection, Edition.PLAIN)


@pytest.mark.plain
def test_a_server_that_is_too_old(plain_empty, monkeypatch):
    monkeypatch.setattr(migration, "_LEAST_SERVER", 990_000)
    with pytest.raises(ConfigurationError, match="is too old") as caught:
        migrate(plain_empty)
    assert "99 or a newer one" in caught.value.hint
    assert status(plain_empty).migrations == ()


@pytest.mark.parametrize("edition", ["apache"], indirect=True)
def test_a_timescale_that_is_too_old(empty, monkeypatch):
    monkeypatch.setitem(migration._LEAST_TIMESCALE, Edition.APACHE, (99, 0))
    with pytest.raises(ConfigurationError, match="is too old for the edition “apache”"):
        migrate(empty)
