"""Minutes, hours and days: against the SQL view, against a slow and plain computation, whole and in pieces."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitrine_database.connection import connect
from vitrine_evaluation.definitions import Channel
from vitrine_evaluation.evaluate import evaluate
from vitrine_evaluation.formula import examine
from vitrine_evaluation.indicators import read_minutes
from vitrine_evaluation.minutes import Minutes
from vitrine_evaluation.periods import LENGTH, PERIODS, Reduction, summarize

from .conftest import FIRST_US, build_empty, measure, seed_catalogue
from .test_formula import indicator

FIRST_MINUTE = FIRST_US // 60_000_000

measurements = st.lists(
    st.tuples(
        st.integers(0, 3 * 3600 * 1000 - 1),
        st.floats(-1e6, 1e6, allow_nan=False),
        st.sampled_from([1, 1, 2, 3, 4, 9]),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda one: one[0],
)


def arrays(rows):
    rows = sorted(rows)
    time = FIRST_US + 1000 * np.array([row[0] for row in rows], dtype=np.int64)
    quality = np.array([row[2] for row in rows], dtype=np.int16)
    value = np.where(quality == 9, np.nan, [row[1] for row in rows])
    return time, value, quality


@pytest.fixture(scope="module")
def opened(plain_server):
    from tests.servers.templates import clone, template

    with clone(plain_server, template(plain_server, "evaluation_empty", build_empty)) as url, connect(url) as found:
        installation, numbers = seed_catalogue(found)
        yield found, installation, numbers["feed/flow"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=measurements)
def test_minutes_are_those_of_the_database(opened, rows):
    connection, installation, channel = opened
    time, value, quality = arrays(rows)
    connection.execute("TRUNCATE measurement")
    measure(connection, installation, channel, time, value, quality)
    known = Channel(channel, "feed/flow", "m3/h", 60.0)
    stored = read_minutes(connection, [known], FIRST_MINUTE, FIRST_MINUTE + 180)["feed/flow"]
    ours = Minutes.of(time, value, quality)
    for name in ("minute", "good", "count", "minimum", "maximum", "last"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(stored, name), err_msg=name)
    np.testing.assert_allclose(ours.mean, stored.mean, rtol=1e-9, atol=1e-6)


def plain_minutes(time, value, quality):
    """The same minutes, computed one by one."""
    found = {}
    for moment, one, flag in zip(time, value, quality, strict=True):
        found.setdefault(int(moment) // 60_000_000, []).append((moment, one, flag))
    return {
        minute: [one for _, one, flag in sorted(rows) if flag in (1, 2) and not math.isnan(one)]
        for minute, rows in found.items()
    }


@given(rows=measurements)
def test_minutes_are_those_computed_one_by_one(rows):
    time, value, quality = arrays(rows)
    ours, plain = Minutes.of(time, value, quality), plain_minutes(time, value, quality)
    assert ours.minute.tolist() == sorted(plain)
    for position, minute in enumerate(ours.minute.tolist()):
        usable = plain[minute]
        assert ours.good[position] == len(usable)
        if usable:
            assert ours.mean[position] == pytest.approx(sum(usable) / len(usable), rel=1e-9, abs=1e-6)
            assert (ours.minimum[position], ours.maximum[position]) == (min(usable), max(usable))
            assert ours.last[position] == usable[-1]
        else:
            assert np.isnan([ours.mean[position], ours.last[position]]).all()


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 4 * 86_400 - 1), st.floats(0, 1e6, allow_nan=False), st.sampled_from([1, 1, 1, 2, 3, 9])
        ),
        min_size=1,
        max_size=300,
        unique_by=lambda one: one[0],
    ),
    cuts=st.lists(st.integers(0, 300), max_size=6),
    start=st.integers(0, 86_400),
)
def test_pieces_give_what_the_whole_gives(rows, cuts, start):
    time, value, quality = arrays([(1000 * second, one, flag) for second, one, flag in rows])
    first_us, last_us = FIRST_US + 1_000_000 * start, FIRST_US + 4 * 86_400_000_000
    inside = time >= first_us
    time, value, quality = time[inside], value[inside], quality[inside]
    reduction = Reduction(first_us, last_us, 60.0)
    for part in np.split(np.arange(len(time)), sorted(min(cut, len(time)) for cut in cuts)):
        reduction.feed(time[part], value[part], quality[part])
    found = reduction.finish()
    minutes = Minutes.of(time, value, quality)
    for period in PERIODS:
        length = LENGTH[period]
        first = -(-first_us // 60_000_000) // length * length
        first += length if first * 60_000_000 < first_us else 0
        count = (last_us // 60_000_000 - first) // length
        whole = summarize(minutes, period, first, count, 60.0)
        for name in ("bucket", "coverage", "mean", "minimum", "maximum", "increase", "change", "hourly"):
            np.testing.assert_array_equal(getattr(found[period], name), getattr(whole, name), err_msg=name)


def counter(values, first=0):
    """Minutes of a counter, one a minute; None for a minute without a value."""
    known = [(first + at, value) for at, value in enumerate(values) if value is not None]
    time = np.array([60_000_000 * minute for minute, _ in known], dtype=np.int64)
    return Minutes.of(time, np.array([value for _, value in known], dtype=float), np.ones(len(known), dtype=np.int16))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (counter(range(100, 220)), [59, 60]),
        (counter([*range(100, 160), *range(60)]), [59, 59]),
        (counter([*range(100, 130), *range(90)]), [58, 60]),
        (counter([None] * 60 + list(range(60))), [np.nan, 59]),
        (counter([1.0] * 60 + [None] * 10 + [5.0] * 50), [0, 4]),
        (counter([1.0] * 40 + [None] * 40 + [9.0] * 40), [0, 0]),
        (counter([100.0] * 90 + [80.0] * 30), [0, np.nan]),
        (counter([100.0] * 90 + [100.0 - 1e-5] * 30), [0, -1e-5]),
        (counter([]), [np.nan, np.nan]),
    ],
    ids=["steady", "restart between", "restart inside", "first", "gap", "outage", "fall", "rounding", "none"],
)
def test_a_counter_advances(minutes, expected):
    increase = summarize(minutes, "hour", 0, 2).increase
    np.testing.assert_allclose(increase, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("usable", "period", "has_value"),
    [(45, "hour", True), (44, "hour", False), (1296, "day", True), (1295, "day", False), (0, "hour", False)],
)
def test_too_little_coverage_has_no_value_and_is_stated(usable, period, has_value):
    length = LENGTH[period]
    minutes = counter([5.0] * usable + [None] * (length - usable))
    formula, _ = examine(indicator("mean(p)", "kW", {"p": "pump/power"}), {"pump/power": "kW"})
    found = evaluate(formula, {"p": minutes}, period, 0, 1)
    assert found.coverage[0] == usable / length
    assert np.isnan(found.value[0]) != has_value


def test_the_poorest_input_counts():
    formula, _ = examine(indicator("mean(a) + mean(b)", "kW", {"a": "x/a", "b": "x/b"}), {"x/a": "kW", "x/b": "kW"})
    found = evaluate(formula, {"a": counter([1.0] * 60), "b": counter([1.0] * 30)}, "hour", 0, 1)
    assert found.coverage[0] == 0.5
    assert np.isnan(found.value[0])


def test_a_slow_sensor_covers_the_minutes_it_promises():
    slow = counter([3.0 if at % 5 == 0 else None for at in range(60)])
    assert summarize(slow, "hour", 0, 1, 300.0).coverage[0] == 1.0
    assert summarize(slow, "hour", 0, 1).coverage[0] == 0.2


def test_an_integral_is_the_mean_times_the_period():
    formula, _ = examine(indicator("integral(q)", "m3", {"q": "x/q"}), {"x/q": "m3/h"})
    found = evaluate(formula, {"q": counter([6.0] * 48 + [None] * 12)}, "hour", 0, 1)
    assert found.value[0] == 6.0
