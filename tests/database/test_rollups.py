"""Rollups: on each edition the values that NumPy computes, early or late, materialised or not."""

import datetime
import math
from collections import defaultdict

import numpy as np
import pytest

from vitrine_database import policy, rollup
from vitrine_database.status import status

START = datetime.datetime(2026, 3, 7, 22, 0, tzinfo=datetime.UTC)  # a night in which clocks change in Montréal
SECONDS = {"1min": 60, "1h": 3600, "1d": 86_400}
BETWEEN = {"minutes_between": "1min", "hours_between": "1h", "days_between": "1d"}


def series(seed, hours, channels=(1, 2, 3)):
    """Return rows (time, channel, value, quality), irregular, with all flags, in no order."""
    random = np.random.default_rng(seed)
    rows = {}
    for channel in channels:
        for offset in random.uniform(0, hours * 3600, 40 * hours):
            quality = int(random.choice([1, 1, 1, 2, 3, 4, 9]))
            value = None if quality == 9 else float(random.normal(20, 5))
            time = START + datetime.timedelta(microseconds=round(offset * 1e6))
            rows[time, channel] = (time, channel, value, quality)
        # an hour of which nothing is usable, and one exactly on a boundary
        rows[START + datetime.timedelta(hours=hours + 2), channel] = (
            START + datetime.timedelta(hours=hours + 2), channel, 99.0, 4,
        )  # fmt: skip
    found = list(rows.values())
    random.shuffle(found)
    return [(time, int(channel), value, int(quality)) for time, channel, value, quality in found]


def write(database, rows):
    for first in range(0, len(rows), 500):
        columns = [list(column) for column in zip(*rows[first : first + 500], strict=True)]
        database.execute(
            "INSERT INTO measurement (time, channel_id, value, quality)"
            " SELECT * FROM unnest(%s::timestamptz[], %s::int[], %s::float8[], %s::smallint[])",
            columns,
        )


def expected(rows, seconds):
    groups = defaultdict(list)
    for time, channel, value, quality in rows:
        epoch = math.floor(time.timestamp())
        groups[epoch - epoch % seconds, channel].append((time, value, quality))
    found = {}
    for key, members in groups.items():
        good = [(time, value) for time, value, quality in sorted(members, key=lambda row: row[0]) if quality <= 2]
        values = [value for _, value in good]
        if values:
            found[key] = (
                math.fsum(values) / len(values),
                min(values),
                max(values),
                values[-1],
                len(members),
                len(good),
            )
        else:
            found[key] = (None, None, None, None, len(members), 0)
    return found


def check(database, rows):
    for view, seconds in SECONDS.items():
        held = {
            (int(bucket.timestamp()), channel): tuple(rest)
            for bucket, channel, *rest in database.execute(f"SELECT * FROM measurement_{view}").fetchall()
        }
        wanted = expected(rows, seconds)
        assert held.keys() == wanted.keys()
        for key, (mean, *rest) in held.items():
            assert tuple(rest) == wanted[key][1:], (view, key)  # these are exact
            assert mean == (wanted[key][0] and pytest.approx(wanted[key][0], rel=1e-12)), (view, key)
    check_between(database)


def check_between(database):
    """The functions give what the views give, wherever a stretch begins and ends."""
    stretches = [
        (START + datetime.timedelta(seconds=begin), START + datetime.timedelta(seconds=begin + length))
        for begin, length in ((0, 600), (7 * 3600 + 61, 4 * 3600), (2 * 3600, 24 * 3600), (-3600, 400 * 3600))
    ]
    for function, view in BETWEEN.items():
        for first, last in [*stretches, ("-infinity", "infinity")]:
            values = {"first": first, "last": last}
            asked = database.execute(
                "SELECT bucket, min, max, last, count, good, mean"
                f" FROM {function}(2, %(first)s::timestamptz, %(last)s::timestamptz) ORDER BY bucket",
                values,
            ).fetchall()
            shown = database.execute(
                f"SELECT bucket, min, max, last, count, good, mean FROM measurement_{view}"
                " WHERE channel_id = 2 AND bucket >= %(first)s AND bucket < %(last)s ORDER BY bucket",
                values,
            ).fetchall()
            assert [row[:-1] for row in asked] == [row[:-1] for row in shown], (function, first)
            assert [row[-1] for row in asked] == [row[-1] and pytest.approx(row[-1], rel=1e-12) for row in shown]


def test_values_are_those_of_numpy(database):
    rows = series(1, hours=30)
    write(database, rows)
    check(database, rows)


def test_late_values_reach_the_rollups(database):
    rows = series(2, hours=30)
    early, late = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    write(database, early)
    first, last = min(row[0] for row in rows), max(row[0] for row in rows)
    rollup.refresh(database, first, last)
    check(database, early)
    write(database, late)
    rollup.refresh(database, first, last)
    check(database, rows)


def test_a_changed_flag_reaches_the_rollups(database):
    rows = series(3, hours=5)
    write(database, rows)
    times = [row[0] for row in rows]
    rollup.refresh(database, min(times), max(times))
    database.execute("UPDATE measurement SET quality = 4, tests = 1 WHERE channel_id = 2 AND quality <> 9")
    rollup.refresh(database, min(times), max(times))
    check(database, [(t, c, v, 4 if c == 2 and q != 9 else q) for t, c, v, q in rows])


def test_a_bucket_can_be_asked_for(database):
    rows = series(4, hours=30)
    write(database, rows)
    first = START + datetime.timedelta(hours=10)
    found = database.execute(
        "SELECT count(*), sum(count) FROM measurement_1h WHERE channel_id = 2 AND bucket >= %s AND bucket < %s",
        (first, first + datetime.timedelta(hours=5)),
    ).fetchone()
    inside = [row for row in rows if row[1] == 2 and first <= row[0] < first + datetime.timedelta(hours=5)]
    assert found == (5, len(inside))


def test_days_are_those_of_utc_whatever_the_clock_of_the_session_does(database):
    rows = series(6, hours=60)
    write(database, rows)
    database.execute("SET TimeZone = 'America/Montreal'")
    check(database, rows)


@pytest.mark.parametrize("edition", ["community"], indirect=True)
def test_columns_hold_the_same_values_and_take_late_ones(database, migrated):
    rows = series(5, hours=40)
    write(database, rows[:-300])
    for (chunk,) in database.execute("SELECT show_chunks('measurement')").fetchall():
        database.execute(f"CALL convert_to_columnstore('{chunk}')")
    check(database, rows[:-300])
    write(database, rows[-300:])
    check(database, rows)
    database.close()
    held = status(migrated).measurements
    assert held.chunks == held.chunks_in_columns > 0
    assert held.compression is not None


@pytest.mark.parametrize("edition", ["community"], indirect=True)
def test_policies_are_set_and_set_anew(database):
    def held():
        return {(item.kind, item.target): item.settings for item in policy.present(database)}

    first = held()
    assert {target for _, target in first} == {"measurement", "measurement_1min", "measurement_1h", "measurement_1d"}
    wished = policy.Policies(columnstore_after=datetime.timedelta(days=3), refresh_window=datetime.timedelta(days=90))
    policy.apply(database, wished)
    assert held().keys() == first.keys()
    assert held()["policy_compression", "measurement"]["compress_after"] == "3 days"
    assert held()["policy_refresh_continuous_aggregate", "measurement_1min"]["start_offset"] == "90 days"


@pytest.mark.parametrize("edition", ["community"], indirect=True)
@pytest.mark.parametrize("second", [30, 0])  # a refresh in batches leaves out the newest late row on a full minute
def test_the_refresh_policy_itself_brings_an_outage_of_three_days_into_the_rollups(database, second):
    now = datetime.datetime.now(datetime.UTC).replace(second=second, microsecond=0) - datetime.timedelta(minutes=1)
    rows = [(now - datetime.timedelta(minutes=index), 1, float(index), 1) for index in range(0, 72 * 60, 7)]
    write(database, rows[:50])
    jobs = [item.job for item in policy.present(database) if item.target != "measurement"]
    for job in jobs:
        database.execute("CALL run_job(%s)", (job,))
    write(database, rows[50:])
    for job in jobs:
        database.execute("CALL run_job(%s)", (job,))
    check(database, rows)


def test_whatever_happens_the_editions_tell_the_same(database, edition):
    """Late rows, new flags and deletions, on Community in chunks that are columns already: the same values everywhere."""
    rows = series(8, hours=60)
    early, late = rows[:-400], rows[-400:]
    first, last = min(row[0] for row in rows), max(row[0] for row in rows)
    write(database, early)
    rollup.refresh(database, first, last)
    if edition == "community":
        for (chunk,) in database.execute("SELECT show_chunks('measurement')").fetchall():
            database.execute(f"CALL convert_to_columnstore('{chunk}')")
    write(database, late)
    begin, end = START + datetime.timedelta(hours=20), START + datetime.timedelta(hours=25, minutes=7)
    database.execute(
        "UPDATE measurement SET quality = 3, tests = 2 WHERE channel_id = 1 AND quality = 1 AND time < %s", (begin,)
    )
    database.execute("DELETE FROM measurement WHERE channel_id = 2 AND time >= %s AND time < %s", (begin, end))
    rollup.refresh(database, first, last)
    left = [
        (time, channel, value, 3 if channel == 1 and quality == 1 and time < begin else quality)
        for time, channel, value, quality in rows
        if not (channel == 2 and begin <= time < end)
    ]
    check(database, left)
    held = "SELECT time, channel_id, value, quality FROM measurement ORDER BY channel_id, time"
    assert database.execute(held).fetchall() == sorted(left, key=lambda row: (row[1], row[0]))
