"""From what a message holds to a number: words, texts, units."""

from __future__ import annotations

import math
from collections.abc import Collection

from vitrine.mqtt.words import MqttPlace
from vitrine.quality import Test
from vitrine.units import UNITS, conversion

#: How sensors write units, beside the UCUM codes.
SPELLINGS = {
    "C": "Cel",
    "°C": "Cel",
    "degC": "Cel",
    "celsius": "Cel",
    "°F": "[degF]",
    "F": "[degF]",
    "hPa": "mbar",
    "m³/h": "m3/h",
    "m³": "m3",
    "kWh": "kW.h",
    "Wh": "W.h",
    "VA": "V.A",
    "µS/cm": "uS/cm",
    "μS/cm": "uS/cm",
    "%RH": "%",
    "pH": "[pH]",
    "W/m²": "W/m2",
}


def number(key: str, place: MqttPlace, invalid: Collection[float], raw: object) -> tuple[float | None, int, str]:
    """Return the number that a raw value stands for, the tests that it did not pass, and why where people should know.

    `invalid` are raw numbers that mean "no value".
    """
    if isinstance(raw, bool):
        if place.boolean:
            return float(raw), 0, ""
        return None, int(Test.SENSOR_STATUS), f"{key}: {str(raw).lower()} is not a number"
    if isinstance(raw, str):
        words = dict(place.words)
        if raw in words:
            return words[raw], 0, ""
        if raw in place.none:
            return None, int(Test.SENTINEL), ""
    if raw is None:
        return None, int(Test.SENTINEL), ""
    if not isinstance(raw, (int, float, str)):
        return None, int(Test.SENSOR_STATUS), f"{key}: a table or list is not a number"
    return _plain(key, invalid, raw)


def in_unit(key: str, value: float, written: str, wanted: str) -> tuple[float | None, str]:
    """Convert from the unit that a message names, '' for none, to the wanted one; None, and why, where it does not."""
    if not written:
        return value, ""
    code = SPELLINGS.get(written, written)
    if code not in UNITS or UNITS[code].dimension != UNITS[wanted].dimension:
        return None, f"{key}: the unit “{written}” does not convert to {wanted}"
    scale, shift = conversion(code, wanted)
    return (value * scale + shift if code != wanted else value), ""


def _plain(key: str, invalid: Collection[float], raw: float | str) -> tuple[float | None, int, str]:
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        return None, int(Test.SENSOR_STATUS), f"{key}: “{str(raw)[:40]}” is not a bare number"
    if not math.isfinite(value) or value in invalid:
        return None, int(Test.SENTINEL), ""
    return value, 0, ""
