"""Rules from JSON, and every mistake in them at once."""

import pytest

from vitrine.errors import PayloadError
from vitrine.installation import QualityRules
from vitrine_quality import rules

FULL = QualityRules(gross_range_fail=(0, 12), gross_range_suspect=(0.2, 10), spike_suspect=1.0, flat_line_suspect_s=600)


def test_round_trip():
    assert rules.read(rules.write(FULL)) == FULL
    assert rules.write(FULL)["gross_range_fail"] == [0, 12]
    assert "spike_fail" not in rules.write(FULL)


@pytest.mark.parametrize("source", [None, "", "{}", {}, '{"spike_fail": null}', '{"flat_line_tolerance": 0.5}'])
def test_no_rule_asked(source):
    assert not rules.asked(rules.read(source))


@pytest.mark.parametrize("key", sorted(set(QualityRules.__dataclass_fields__) - {"flat_line_tolerance"}))
def test_each_rule_counts(key):
    assert rules.asked(rules.read({key: [0, 1] if key.startswith("gross") else 0}))


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ('{"gross_range_fail": [5, 1]}', "gross_range_fail"),
        ('{"gross_range_fail": [5]}', "gross_range_fail"),
        ('{"gross_range_fail": "wide"}', "gross_range_fail"),
        ('{"spike_fail": -1}', "spike_fail"),
        ('{"spike_fail": true}', "spike_fail"),
        ('{"spike_fail": NaN}', "spike_fail"),
        ('{"spike_fail": [1, 2]}', "spike_fail"),
        ('{"climatology": 3}', "climatology"),
    ],
)
def test_a_mistake_is_named(source, key):
    with pytest.raises(PayloadError) as caught:
        rules.read(source)
    assert [problem.key for problem in caught.value.problems] == [key]


def test_all_mistakes_at_once():
    with pytest.raises(PayloadError) as caught:
        rules.read({"climatology": 3, "spike_fail": "x", "gross_range_fail": [2, 1]})
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("source", ["{", "[1]", '"x"', "\x00"])
def test_what_is_not_rules_at_all(source):
    with pytest.raises(PayloadError):
        rules.read(source)
