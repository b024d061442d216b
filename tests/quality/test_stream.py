"""Values one by one: the spike that only its successor tells."""

import math

import pytest

from vitrine.installation import QualityRules
from vitrine.quality import Test
from vitrine_quality import Stream

WITH_RANGE = QualityRules(gross_range_fail=(-100, 100), spike_suspect=2)


def test_a_spike_is_told_when_its_successor_arrives():
    stream = Stream(WITH_RANGE)
    stream.push(0.0, 1.0)
    assert stream.push(1.0, 9.0) == (1, 0, None)
    quality, tests, correction = stream.push(2.0, 1.0)
    assert (quality, tests) == (1, 0)
    assert (correction.time_s, correction.quality, correction.tests) == (1.0, 3, Test.SPIKE)


@pytest.mark.parametrize("neighbour", [0, 2])
def test_beside_a_missing_value_there_is_no_spike(neighbour):
    values = [1.0, 9.0, 1.0]
    values[neighbour] = math.nan
    stream = Stream(WITH_RANGE)
    assert all(stream.push(float(at), value)[2] is None for at, value in enumerate(values))


def test_without_a_spike_rule_nothing_is_corrected():
    stream = Stream(QualityRules(gross_range_fail=(0, 10)))
    assert all(stream.push(float(at), value)[2] is None for at, value in enumerate([1.0, 50.0, 1.0]))
