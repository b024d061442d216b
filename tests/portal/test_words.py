"""The portal's texts: same keys and placeholders in both languages, French typography, numbers and dates."""

import re
from datetime import UTC, datetime, timedelta
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.i18n import catalogue
from vitrine_api.portal.formats import MINUS, NBSP, PACKAGE, Formats

NOW = datetime(2026, 11, 23, 19, 32, 11, tzinfo=UTC)
FR = Formats("fr", ZoneInfo("America/Toronto"), NOW)
EN = Formats("en", ZoneInfo("America/Toronto"), NOW)


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts():
    french, english = catalogue(PACKAGE, "fr"), catalogue(PACKAGE, "en")
    assert list(french) == list(english)
    assert {key: _fields(text) for key, text in french.items()} == {key: _fields(text) for key, text in english.items()}
    assert all(text.strip() for text in [*french.values(), *english.values()])


@pytest.mark.parametrize(("key", "text"), catalogue(PACKAGE, "fr").items())
def test_french_typography(key: str, text: str):
    assert "'" not in text
    assert '"' not in text
    assert "..." not in text
    assert not re.search(r"(?<![\u00a0]):(\s|$)", text), "U+00A0 stands before a colon"
    assert not re.search(r"[ \u00a0][;!?]", text), "nothing stands before ; ! ?"
    assert not re.search(r"«(?!\u00a0)|(?<!\u00a0)»", text)
    assert not re.search(r"(?<!\u00a0)%", text)


@pytest.mark.parametrize(
    ("value", "decimals", "french", "english"),
    [
        (1234.5, 1, f"1{NBSP}234,5", "1,234.5"),
        (-3.14159, 2, f"{MINUS}3,14", f"{MINUS}3.14"),
        (-0.0001, 2, "0,00", "0.00"),
        (0.1, 3, "0,100", "0.100"),
        (31847206, 0, f"31{NBSP}847{NBSP}206", "31,847,206"),
        (None, 1, "", ""),
        (float("nan"), 1, "", ""),
    ],
)
def test_numbers(value, decimals, french, english):
    assert FR.number(value, decimals) == french
    assert EN.number(value, decimals) == english


def test_units_and_shares():
    assert FR.quantity(46.2, 1, "kPa") == f"46,2{NBSP}kPa"
    assert FR.quantity(12.4, 1, "{NTU}") == f"12,4{NBSP}UTN"
    assert EN.quantity(12.4, 1, "{NTU}") == f"12.4{NBSP}NTU"
    assert FR.quantity(4, 0, "Cel") == f"4{NBSP}°C"
    assert EN.quantity(97.2, 1, "%") == "97.2%"
    assert FR.percent(0.972) == f"97,2{NBSP}%"
    assert EN.percent(1) == "100.0%"
    assert EN.percent(0.99999) == "99.9%"
    assert FR.size(338_000_000) == f"338{NBSP}Mo"
    assert EN.size(1_100_000) == f"1.1{NBSP}MB"
    assert FR.size(812) == f"812{NBSP}o"


def test_times():
    assert FR.clock(NOW) == "14:32:11"
    assert FR.stamp(NOW) == f"2026-11-23{NBSP}14:32:11"
    assert FR.zone_name() == "UTC−5"
    assert FR.zone_name(datetime(2026, 7, 1, tzinfo=UTC)) == "UTC−4"
    assert FR.tick_day(NOW) == f"23{NBSP}nov."
    assert EN.tick_day(NOW) == f"Nov{NBSP}23"
    assert FR.prose_day(datetime(2026, 5, 1, 12, tzinfo=UTC)) == f"1er{NBSP}mai{NBSP}2026"
    assert EN.prose_day(NOW) == f"November{NBSP}23,{NBSP}2026"


@pytest.mark.parametrize(
    ("seconds", "french", "english"),
    [
        (4.9, f"il y a 4{NBSP}s", f"4{NBSP}s ago"),
        (34 * 60, f"il y a 34{NBSP}min", f"34{NBSP}min ago"),
        (3 * 3600 + 12 * 60, f"il y a 3{NBSP}h{NBSP}12", f"3{NBSP}h{NBSP}12{NBSP}min ago"),
        (7 * 3600 + 5 * 60, f"il y a 7{NBSP}h{NBSP}05", f"7{NBSP}h{NBSP}5{NBSP}min ago"),
        (86_400, f"le 2026-11-22{NBSP}14:32:11", f"on 2026-11-22{NBSP}14:32:11"),
    ],
)
def test_ages(seconds, french, english):
    time = NOW - timedelta(seconds=seconds)
    assert FR.age(time) == french
    assert EN.age(time) == english


@given(st.floats(-1e12, 1e12), st.integers(0, 6))
def test_numbers_can_be_read_back(value: float, decimals: int):
    text = FR.number(value, decimals).replace(NBSP, "").replace(MINUS, "-").replace(",", ".")
    assert float(text) == pytest.approx(value, abs=10.0**-decimals * 0.5001, rel=1e-9)
