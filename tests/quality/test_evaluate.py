"""One flag from all tests, by precedence."""

import numpy as np
import pytest

from vitrine.installation import QualityRules
from vitrine.quality import Test
from vitrine_quality.evaluate import evaluate

NAN = float("nan")
NONE = QualityRules()
RANGE = QualityRules(gross_range_fail=(0, 10), gross_range_suspect=(1, 9))
ALL = QualityRules(
    gross_range_fail=(0, 100),
    gross_range_suspect=(1, 90),
    spike_suspect=5,
    spike_fail=20,
    rate_of_change_suspect=10,
    rate_of_change_fail=30,
    flat_line_suspect_s=3,
    flat_line_fail_s=5,
)


def judge(values, rules, given=None, at=None):
    flags, tests = evaluate(
        range(len(values)) if at is None else at, values, [0] * len(values) if given is None else given, rules
    )
    assert flags.dtype == tests.dtype == np.int16
    return flags.tolist(), tests.tolist()


@pytest.mark.parametrize(
    ("value", "given", "rules", "flag", "tests"),
    [
        (5, 0, NONE, 2, 0),
        (5, 0, RANGE, 1, 0),
        (0.5, 0, RANGE, 3, Test.GROSS_RANGE),
        (-1, 0, RANGE, 4, Test.GROSS_RANGE),
        (5, Test.SENSOR_STATUS, NONE, 4, Test.SENSOR_STATUS),
        (0.5, Test.SENSOR_STATUS, RANGE, 4, Test.SENSOR_STATUS | Test.GROSS_RANGE),
        (5, Test.SENTINEL, RANGE, 4, Test.SENTINEL),
        (5, Test.TIME_UNCERTAIN, RANGE, 3, Test.TIME_UNCERTAIN),
        (5, Test.TIME_UNCERTAIN, NONE, 3, Test.TIME_UNCERTAIN),
        (NAN, Test.SENTINEL, RANGE, 9, Test.SENTINEL),
        (NAN, Test.NO_ANSWER, NONE, 9, Test.NO_ANSWER),
        (NAN, 0, NONE, 9, 0),
        (float("inf"), 0, NONE, 4, Test.GROSS_RANGE),
        # what is computed here is not taken from the gateway
        (5, Test.GROSS_RANGE | Test.SPIKE, RANGE, 1, 0),
    ],
)
def test_one_value(value, given, rules, flag, tests):
    assert judge([value], rules, [given]) == ([flag], [tests])


def test_the_worst_test_decides_and_each_leaves_its_bit():
    flags, tests = judge([10, 10, 95, 10, 10], ALL)
    assert flags == [1, 4, 4, 4, 1]
    steep = Test.SPIKE | Test.RATE_OF_CHANGE
    assert tests == [0, Test.SPIKE, steep | Test.GROSS_RANGE, steep, 0]


def test_flat_line_beside_the_others():
    flags, tests = judge([50] * 7, ALL)
    assert flags == [1, 1, 1, 3, 3, 4, 4]
    assert tests == [0, 0, 0, 8, 8, 8, 8]


def test_after_a_missing_value_there_is_no_rate_and_no_spike():
    assert judge([10, NAN, 80, 81], ALL) == ([1, 9, 1, 1], [0, 0, 0, 0])


def test_windows_end_where_they_should_in_tenths_of_seconds_since_1970():
    at = 1_795_000_000 + np.arange(60) / 10
    flags, _ = judge([50.0] * 60, QualityRules(flat_line_suspect_s=3), at=at)
    assert flags == [1] * 30 + [3] * 30


def test_nothing_in_nothing_out():
    assert judge([], ALL) == ([], [])


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="ascending"):
        evaluate([2, 1], [0, 0], [0, 0], ALL)
    with pytest.raises(ValueError, match="shape"):
        evaluate([1, 2], [0], [0, 0], ALL)
