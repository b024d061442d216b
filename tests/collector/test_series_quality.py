"""Flags that depend on neighbours end as those of one evaluation of the whole series, in whatever order values come."""

import threading

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from vitrine.installation import QualityRules
from vitrine.quality import Quality, Test
from vitrine_collector.rows import Rows
from vitrine_collector.series import judged, merged, spans_of
from vitrine_collector.series_quality import AGAIN_S, SeriesQuality, note_new
from vitrine_collector.writer import Writer
from vitrine_quality import evaluate
from vitrine_quality.rules import to_json

pytestmark = pytest.mark.plain
RULES = QualityRules(
    gross_range_fail=(-50, 50),
    spike_suspect=3,
    spike_fail=8,
    rate_of_change_suspect=4,
    rate_of_change_fail=9,
    flat_line_suspect_s=3,
    flat_line_fail_s=6,
    flat_line_tolerance=0.5,
)
BEGIN_US = 1_767_225_600_000_000
RUNNING = threading.Event()


def add_channel(database, rules):
    database.execute("INSERT INTO installation (slug, name) VALUES ('essai', '{}') ON CONFLICT DO NOTHING")
    database.execute(
        "INSERT INTO gateway (installation_id, node, online) SELECT installation_id, 'n', true FROM installation"
        " ON CONFLICT DO NOTHING"
    )
    database.execute(
        "INSERT INTO device (gateway_id, key, profile, online) SELECT gateway_id, 'd', '', true FROM gateway"
        " ON CONFLICT DO NOTHING"
    )
    return database.execute(
        "INSERT INTO channel (installation_id, device_id, key, path, name, unit, quantity, rules)"
        " SELECT g.installation_id, d.device_id, k.key, 'd/' || k.key, '{}', '1', 'number', %s"
        " FROM device d JOIN gateway g USING (gateway_id), (SELECT gen_random_uuid()::text AS key) k"
        " RETURNING channel_id",
        [Jsonb(to_json(rules))],
    ).fetchone()[0]


def write(database, channel, times_us, values, tests):
    order = np.argsort(times_us)
    count = len(times_us)
    told = np.array(tests, np.int16)[order]
    flags = np.where(np.isnan(np.array(values)[order]), Quality.MISSING, Quality.PASS)
    rows = Rows(np.array(times_us)[order], [channel] * count, np.array(values)[order], flags, told)
    with database.transaction():
        Writer(database).write(rows)
        note_new(database, rows)


def held(database, channel):
    found = database.execute(
        "SELECT quality, tests FROM measurement WHERE channel_id = %s ORDER BY time", [channel]
    ).fetchall()
    return [row[0] for row in found], [row[1] for row in found]


VALUES = st.one_of(st.sampled_from([0.0, 0.2, 0.4, 1.0]), st.floats(-60, 60), st.just(float("nan")))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), tolerance=st.sampled_from([0.0, 0.5]), flat=st.booleans())
def test_any_order_and_any_judge_end_in_the_flags_of_one_batch(database, data, tolerance, flat):
    limits = {"flat_line_tolerance": tolerance, "flat_line_suspect_s": 3 if flat else None}
    rules = QualityRules(**{name: getattr(RULES, name) for name in RULES.__slots__} | limits)
    channel = add_channel(database, rules)
    gaps = data.draw(st.lists(st.sampled_from([500_000, 1_000_000, 2_500_000, 90_000_000]), min_size=1, max_size=25))
    times = BEGIN_US + np.cumsum(gaps)
    values = np.array(data.draw(st.lists(VALUES, min_size=len(gaps), max_size=len(gaps))))
    told = np.array([int(Test.NO_ANSWER) if np.isnan(value) else 0 for value in values], np.int16)
    order = data.draw(st.one_of(st.just(list(range(len(gaps)))), st.permutations(range(len(gaps)))))
    judges = [SeriesQuality(), SeriesQuality()]
    while order:
        count = data.draw(st.integers(1, len(order)))
        part, order = order[:count], order[count:]
        write(database, channel, times[part], values[part], told[part])
        if data.draw(st.booleans()):
            judges[data.draw(st.integers(0, 1))].work(database, RUNNING)
    judges[0].work(database, RUNNING)
    quality, tests = evaluate(times / 1e6, values, told, rules)
    assert held(database, channel) == (quality.tolist(), tests.tolist())
    assert database.execute("SELECT count(*) FROM unjudged_range").fetchone() == (0,)


def seconds(*at):
    return BEGIN_US + np.array(at) * 1_000_000


def test_a_spike_that_its_successor_tells_leaves_a_line_and_its_hour_is_computed_again(database):
    channel = add_channel(database, QualityRules(spike_suspect=2, spike_fail=5))
    judge = SeriesQuality()
    write(database, channel, seconds(0, 1), [1.0, 9.0], [0, 0])
    judge.work(database, RUNNING)
    assert database.execute("SELECT count(*) FROM stale_hour").fetchone() == (0,)
    write(database, channel, seconds(2), [1.0], [0])
    judge.work(database, RUNNING)
    assert held(database, channel)[0] == [1, 4, 1]
    line = database.execute(
        "SELECT quality_before, quality_after, tests_after, changed_by FROM quality_change"
    ).fetchall()
    assert line == [(1, 4, int(Test.SPIKE), "collector")]
    assert database.execute("SELECT count(*) FROM stale_hour").fetchone() == (1,)


def test_what_a_person_judged_stays(database):
    channel = add_channel(database, QualityRules(spike_suspect=2, spike_fail=5))
    write(database, channel, seconds(0, 1, 2), [1.0, 9.0, 1.0], [0, 0, 0])
    database.execute(
        "INSERT INTO quality_change SELECT time, channel_id, 1, 1, 0, 0, 'a real peak, seen on site', 'evaluator'"
        " FROM measurement WHERE value = 9"
    )
    SeriesQuality().work(database, RUNNING)
    assert held(database, channel)[0] == [1, 1, 1]


def test_channels_without_such_rules_are_not_noted(database):
    channel = add_channel(database, QualityRules(gross_range_fail=(0, 1)))
    write(database, channel, seconds(0, 1), [1.0, 9.0], [0, 0])
    assert database.execute("SELECT count(*) FROM unjudged_range").fetchone() == (0,)


def peak(database):
    """Return a channel with a value that its neighbours tell to be a spike."""
    channel = add_channel(database, RULES)
    write(database, channel, seconds(0, 1, 2), [1.0, 30.0, 1.0], [0, 0, 0])
    return channel


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF new.channel_id = {channel} THEN RAISE 'not this one' USING ERRCODE = '{state}'; END IF;
    RETURN new;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON measurement FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@pytest.mark.parametrize("state", ["23514", "54000", "57014", "XX000"])
def test_a_channel_that_cannot_be_judged_stops_no_other(database, state):
    bad, good = peak(database), peak(database)
    database.execute(REFUSE.format(channel=bad, state=state))
    now_s = 100.0
    judge = SeriesQuality(clock=lambda: now_s)
    judge.work(database, RUNNING)
    assert (held(database, bad)[0][1], held(database, good)[0][1]) == (Quality.PASS, Quality.FAIL)
    database.execute("DROP TRIGGER refuse ON measurement")
    judge.work(database, RUNNING)
    assert (judge.postponed, held(database, bad)[0][1]) == (1, Quality.PASS)
    now_s += AGAIN_S
    judge.work(database, RUNNING)
    assert (judge.postponed, held(database, bad)[0][1]) == (0, Quality.FAIL)


def test_a_mistake_of_ours_stops_no_other_channel(database, monkeypatch):
    bad, good = peak(database), peak(database)
    judge, calls = SeriesQuality(), []

    def fails_once(*arguments):
        calls.append(arguments)
        return 1 / 0 if len(calls) == 1 else judged(*arguments)

    monkeypatch.setattr("vitrine_collector.series_quality.judged", fails_once)
    judge.work(database, RUNNING)
    flags = {held(database, channel)[0][1] for channel in (bad, good)}
    assert (judge.postponed, flags) == (1, {Quality.PASS, Quality.FAIL})
    SeriesQuality().work(database, RUNNING)
    assert {held(database, channel)[0][1] for channel in (bad, good)} == {Quality.FAIL}
    judge.work(database, RUNNING)
    assert judge.postponed == 0  # another judge has done it


def test_what_concerns_every_channel_is_raised(database):
    peak(database)
    database.execute("SET lock_timeout = '50ms'")
    with psycopg.connect(database.info.dsn) as other:
        other.execute("LOCK quality_change")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            SeriesQuality().work(database, RUNNING)


@pytest.mark.parametrize(
    ("spans", "joined"),
    [([], []), ([(5, 6), (1, 2)], [(1, 2), (5, 6)]), ([(1, 4), (3, 9)], [(1, 9)]), ([(1, 9), (2, 3)], [(1, 9)])],
)
def test_spans_that_overlap_are_one(spans, joined):
    assert merged(spans, near_us=1) == joined


def test_late_values_in_a_batch_are_a_stretch_of_their_own():
    channels, times = np.array([1, 1, 1, 2], np.int32), np.array([0, 1, 10**9, 5], np.int64)
    assert [part.tolist() for part in spans_of(channels, times)] == [[1, 1, 2], [0, 10**9, 5], [1, 10**9, 5]]
