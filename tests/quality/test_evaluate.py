"""One flag from all tests, by precedence."""

import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


STEPS = st.sampled_from([0.0, 0.2, 1.0, 1.0, 1.0, 2.0, 9.0])
VALUES = st.sampled_from([5.0, 5.0, 5.0, 5.1, 5.3, 50.0, 95.0, 120.0, float("inf"), NAN, NAN])


@given(
    steps=st.lists(st.tuples(STEPS, VALUES), max_size=80),
    block=st.integers(1, 12),
    tolerance=st.sampled_from([0.0, 0.15, 0.5]),
    windows=st.sampled_from([(3.0, 5.0), (5.0, None), (2.0, 20.0)]),
)
def test_a_series_in_blocks_has_the_flags_of_the_whole(steps, block, tolerance, windows):
    rules = QualityRules(
        gross_range_fail=(0, 100),
        spike_suspect=5,
        spike_fail=20,
        rate_of_change_suspect=10,
        rate_of_change_fail=30,
        flat_line_suspect_s=windows[0],
        flat_line_fail_s=windows[1],
        flat_line_tolerance=tolerance,
    )
    times = np.cumsum([step for step, _ in steps], dtype=float)
    values = np.array([value for _, value in steps], dtype=float)
    seen = np.zeros(len(values), np.int16)
    whole = evaluate(times, values, seen, rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.import_module("vitrine_quality.evaluate"), "_BLOCK", block)
        parts = evaluate(times, values, seen, rules)
    assert [one.tolist() for one in parts] == [one.tolist() for one in whole]
