"""Indicators in the database: computed when hours are over, and again when data arrive late."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from vitrine_database.connection import connect
from vitrine_evaluation.indicators import mark_all, mark_new, refresh

from .conftest import FIRST, FIRST_US, measure, minutes_of, seed_catalogue, seed_measurements, values


def test_hours_and_days_are_computed_once_they_are_over(connection):
    assert refresh(connection) == 48
    assert connection.execute("SELECT count(*) FROM stale_hour").fetchone() == (0,)
    hours = values(connection, "removal", "hour")
    assert len(hours) == 48
    assert [coverage for _, _, coverage in hours][25:29] == [0, 0, 0, pytest.approx(40 / 60)]
    assert [value is None for _, value, _ in hours][24:30] == [False, True, True, True, True, False]
    assert all(98 < value < 100 for _, value, _ in hours if value is not None)
    days = values(connection, "removal", "day")
    assert [(bucket, value is None) for bucket, value, _ in days] == [(FIRST, False), (FIRST + timedelta(days=1), True)]
    assert values(connection, "wrong", "hour") == []
    assert refresh(connection) == 0


def test_late_data_are_counted(connection):
    refresh(connection)
    before = {bucket: value for bucket, value, _ in values(connection, "removal", "hour")}
    installation, channel = connection.execute(
        "SELECT installation_id, channel_id FROM channel WHERE path = 'permeate/turbidity'"
    ).fetchone()
    measure(connection, installation, channel, minutes_of(FIRST_US, 200) + 1500 * 60_000_000, 0.1)
    assert refresh(connection) == 4
    after = {bucket: value for bucket, value, _ in values(connection, "removal", "hour")}
    assert {bucket for bucket in after if after[bucket] != before[bucket]} == {
        FIRST + timedelta(hours=hour) for hour in (25, 26, 27, 28)
    }
    assert values(connection, "removal", "day")[1][1:] == (pytest.approx(99, abs=1), 1.0)


def test_late_data_move_the_next_hours_and_days_counter(empty_url):
    with connect(empty_url) as connection:
        installation, numbers = seed_catalogue(connection)
        channel = numbers["pump/energy"]
        measure(connection, installation, channel, minutes_of(FIRST_US, 1380), 0.0)
        measure(connection, installation, channel, minutes_of(FIRST_US + 86_400_000_000, 1440), 7.0)
        refresh(connection)
        assert values(connection, "saved", "day")[1][1] == 65.0
        measure(connection, installation, channel, minutes_of(FIRST_US + 82_800_000_000, 60), 4.0)
        refresh(connection)
        assert values(connection, "saved", "hour")[24][1] == 0.0
        assert [value for _, value, _ in values(connection, "saved", "day")] == [68.0, 69.0]


def test_the_hour_that_runs_waits(empty_url):
    with connect(empty_url) as connection:
        installation, numbers = seed_catalogue(connection)
        now = datetime.now(UTC)
        hour = now.replace(minute=0, second=0, microsecond=0)
        measure(connection, installation, numbers["pump/energy"], [int(now.timestamp() * 1e6)], 1.0)
        if datetime.now(UTC) < hour + timedelta(minutes=59):
            assert refresh(connection) == 0
            assert connection.execute("SELECT count(*) FROM stale_hour").fetchone() == (1,)


def test_a_new_version_is_computed_for_all_hours(connection):
    refresh(connection)
    assert mark_new(connection) == 0
    connection.execute("UPDATE indicator SET current = false WHERE key = 'saved'")
    connection.execute(
        "INSERT INTO indicator (installation_id, key, version, name, description, formula, unit, inputs, parameters)"
        " SELECT installation_id, key, 2, name, description, 'base * hours()  - increase(energy)', unit, inputs,"
        """ '{"base": [4, "kW"]}' FROM indicator WHERE key = 'saved'"""
    )
    assert mark_new(connection) == 48
    assert refresh(connection) == 48
    assert len(values(connection, "saved", "hour")) == 96


def test_all_hours_can_be_computed_again(connection):
    refresh(connection)
    installation = connection.execute("SELECT installation_id FROM installation").fetchone()[0]
    assert mark_all(connection, installation) == 48
    told = []
    refresh(connection, going_on=lambda hours: told.append(hours) or True)
    assert told[-1] == 48


def test_work_that_is_stopped_goes_on_later(connection):
    assert refresh(connection, going_on=lambda hours: False) == 24
    assert connection.execute("SELECT count(*) FROM stale_hour").fetchone() == (24,)
    assert refresh(connection) == 24
    assert len(values(connection, "removal", "day")) == 2


def test_a_failure_keeps_the_marks(connection):
    connection.execute("ALTER TABLE indicator_value ADD CHECK (value < 0) NOT VALID")
    with pytest.raises(Exception, match="indicator_value"):
        refresh(connection)
    assert connection.execute("SELECT count(*) FROM stale_hour").fetchone() == (48,)


def test_a_mark_found_by_an_uncommitted_writer_is_not_lost(seeded_url):
    """The writer finds its hour marked already, so marks nothing; its data must still be counted."""
    with connect(seeded_url) as writer, connect(seeded_url) as reader:
        installation, channel = writer.execute(
            "SELECT installation_id, channel_id FROM channel WHERE path = 'permeate/turbidity'"
        ).fetchone()
        worker = threading.Thread(target=lambda: refresh(reader))
        with writer.transaction():
            measure(writer, installation, channel, minutes_of(FIRST_US, 200) + 1500 * 60_000_000, 0.1)
            worker.start()
            worker.join(0.3)
        worker.join(30)
        refresh(reader)
        assert all(value is not None for _, value, _ in values(reader, "removal", "hour"))


def test_hours_of_the_database_are_those_of_raw_values(connection):
    refresh(connection)
    for key in ("specific-energy", "removal", "saved", "indoor"):
        found = values(connection, key, "hour")
        assert len(found) == 48
    energy = np.array([value for _, value, _ in values(connection, "saved", "hour")], dtype=float)
    assert np.isfinite(energy).all()
    assert ((energy > -1) & (energy < 3)).all()


def test_thirty_days_are_computed(empty_url):
    with connect(empty_url) as connection:
        installation, numbers = seed_catalogue(connection)
        seed_measurements(connection, installation, numbers, days=30)
        assert refresh(connection) == 720
        assert len(values(connection, "specific-energy", "day")) == 30
