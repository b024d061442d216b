"""One flag from all tests, by precedence."""

import numpy as np

from vitrine.installation import QualityRules
from vitrine.quality import Test
from vitrine_quality import evaluate

NAN = float("nan")
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


def judge(values, rules=ALL):
    count = len(values)
    flags, tests = evaluate(np.arange(float(count)), np.array(values, dtype=float), np.zeros(count, np.int16), rules)
    assert flags.dtype == tests.dtype == np.int16
    return flags.tolist(), tests.tolist()


def test_the_worst_test_decides_and_each_leaves_its_bit():
    flags, tests = judge([10, 10, 95, 10, 10])
    assert flags == [1, 4, 4, 4, 1]
    steep = Test.SPIKE | Test.RATE_OF_CHANGE
    assert tests == [0, Test.SPIKE, steep | Test.GROSS_RANGE, steep, 0]


def test_flat_line_beside_the_others():
    assert judge([50] * 7) == ([1, 1, 1, 3, 3, 4, 4], [0, 0, 0, 8, 8, 8, 8])


def test_after_a_missing_value_there_is_no_rate_and_no_spike():
    assert judge([10, NAN, 80, 81]) == ([1, 9, 1, 1], [0, 0, 0, 0])


def test_without_rules_nothing_is_evaluated():
    assert judge([1, NAN, 1e9], QualityRules()) == ([2, 9, 2], [0, 0, 0])


def test_nothing_in_nothing_out():
    assert judge([]) == ([], [])
