"""The flag of a value from all tests, in one batch and value by value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import PayloadError
from vitrine.installation import QualityRules
from vitrine.quality import Test
from vitrine_quality import Stream, evaluate, from_json, stateful, to_json

RULES = QualityRules(
    gross_range_fail=(-8, 8), gross_range_suspect=(-6, 6), spike_suspect=3, spike_fail=8, rate_of_change_suspect=4,
    rate_of_change_fail=9, flat_line_suspect_s=3, flat_line_fail_s=6, flat_line_tolerance=0.5,
)  # fmt: skip
NONE = QualityRules()


@pytest.mark.parametrize(
    ("value", "gateway", "rules", "quality", "tests"),
    [
        (1.0, 0, NONE, 2, 0),
        (1.0, 0, QualityRules(gross_range_fail=(0, 2)), 1, 0),
        (3.0, 0, QualityRules(gross_range_fail=(0, 2)), 4, Test.GROSS_RANGE),
        (1.9, 0, QualityRules(gross_range_suspect=(0, 1)), 3, Test.GROSS_RANGE),
        (math.nan, Test.SENTINEL, RULES, 9, Test.SENTINEL),
        (math.nan, Test.NO_ANSWER, NONE, 9, Test.NO_ANSWER),
        (1.0, Test.SENSOR_STATUS, RULES, 4, Test.SENSOR_STATUS),
        (1.0, Test.TIME_UNCERTAIN, RULES, 3, Test.TIME_UNCERTAIN),
        (1.0, 0, QualityRules(spike_suspect=1), 1, 0),
        (math.inf, 0, NONE, 4, Test.GROSS_RANGE),
    ],
)
def test_one_value(value: float, gateway: int, rules: QualityRules, quality: int, tests: int) -> None:
    found = evaluate(np.array([0.0]), np.array([value]), np.array([gateway], np.int16), rules)
    assert (found[0].tolist(), found[1].tolist()) == ([quality], [int(tests)])
    assert Stream(rules).push(0.0, value, gateway)[:2] == (quality, int(tests))


numbers = st.one_of(st.floats(-10, 10), st.integers(-9, 9).map(float), st.just(math.nan))
samples = st.lists(st.tuples(st.floats(0.1, 4), numbers, st.sampled_from([0, 0, 0, 32, 256])), max_size=40)


@given(samples)
def test_a_stream_ends_in_the_flags_of_the_batch(steps: list[tuple[float, float, int]]) -> None:
    times = np.cumsum([step for step, _, _ in steps]) if steps else np.array([])
    values = np.array([value for _, value, _ in steps], float)
    gateway = np.array([test for _, _, test in steps], np.int16)
    stream, found = Stream(RULES), {}
    for time, value, tests in zip(times.tolist(), values.tolist(), gateway.tolist(), strict=True):
        quality, failed, correction = stream.push(time, value, tests)
        found[time] = (quality, failed)
        if correction:
            assert correction.time_s in found
            found[correction.time_s] = (correction.quality, correction.tests)
    quality, failed = evaluate(times, values, gateway, RULES)
    assert list(found.values()) == list(zip(quality.tolist(), failed.tolist(), strict=True))


def test_a_late_value_disturbs_nothing() -> None:
    stream = Stream(RULES)
    stream.push(10, 1.0)
    assert stream.push(5, 99.0)[:2] == (4, Test.GROSS_RANGE)
    assert stream.push(11, 1.2)[:2] == (1, 0)


def test_rules_travel_as_json() -> None:
    assert from_json(to_json(RULES)) == RULES
    assert to_json(NONE) == {}
    assert stateful(RULES)
    assert not stateful(QualityRules(gross_range_fail=(0, 1)))


@pytest.mark.parametrize(
    "document",
    [{"gross": 1}, {"spike_suspect": "a"}, {"gross_range_fail": [1]}, {"spike_fail": 10**400}, {"spike_fail": True}],
)
def test_rules_that_are_none_are_refused_by_name(document: dict[str, object]) -> None:
    with pytest.raises(PayloadError, match=next(iter(document))):
        from_json(document)


def test_a_silence_is_no_flat_line() -> None:
    rules = QualityRules(flat_line_suspect_s=600, flat_line_fail_s=3600)
    stream = Stream(rules)
    assert [stream.push(time, 6.0)[0] for time in (0.0, 7200.0, 7500.0, 7900.0)] == [1, 1, 1, 3]


def test_two_values_at_one_time_have_no_rate() -> None:
    rules = QualityRules(rate_of_change_suspect=1)
    assert evaluate(np.array([0.0, 0.0]), np.array([0.0, 9.0]), np.zeros(2, np.int16), rules)[0].tolist() == [1, 1]
