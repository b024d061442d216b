"""Durations, units, languages and quality flags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.durations import seconds
from vitrine.i18n import catalogue, of_environment, preferred
from vitrine.quality import Test, names
from vitrine.units import UNITS, conversion, convert, nearest


@pytest.mark.parametrize(
    ("text", "expected"), [("1 s", 1), ("250ms", 0.25), ("10 min", 600), ("1.5 h", 5400), ("30 d", 2_592_000)]
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "1", "s", "-1 s", "0 s", "1 sec", "1 s 2 min"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1, "m3/s", "m3/h", 3600),
        (0, "Cel", "K", 273.15),
        (300, "K", "Cel", 26.85),
        (1, "bar", "kPa", 100),
        (1, "kW.h", "W.h", 1000),
        (0.5, "1", "%", 50),
    ],
)
def test_units_convert(value: float, source: str, target: str, expected: float) -> None:
    assert convert(value, source, target) == pytest.approx(expected, rel=1e-12)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.floats(-1e6, 1e6))
def test_units_of_one_dimension_convert_there_and_back(source: str, target: str, value: float) -> None:
    if UNITS[source].dimension != UNITS[target].dimension:
        with pytest.raises(ValueError, match="does not convert"):
            conversion(source, target)
    else:
        assert convert(convert(value, source, target), target, source) == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_an_unknown_unit_gets_its_neighbours() -> None:
    assert "kW.h" in nearest("kWh")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fr"),
        ("en", "en"),
        ("en-CA,en;q=0.9", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de,en;q=0.3", "en"),
        ("en;q=x,fr;q=0.1", "fr"),
    ],
)
def test_the_language_follows_the_reader(header: str, language: str) -> None:
    assert preferred(header) == language


@pytest.mark.parametrize(
    ("lang", "language"), [("fr_CA.UTF-8", "fr"), ("en_US", "en"), ("C.UTF-8", "en"), ("", "en"), ("de_DE", "fr")]
)
def test_the_terminal_follows_its_environment(lang: str, language: str) -> None:
    assert of_environment(lang) == language


def test_core_says_the_same_in_both_languages() -> None:
    assert catalogue("vitrine", "fr").keys() == catalogue("vitrine", "en").keys()


def test_tests_have_names() -> None:
    assert names(Test.GROSS_RANGE | Test.SENTINEL) == ["gross_range", "sentinel"]
    assert names(0) == []
