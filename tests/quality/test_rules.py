"""Rules as JSON, and mistakes in them."""

import pytest

from vitrine.errors import PayloadError
from vitrine.installation import QualityRules
from vitrine_quality import from_json, to_json

FULL = QualityRules(gross_range_fail=(0, 12), gross_range_suspect=(0.2, 10), spike_suspect=1.0, flat_line_suspect_s=600)


def test_round_trip():
    assert from_json(to_json(FULL)) == FULL
    assert to_json(FULL)["gross_range_fail"] == [0, 12]
    assert "spike_fail" not in to_json(FULL)


def test_null_is_no_rule():
    assert from_json({"spike_fail": None}) == QualityRules()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gross_range_fail", [5]),
        ("gross_range_fail", "wide"),
        ("gross_range_fail", ["a", "b"]),
        ("spike_fail", True),
        ("spike_fail", [1, 2]),
        ("climatology", 3),
    ],
)
def test_a_mistake_is_named(key, value):
    with pytest.raises(PayloadError, match=key):
        from_json({key: value})
