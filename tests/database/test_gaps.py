"""What is missing of an installation, and why."""

import datetime
import json
import re

import pytest
from typer.testing import CliRunner

from vitrine.errors import ConfigurationError
from vitrine_database import retention
from vitrine_database.commands import database as app
from vitrine_database.connection import connect
from vitrine_database.gaps import gaps

BEGIN = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
END = BEGIN + datetime.timedelta(minutes=10)
EPOCH = "7a3c1df6-5b3e-4d6e-9a51-0d7f4f6c9b10"


def seed(connection, *, held="{[1,601)}", lost="{}"):
    connection.execute("INSERT INTO installation (slug, name) VALUES ('essai', '{}')")
    connection.execute("INSERT INTO gateway (installation_id, node) VALUES (1, 'pi')")
    connection.execute("INSERT INTO device (gateway_id, key) VALUES (1, 'feed')")
    connection.execute(
        "INSERT INTO channel (installation_id, device_id, key, path, name, period_s, created_at) VALUES"
        " (1, 1, 'flow', 'feed/flow', '{}', 1, %s)",
        [BEGIN],
    )
    connection.execute(
        "INSERT INTO delivery (gateway_id, epoch, held, lost, repeated, first_at, last_at) VALUES (1, %s, %s, %s, 2, %s, %s)",
        [EPOCH, held, lost, BEGIN, END],
    )


def write(connection, first_s, last_s):
    connection.execute(
        "INSERT INTO measurement SELECT %s + n * interval '1 s', 1, n, 1 FROM generate_series(%s::int, %s::int - 1) n",
        [BEGIN, first_s, last_s],
    )


def test_nothing_is_missing(migrated):
    with connect(migrated) as connection:
        seed(connection)
        write(connection, 0, 600)
        found = gaps(connection, "essai", BEGIN, END)
    assert found.complete
    (channel,) = found.channels
    assert (channel.expected, channel.received, channel.empty) == (600, 600, 0)
    (queue,) = found.queues
    assert (queue.held_count, queue.awaited_count, queue.lost_count, queue.repeated) == (600, 0, 0, 2)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("held", "lost", "reason"),
    [
        ("{[1,101),[161,601)}", "{[101,161)}", "lost"),
        ("{[1,101),[161,601)}", "{}", "awaited"),
        ("{[1,601)}", "{}", "unknown"),
    ],
)
def test_a_silence_and_what_is_known_of_its_reason(plain_migrated, held, lost, reason):
    with connect(plain_migrated) as connection:
        seed(connection, held=held, lost=lost)
        if reason == "lost":
            connection.execute(
                "INSERT INTO loss (gateway_id, epoch, records, first_time, last_time, reason)"
                " VALUES (1, %s, '{[101,161)}', %s, %s, 'disk limit')",
                [EPOCH, BEGIN + datetime.timedelta(seconds=100), BEGIN + datetime.timedelta(seconds=159)],
            )
        write(connection, 0, 100)
        write(connection, 160, 600)
        found = gaps(connection, "essai", BEGIN, END)
    (silence,) = found.silences
    assert (silence.path, silence.seconds, silence.expected, silence.reason) == ("feed/flow", 61.0, 60, reason)
    assert silence.detail == ("disk limit" if reason == "lost" else "")
    assert found.queues[0].awaited_count == (60 if reason == "awaited" else 0)


@pytest.mark.plain
def test_what_came_late_is_counted_by_channel_and_by_gateway(plain_migrated):
    with connect(plain_migrated) as connection:
        seed(connection)
        connection.execute("INSERT INTO gateway (installation_id, node) VALUES (1, 'far')")
        connection.execute("INSERT INTO device (gateway_id, key) VALUES (1, 'tank'), (2, 'well')")
        connection.execute(
            "INSERT INTO channel (installation_id, device_id, key, path, name, period_s) VALUES"
            " (1, 2, 'level', 'tank/level', '{}', NULL), (1, 3, 'level', 'well/level', '{}', 1)"
        )
        write(connection, 0, 600)
        connection.execute("INSERT INTO measurement VALUES (%s, 2, 1, 1), (%s, 2, NULL, 9)", [BEGIN, END - DAY / 1e6])
        hours = [(1, 0, 3, 2), (2, 0, 4, 0), (3, 0, 0, 7), (1, -1, 50, 50), (3, 1, 50, 50)]
        connection.cursor().executemany(
            "INSERT INTO late_hour VALUES (%s, %s, %s, %s)",
            [(channel, BEGIN + hour * DAY / 24, late, restamped) for channel, hour, late, restamped in hours],
        )
        found = gaps(connection, "essai", BEGIN, END)
    assert [(one.path, one.node, one.late, one.restamped) for one in found.channels] == [
        ("feed/flow", "pi", 3, 2),
        ("tank/level", "pi", 4, 0),
        ("well/level", "far", 0, 7),
    ]
    far, near = found.gateways
    assert (far.node, far.channels, far.expected, far.missing, far.restamped) == ("far", 1, None, None, 7)
    assert (near.node, near.channels, near.late, near.restamped) == ("pi", 2, 7, 2)
    assert (near.expected, near.received, near.empty, near.missing) == (600, 602, 1, 0)


@pytest.mark.plain
@pytest.mark.parametrize(("first_s", "last_s"), [(0, 300), (300, 600)])
def test_silence_at_an_end_of_the_period(plain_migrated, first_s, last_s):
    with connect(plain_migrated) as connection:
        seed(connection)
        write(connection, -5, 0)
        write(connection, first_s, last_s)
        (silence,) = gaps(connection, "essai", BEGIN, END).silences
    assert silence.expected in (299, 300)


DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
OLD = TODAY - 20 * DAY


def drop(connection):
    """Twenty days, hourly, but for the 10th and the 12th; ten are past their term, of which the 4th is held."""
    seed(connection)
    connection.execute("UPDATE channel SET period_s = 3600, created_at = now()")
    connection.execute(
        "INSERT INTO measurement SELECT %s + n * interval '1 h', 1, n, 1 FROM generate_series(0, 479) n"
        " WHERE n / 24 NOT IN (10, 12)",
        [OLD],
    )
    retention.set_rule(connection, "essai", 10 * DAY)
    retention.hold(connection, "essai", OLD + 4 * DAY, OLD + 5 * DAY, "dispute")
    assert retention.apply(connection) == 9 * 24


def test_what_retention_dropped_stands_apart_from_what_is_not_known(migrated):
    whole = [(0, 4, 96, "dropped"), (5, 10, 120, "dropped"), (10, 11, 23, "unknown"), (12 - 1 / 24, 13, 24, "unknown")]
    cases = [
        (0, 20, whole, (480, 216, 264, 216)),
        (-5, 20, whole, (480, 216, 264, 216)),
        (-5, 3, [(0, 3, 72, "dropped")], (72, 0, 72, 72)),
        (1, 3, [(1, 3, 48, "dropped")], (48, 0, 48, 48)),
        (4, 6, [(5, 6, 24, "dropped")], (48, 24, 24, 24)),
        (6, 12, [(6, 10, 96, "dropped"), (10, 11, 23, "unknown")], (144, 24, 120, 96)),
        (13, 20, [], (168, 168, 0, 0)),
    ]
    with connect(migrated) as connection:
        drop(connection)
        for first, last, silences, counts in cases:
            found = gaps(connection, "essai", OLD + first * DAY, OLD + last * DAY)
            told = [(one.first_time, one.last_time, one.expected, one.reason) for one in found.silences]
            assert told == [(OLD + a * DAY, OLD + b * DAY, expected, why) for a, b, expected, why in silences], first
            (one,) = found.channels
            assert (one.expected, one.received, one.missing, one.dropped) == counts, (first, last)
            assert found.complete == (not silences)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("language", "words"),
    [("fr_CA.UTF-8", "supprimées au terme de leur conservation"), ("en", "dropped after their term")],
)
def test_the_command_says_what_was_dropped(plain_migrated, language, words):
    with connect(plain_migrated) as connection:
        drop(connection)
    period = ["--from", f"{OLD:%Y-%m-%d}", "--to", f"{TODAY:%Y-%m-%d}", "--url", plain_migrated]
    environment = {"LC_ALL": language, "COLUMNS": "200", "TERM": "dumb"}
    told = CliRunner().invoke(app, ["gaps", "essai", *period], env=environment)
    assert (told.exit_code, told.stdout.count(words)) == (1, 2)


@pytest.mark.plain
def test_an_unknown_installation(plain_migrated):
    with connect(plain_migrated) as connection, pytest.raises(ConfigurationError, match="no installation “rien”"):
        gaps(connection, "rien", BEGIN, END)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("language", "words", "counted"),
    [
        ("fr_CA.UTF-8", "60 enregistrements encore attendus", "Passerelle +Attendues"),
        ("en", "60 records still awaited", "Gateway +Expected"),
    ],
)
def test_the_command(plain_migrated, language, words, counted):
    with connect(plain_migrated) as connection:
        seed(connection, held="{[1,101),[161,601)}")
        write(connection, 0, 100)
        write(connection, 160, 600)
        connection.execute("INSERT INTO late_hour VALUES (1, %s, 41, 42)", [BEGIN])
    period = ["--from", "2026-11-01T00:00:00", "--to", "2026-11-01T00:10:00", "--url", plain_migrated]
    environment = {"LC_ALL": language, "COLUMNS": "160", "TERM": "dumb"}
    told = CliRunner().invoke(app, ["gaps", "essai", *period], env=environment)
    assert told.exit_code == 1
    assert words in told.stdout
    assert re.search(rf"{counted}.*\n *pi .* 41 +42 *\n", told.stdout)
    as_json = CliRunner().invoke(app, ["gaps", "essai", *period, "--json"], env=environment)
    assert json.loads(as_json.stdout)["silences"][0]["path"] == "feed/flow"
