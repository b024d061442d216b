"""Retention on each edition: what may go goes, with evidence; rollups stay; what is protected stays whatever happens."""

import datetime
import json

import psycopg
import pytest
from typer.testing import CliRunner

from tests.database.test_rollups import SECONDS, write
from vitrine.errors import ConfigurationError
from vitrine_database import retention, rollup
from vitrine_database.commands import database as app
from vitrine_database.connection import connect

DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FIRST = TODAY - 20 * DAY
ENVIRONMENT = {"LC_ALL": "en", "COLUMNS": "250"}


def catalogue(connection):
    """Two installations with two channels each."""
    for number, slug in enumerate(("first", "second"), 1):
        connection.execute("INSERT INTO installation (slug, name) VALUES (%s, '{}')", (slug,))
        connection.execute("INSERT INTO gateway (installation_id, node) VALUES (%s, 'n')", (number,))
        connection.execute("INSERT INTO device (gateway_id, key) VALUES (%s, 'd')", (number,))
        for key in ("a", "b"):
            connection.execute(
                "INSERT INTO channel (installation_id, device_id, key, path, name) VALUES (%s, %s, %s, %s, '{}')",
                (number, number, key, f"d/{key}"),
            )


def rows_of(days, channels=(1, 2, 3, 4)):
    """Some values of each day, of all flags, on odd instants."""
    return [
        (
            FIRST + day * DAY + datetime.timedelta(minutes=17 * n, milliseconds=137 * channel),
            channel,
            None if n % 9 == 0 else channel * 100 + day + n / 7,
            9 if n % 9 == 0 else 1 + n % 4,
        )
        for day in days
        for channel in channels
        for n in range(40)
    ]


def shown(connection):
    return {
        (view, channel, bucket): tuple(rest)
        for view in SECONDS
        for bucket, channel, *rest in connection.execute(f"SELECT * FROM measurement_{view}").fetchall()
    }


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for key, (mean, *rest) in found.items():
        assert tuple(rest) == wanted[key][1:], key
        assert mean == (wanted[key][0] and pytest.approx(wanted[key][0], rel=1e-12)), key


def days_left(connection, channel):
    query = "SELECT DISTINCT time::date FROM measurement WHERE channel_id = %s ORDER BY 1"
    return [(row[0] - FIRST.date()).days for row in connection.execute(query, (channel,)).fetchall()]


@pytest.fixture
def filled(database):
    catalogue(database)
    write(database, rows_of(range(20)))
    if database.execute("SELECT edition FROM schema_migration LIMIT 1").fetchone() == ("community",):
        rollup.refresh(database, FIRST, FIRST + 15 * DAY)
        for (chunk,) in database.execute("SELECT show_chunks('measurement', older_than => %s)", (TODAY,)).fetchall():
            database.execute(f"CALL convert_to_columnstore('{chunk}')")
    else:
        rollup.refresh_stale(database, lambda done, of: False)  # some hours are materialised, others are not
    return database


def test_measurements_go_rollups_stay_and_evidence_is_kept(filled):
    before = shown(filled)
    retention.set_rule(filled, "first", 10 * DAY)
    told = list(retention.due(filled))
    assert {(item.slug, item.path, item.kind) for item in told} == {("first", "d/a", "raw"), ("first", "d/b", "raw")}
    assert sum(item.rows for item in told) == 2 * 10 * 40
    assert retention.apply(filled) == 2 * 10 * 40
    assert [days_left(filled, channel) for channel in (1, 2, 3, 4)] == [[*range(10, 20)]] * 2 + [[*range(20)]] * 2
    same(shown(filled), before)
    drops = sorted(retention.drops(filled), key=lambda drop: drop.first_time)
    assert [(drop.slug, drop.kind, drop.rows, drop.channels) for drop in drops] == [("first", "raw", 80, 2)] * 10
    assert [drop.first_time for drop in drops] == [FIRST + n * DAY for n in range(10)]
    assert all(drop.rule.startswith("raw older than 10 days, set by postgres on 20") for drop in drops)
    assert retention.apply(filled) == 0
    # what happens afterwards changes the rollups of kept days only
    rollup.refresh(filled, FIRST, TODAY)
    same(shown(filled), before)


def test_what_is_protected_stays(filled):
    filled.execute(
        "INSERT INTO dataset (installation_id, slug, title, first_time, last_time, state, build)"
        " VALUES (1, 'x', '{}', %s, %s, 'frozen', 'done')",
        (FIRST + 2.5 * DAY, FIRST + 4 * DAY),
    )
    retention.set_rule(filled, "first", 10 * DAY)
    held = retention.hold(filled, "first", FIRST + 6 * DAY, FIRST + 7.1 * DAY, "dispute of May")
    retention.apply(filled)
    assert days_left(filled, 1) == [2, 3, 6, 7, *range(10, 20)]
    with pytest.raises(psycopg.errors.RestrictViolation, match="dataset x"):
        filled.execute("SELECT drop_measurements(1, %s)", ((FIRST + 3 * DAY).date(),))
    with pytest.raises(psycopg.errors.RestrictViolation, match="no retention lets go"):
        filled.execute("SELECT drop_measurements(1, %s)", ((FIRST + 12 * DAY).date(),))
    with pytest.raises(psycopg.errors.RestrictViolation, match="no retention lets go"):
        filled.execute("SELECT drop_measurements(3, %s)", (FIRST.date(),))
    retention.release(filled, held)
    retention.apply(filled)
    assert days_left(filled, 1) == [2, 3, *range(10, 20)]


def test_what_comes_after_its_day_was_dropped_goes_too_and_is_told(filled):
    retention.set_rule(filled, "first", 10 * DAY)
    retention.apply(filled)
    before = shown(filled)
    late = FIRST + datetime.timedelta(minutes=1)
    write(filled, [(late, 1, 5.0, 1), (late, 3, 5.0, 1)])
    rollup.refresh(filled, FIRST, TODAY)
    after = shown(filled)
    assert {key for key in after if after[key][1:] != before.get(key, ())[1:]} == {
        (view, 3, datetime.datetime.fromtimestamp(late.timestamp() // seconds * seconds, datetime.UTC))
        for view, seconds in SECONDS.items()
    }
    rollup.refresh(filled, FIRST, TODAY)
    same(shown(filled), after)
    assert retention.apply(filled) == 1
    assert [(drop.kind, drop.rows) for drop in retention.drops(filled, most=1)] == [("late", 1)]
    same(shown(filled), after)


def test_minutes_go_after_their_own_term(filled):
    before = shown(filled)
    retention.set_rule(filled, "first", 10 * DAY, 15 * DAY)
    retention.apply(filled)
    gone = {key for key in before if key[0] == "1min" and key[1] in (1, 2) and key[2] < FIRST + 5 * DAY}
    assert len(gone) == 2 * 5 * 40
    same(shown(filled), {key: value for key, value in before.items() if key not in gone})
    drops = [drop for drop in retention.drops(filled) if drop.kind == "minutes"]
    assert (len(drops), sum(drop.rows for drop in drops)) == (5, 400)
    with pytest.raises(psycopg.errors.RestrictViolation):
        filled.execute("SELECT drop_minutes(1, %s)", ((FIRST + 7 * DAY).date(),))


def test_the_writer_drops_by_rule_alone(filled):
    retention.set_rule(filled, "first", 15 * DAY)
    filled.execute("SET ROLE vitrine_writer")
    for statement in (
        "DELETE FROM measurement",
        "UPDATE retention SET raw = '8 days'",
        "INSERT INTO retention (installation_id, raw) VALUES (2, '8 days')",
        "DELETE FROM retention_hold",
        "DELETE FROM retention_drop",
        "UPDATE dropped_days SET days = '{}'",
        "SELECT keep_rollups(3, now(), now())",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            filled.execute(statement)
    # a table of the session's own is no rule
    filled.execute("CREATE TEMP TABLE retention AS SELECT 1 AS installation_id, interval '1 day' AS raw")
    with pytest.raises(psycopg.errors.RestrictViolation):
        filled.execute("SELECT drop_measurements(1, %s)", ((FIRST + 12 * DAY).date(),))
    filled.execute("DROP TABLE pg_temp.retention")
    assert retention.apply(filled) == 2 * 5 * 40
    filled.execute("SET ROLE vitrine_reader")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        filled.execute("SELECT drop_measurements(1, %s)", (FIRST.date(),))
    filled.execute("RESET ROLE")


@pytest.mark.plain
def test_a_day_is_dropped_as_a_whole_or_not_at_all(plain_migrated):
    with connect(plain_migrated) as connection:
        catalogue(connection)
        write(connection, rows_of(range(20)))
        before = shown(connection)
        retention.set_rule(connection, "first", 10 * DAY)
        seen = []
        assert retention.apply(connection, lambda item: bool(seen.append(item)) or len(seen) < 3) == 3 * 40
        same(shown(connection), before)
        connection.execute("BEGIN")
        connection.execute("SELECT drop_measurements(1, %s)", ((FIRST + 5 * DAY).date(),))
        with connect(plain_migrated) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("COMMIT")
    with connect(plain_migrated) as connection:
        assert 5 in days_left(connection, 1)
        assert retention.apply(connection) == 2 * 10 * 40 - 3 * 40
        same(shown(connection), before)


@pytest.mark.plain
def test_terms_that_cannot_be(plain_migrated):
    with connect(plain_migrated) as connection:
        catalogue(connection)
        for raw, minutes, message in (
            (DAY, None, "less than 7 days"),
            (30 * DAY, 20 * DAY, "less long than the measurements"),
        ):
            with pytest.raises(ConfigurationError, match=message):
                retention.set_rule(connection, "first", raw, minutes)
        with pytest.raises(ConfigurationError, match="no installation “none”"):
            retention.set_rule(connection, "none", 30 * DAY)
        with pytest.raises(ConfigurationError, match="ends before it begins"):
            retention.hold(connection, "first", TODAY, TODAY, "x")
        with pytest.raises(ConfigurationError, match="needs a reason"):
            retention.hold(connection, "first", FIRST, TODAY, " ")
        with pytest.raises(ConfigurationError, match="no hold with the number 7"):
            retention.release(connection, 7)


@pytest.mark.plain
def test_the_commands(plain_migrated):
    def run(*words):
        told = CliRunner().invoke(app, ["retention", *words, "--url", plain_migrated], env=ENVIRONMENT)
        assert told.exit_code == 0, (told.output, told.exception)
        return told.stdout

    with connect(plain_migrated) as connection:
        catalogue(connection)
        write(connection, rows_of(range(20)))
    assert "everything is kept" in run("show")
    assert "is set" in run("set", "first", "--raw", "10 d", "--minutes", "12 d")
    assert "(hold 1)" in run(
        "hold", "first", "--from", f"{FIRST:%Y-%m-%d}", "--to", f"{FIRST + DAY:%Y-%m-%d}", "--reason", "dispute"
    )
    assert "first: 720 measurements would be dropped." in run("run", "--dry-run")
    told = run("run")
    assert "first: 720 measurements dropped." in told
    assert "first: 560 minutes dropped." in told
    assert "nothing to drop" in run("run")
    told = run("show")
    for words in ("10 d", "12 d", "dispute", "raw older than 10 days", "postgres"):
        assert words in told
    held = json.loads(run("show", "first", "--json", "--most", "1"))
    assert (len(held["rules"]), len(held["holds"]), len(held["drops"])) == (1, 1, 1)
    assert "ended" in run("release", "1")
    assert "80 measurements dropped" in run("run")
    assert "is kept from now on" in run("clear", "first")
