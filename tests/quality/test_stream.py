"""Whatever the portions in which values arrive, they end with the flags of one batch."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrine.installation import QualityRules
from vitrine.quality import Test
from vitrine_quality.evaluate import evaluate_us
from vitrine_quality.stream import ChannelStream

SECOND = 1_000_000
RULES = QualityRules(
    gross_range_fail=(-20, 20),
    gross_range_suspect=(-10, 10),
    spike_suspect=2,
    spike_fail=6,
    rate_of_change_suspect=2,
    rate_of_change_fail=5,
    flat_line_suspect_s=3,
    flat_line_fail_s=7,
)

limits = st.none() | st.sampled_from([0.5, 1.0, 2.0, 6.0])
durations = st.none() | st.sampled_from([0.5, 2.0, 3.0, 7.0])
rules = st.builds(
    QualityRules,
    gross_range_fail=st.none() | st.just((-20.0, 20.0)),
    gross_range_suspect=st.none() | st.just((-10.0, 10.0)),
    spike_suspect=limits,
    spike_fail=limits,
    rate_of_change_suspect=limits,
    rate_of_change_fail=limits,
    flat_line_suspect_s=durations,
    flat_line_fail_s=durations,
    flat_line_tolerance=st.sampled_from([0.0, 0.25, 1.0]),
)
# Few different values, so that plateaus are common.
values = st.sampled_from([0.0, 0.25, 1.0, 5.0, -15.0, 30.0, float("nan"), float("inf")])
records = st.lists(
    st.tuples(
        st.sampled_from([100_000, SECOND, SECOND, SECOND, 3 * SECOND, 8 * SECOND]),
        values,
        st.sampled_from([0, 0, 0, int(Test.SENSOR_STATUS), int(Test.TIME_UNCERTAIN)]),
    ),
    max_size=60,
)


def columns(table):
    steps = [row[0] for row in table]
    times = np.cumsum(np.array(steps, dtype=np.int64)) + 1_700_000_000 * SECOND
    return times, np.array([row[1] for row in table], dtype=float), np.array([row[2] for row in table], dtype=np.int16)


def stream(channel, times, data, bits, cuts):
    """Push in portions; return time → (flag, tests), with the corrections made."""
    held = {}
    edges = sorted({0, len(times), *(cut for cut in cuts if cut < len(times))})
    for first, last in zip(edges, edges[1:], strict=False):
        found = channel.push(times[first:last], data[first:last], bits[first:last])
        for correction in found.corrections:
            before = (correction.quality_before, correction.tests_before)
            assert held[correction.time_us] == before
            assert before != (correction.quality_after, correction.tests_after)
            held[correction.time_us] = (correction.quality_after, correction.tests_after)
        for time, flag, test in zip(times[first:last], found.flags, found.tests, strict=True):
            held[int(time)] = (int(flag), int(test))
    return held


@settings(max_examples=400, deadline=None)
@given(records, rules, st.sets(st.integers(0, 60)))
def test_portions_end_as_one_batch(table, wished, cuts):
    times, data, bits = columns(table)
    flags, tests = evaluate_us(times, data, bits, wished)
    held = stream(ChannelStream(wished), times, data, bits, cuts)
    assert held == dict(zip(times.tolist(), zip(flags.tolist(), tests.tolist(), strict=True), strict=True))


@settings(max_examples=100, deadline=None)
@given(records, rules)
def test_one_by_one_ends_as_one_batch(table, wished):
    times, data, bits = columns(table)
    flags, tests = evaluate_us(times, data, bits, wished)
    held = stream(ChannelStream(wished), times, data, bits, range(len(times)))
    assert held == dict(zip(times.tolist(), zip(flags.tolist(), tests.tolist(), strict=True), strict=True))


@given(records, rules, st.randoms(use_true_random=False))
def test_the_order_within_one_arrival_does_not_matter(table, wished, random):
    times, data, bits = columns(table)
    order = list(range(len(times)))
    random.shuffle(order)
    plain, mixed = ChannelStream(wished), ChannelStream(wished)
    straight = plain.push(times, data, bits)
    shuffled = mixed.push(times[order], data[order], bits[order])
    assert shuffled.flags.tolist() == straight.flags[order].tolist()
    assert shuffled.tests.tolist() == straight.tests[order].tolist()


def test_a_spike_is_told_when_its_successor_arrives():
    channel = ChannelStream(QualityRules(spike_suspect=2))
    assert channel.push([0, SECOND], [1, 9], [0, 0]).flags.tolist() == [1, 1]
    later = channel.push([2 * SECOND], [1], [0])
    assert later.flags.tolist() == [1]
    (correction,) = later.corrections
    assert (correction.time_us, correction.quality_before, correction.quality_after) == (SECOND, 1, 3)
    assert (correction.tests_before, correction.tests_after) == (0, Test.SPIKE)


def test_late_values_are_judged_and_change_nothing():
    channel = ChannelStream(RULES)
    channel.push([100 * SECOND], [1], [0])
    late = channel.push([90 * SECOND, 100 * SECOND, 80 * SECOND], [30, 1, -15], [0, 0, 0])
    assert late.flags.tolist() == [4, 4, 3]  # 1 → 4: it changed faster than allowed among the late ones
    assert late.corrections == ()
    assert channel.push([101 * SECOND], [1], [0]).flags.tolist() == [1]


def test_memory_stays_small():
    noisy, still, silent = (ChannelStream(RULES) for _ in range(3))
    random = np.random.default_rng(3)
    for index in range(200):
        times = (np.arange(50) + 50 * index) * SECOND
        noisy.push(times, random.normal(0, 1, 50), np.zeros(50))
        still.push(times, np.full(50, 1.5), np.zeros(50))
        silent.push(times, np.full(50, np.nan), np.zeros(50))
    assert len(noisy._times) <= 3
    assert len(still._times) <= 9  # the longest limit is 7 s
    assert len(silent._times) <= 2


def test_nothing_pushed_changes_nothing():
    channel = ChannelStream(RULES)
    assert channel.push([], [], []).flags.tolist() == []
    channel.push([SECOND], [1], [0])
    assert channel.push([], [], []).corrections == ()
