"""Stored rollups: whatever is written, judged again and deleted in whatever order, a reader sees what GROUP BY gives."""

import datetime
import threading

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database.computed import refuse
from vitrine_collector.writer import Rows, Writer
from vitrine_database import rollup
from vitrine_database.connection import connect

pytestmark = pytest.mark.parametrize(
    "edition",
    [pytest.param("plain", marks=pytest.mark.plain), pytest.param("apache", marks=pytest.mark.apache)],
    indirect=True,
)
START = datetime.datetime(2026, 5, 30, 21, 0, tzinfo=datetime.UTC)
START_US = int(START.timestamp()) * 1_000_000
#: A slot is 20 minutes of one of two channels, over three days; a slot always gives the same value.
SLOT = st.tuples(st.integers(1, 2), st.integers(0, 215))
ACTION = st.one_of(
    st.tuples(st.just("write"), st.lists(SLOT, min_size=1, max_size=20)),
    st.tuples(st.just("insert"), st.lists(SLOT, min_size=1, max_size=3)),
    st.tuples(st.just("judge"), st.lists(SLOT, min_size=1, max_size=8)),
    st.tuples(st.just("delete"), st.lists(SLOT, min_size=1, max_size=8)),
    st.tuples(st.just("refresh"), st.just([])),
    st.tuples(st.just("undone"), st.lists(SLOT, min_size=1, max_size=3)),
)
DIFFERENCES = """
WITH plain AS (
    SELECT date_bin('{width}', time, timestamptz '2000-01-03Z') AS bucket, channel_id,
           avg(value) FILTER (WHERE quality <= 2) AS mean, min(value) FILTER (WHERE quality <= 2) AS min,
           max(value) FILTER (WHERE quality <= 2) AS max,
           (array_agg(value ORDER BY time DESC) FILTER (WHERE quality <= 2))[1] AS last,
           count(*) AS count, count(*) FILTER (WHERE quality <= 2) AS good
    FROM measurement GROUP BY 1, 2
)
SELECT * FROM plain p FULL JOIN measurement_{name} v USING (bucket, channel_id)
WHERE (p.min, p.max, p.last, p.count, p.good) IS DISTINCT FROM (v.min, v.max, v.last, v.count, v.good)
   OR (p.mean IS NULL) <> (v.mean IS NULL) OR abs(p.mean - v.mean) > 1e-12 * greatest(1, abs(p.mean))
"""
#: What a function says of a stretch that begins and ends within minutes and hours, and the view does not, or the reverse.
BETWEEN = """
WITH asked AS (
    SELECT c.channel_id, m.* FROM (VALUES (1), (2)) AS c (channel_id)
    CROSS JOIN LATERAL {function}(c.channel_id, %(first)s, %(last)s) AS m
), shown AS (
    SELECT * FROM measurement_{name} WHERE bucket >= %(first)s AND bucket < %(last)s
)
SELECT * FROM asked a FULL JOIN shown v USING (bucket, channel_id)
WHERE (a.min, a.max, a.last, a.count, a.good) IS DISTINCT FROM (v.min, v.max, v.last, v.count, v.good)
   OR (a.mean IS NULL) <> (v.mean IS NULL) OR abs(a.mean - v.mean) > 1e-12 * greatest(1, abs(a.mean))
"""
FIRST = START + datetime.timedelta(hours=9, minutes=17, seconds=5)
LEVELS = {"1min": "1 min", "1h": "1 hour", "1d": "1 day"}
FUNCTIONS = {"1min": "minutes_between", "1h": "hours_between", "1d": "days_between"}


def differences(database):
    stretch = {"first": FIRST, "last": FIRST + datetime.timedelta(hours=31)}
    return [
        row
        for name, width in LEVELS.items()
        for row in (
            *database.execute(DIFFERENCES.format(name=name, width=width)).fetchall(),
            *database.execute(BETWEEN.format(name=name, function=FUNCTIONS[name]), stretch).fetchall(),
        )
    ]


def time_us(slot):
    return START_US + slot[1] * 1_200_000_000 + (slot[1] % 3) * 30_000_000


def rows_of(slots):
    slots = sorted(set(slots))
    return Rows(
        [time_us(slot) for slot in slots],
        [slot[0] for slot in slots],
        [float("nan") if slot[1] % 7 == 0 else slot[1] / 3 for slot in slots],
        [9 if slot[1] % 7 == 0 else 1 + slot[1] % 4 for slot in slots],
        [0 for _ in slots],
    )


def act(database, action, slots):
    bounds = {"channels": [slot[0] for slot in slots], "times": [time_us(slot) for slot in slots]}
    chosen = (
        "(channel_id, time) IN (SELECT c, timestamptz 'epoch' + t * interval '1 us'"
        " FROM unnest(%(channels)s::int[], %(times)s::bigint[]) AS chosen (c, t))"
    )
    if action == "write":
        Writer(database).write(rows_of(slots))
    elif action == "insert":
        database.execute(
            "INSERT INTO measurement SELECT timestamptz 'epoch' + t * interval '1 us', c, 5, 1"
            " FROM unnest(%(channels)s::int[], %(times)s::bigint[]) AS row (c, t) ON CONFLICT DO NOTHING",
            bounds,
        )
    elif action == "judge":
        database.execute(f"UPDATE measurement SET quality = 6 - quality WHERE quality IN (2, 4) AND {chosen}", bounds)
    elif action == "delete":
        database.execute(f"DELETE FROM measurement WHERE {chosen}", bounds)
    elif action == "refresh":
        rollup.refresh_stale(database)
        assert database.execute("SELECT count(*) FROM stale_rollup").fetchone() == (0,)
    else:
        with database.transaction(force_rollback=True):
            Writer(database).write(rows_of(slots))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTION, min_size=1, max_size=12))
def test_readers_see_what_grouping_gives(database, actions):
    database.execute("TRUNCATE measurement")
    assert differences(database) == []
    for action, slots in actions:
        act(database, action, slots)
        assert differences(database) == []
    act(database, "refresh", [])
    for name in LEVELS:  # and the tables hold it by themselves now
        shown = database.execute(f"SELECT * FROM measurement_{name} ORDER BY 2, 1").fetchall()
        stored = f"SELECT bucket, channel_id, mean, min, max, last, count, good FROM rollup_{name} ORDER BY 2, 1"
        assert database.execute(stored).fetchall() == shown


@pytest.mark.parametrize(("name", "hours"), [("1min", (20, 22)), ("1h", (20, 22)), ("1d", (3, 51))])
def test_a_stretch_costs_nothing_of_what_is_stale_beside_it(database, name, hours):
    first, before = (START + datetime.timedelta(hours=hour) for hour in hours)
    Writer(database).write(rows_of([(channel, place) for channel in (1, 2) for place in range(216)]))
    # Which channel it is comes out of a join, as where a dashboard asks for those of an installation.
    wanted = "(VALUES (1, 'a'), (2, 'b')) AS c (channel_id, name) JOIN (VALUES ('a')) AS i (name) USING (name)"
    asked = f"SELECT m.* FROM {wanted} CROSS JOIN LATERAL {FUNCTIONS[name]}(c.channel_id, '{first}', '{before}') AS m ORDER BY 1"
    found = database.execute(asked).fetchall()
    refuse(database, f"one_channel <> 1 OR first < '{first}' OR before > '{before}'")
    assert database.execute(asked).fetchall() == found != []
    with pytest.raises(psycopg.errors.RaiseException, match="more than was asked for"):
        database.execute(
            f"SELECT m.* FROM {wanted} JOIN measurement_{name} m USING (channel_id)"
            f" WHERE m.bucket >= '{first}' AND m.bucket < '{before}'"
        )


class Crowd:
    """Threads with a connection each; what one of them raises is told at the end."""

    def __init__(self, url):
        self.url, self.stop, self.failures, self.threads = url, threading.Event(), [], []

    def add(self, task):
        def work():
            try:
                with connect(self.url) as connection:
                    task(connection)
            except BaseException as error:
                self.failures.append(error)

        self.threads.append(threading.Thread(target=work))

    def run(self, until):
        for thread in self.threads:
            thread.start()
        for thread in self.threads[:until]:
            thread.join(60)
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        assert self.failures == []


def writing(channel):
    def task(connection):
        random = np.random.default_rng(channel)
        for batch in range(25):
            slots = sorted({(channel, int(slot)) for slot in random.integers(0, 216, 30)})
            act(connection, "write", slots)
            if batch % 5 == 4:
                act(connection, "judge", slots[:5])
                act(connection, "delete", slots[5:8])

    return task


def test_writers_a_refresh_and_readers_at_the_same_time(migrated):
    """Two writers and two refreshes work at once; every reader sees, in one moment, rollups of what is there."""
    crowd, seen = Crowd(migrated), []

    def refresh(connection):
        while not crowd.stop.is_set():
            rollup.refresh_stale(connection)

    def read(connection):
        while not crowd.stop.is_set():
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                seen.append(differences(connection))

    for task in (writing(1), writing(2), refresh, refresh, read):
        crowd.add(task)
    crowd.run(until=2)
    assert seen
    assert not any(seen)
    with connect(migrated) as connection:
        rollup.refresh_stale(connection)
        assert differences(connection) == []


def test_everything_can_be_computed_again(database):
    act(database, "write", [(1, slot) for slot in range(100)])
    rollup.refresh_stale(database)
    database.execute("UPDATE rollup_1h SET mean = 0, count = 0; DELETE FROM rollup_1min WHERE channel_id = 1")
    database.execute("INSERT INTO rollup_1d VALUES (1, '2026-05-31', 1, 1, 1, 1, 1, 1) ON CONFLICT DO NOTHING")
    assert differences(database) != []
    told = []
    rollup.refresh_all(database, lambda done, of: told.append((done, of)) or True)
    assert differences(database) == []
    assert told[-1][0] == told[-1][1] > 30


def test_a_refresh_may_be_ended_between_two_portions(database, monkeypatch):
    monkeypatch.setattr(rollup, "_FIRST", 5)
    act(database, "write", [(1, slot) for slot in range(200)])
    assert rollup.refresh_stale(database, lambda done, of: False) == 5
    assert differences(database) == []
    left = database.execute("SELECT count(DISTINCT hour), max(hour) FROM stale_rollup").fetchone()
    assert left[0] > 0
    assert left[1] < START + datetime.timedelta(hours=64)  # the newest went first


def test_beside_another_refresh_nothing_is_done(database, migrated):
    act(database, "write", [(1, 1)])
    with connect(migrated) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('vitrine.rollups', 0))")
        assert rollup.refresh_stale(database) == 0
    assert rollup.refresh_stale(database) == 1
