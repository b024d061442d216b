"""From what a message holds to a reading."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitrine.quality import Test
from vitrine.units import UNITS, conversion
from vitrine_gateway.reading import Reading
from vitrine_gateway.site import SiteChannel

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


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a message came, and what time it says itself."""

    at: float
    #: Milliseconds since 1970 UTC by the sensor's own clock; None where it says none that can be believed.
    own_ms: int | None = None
    #: True where neither says when the value was measured.
    uncertain: bool = False


def reading_of(channel: SiteChannel, raw: object, unit: str, arrival: Arrival) -> tuple[Reading, str]:
    """Return the reading of a channel, and why it has no value where a person should know."""
    value, tests, reason = _number(channel, raw)
    if value is not None:
        value = value * channel.source.scale + channel.source.offset
        value, reason = _in_unit(channel, value, unit)
        tests = tests if value is not None else int(Test.SENSOR_STATUS)
    if value is not None and (channel.scale, channel.shift) != (1.0, 0.0):
        value = value * channel.scale + channel.shift
    if arrival.uncertain:
        tests |= int(Test.TIME_UNCERTAIN)
    return Reading(channel.key, arrival.at, value, tests, arrival.own_ms), reason


def _number(channel: SiteChannel, raw: object) -> tuple[float | None, int, str]:
    place = channel.source.mqtt
    if isinstance(raw, bool):
        if place.boolean:
            return float(raw), 0, ""
        return None, int(Test.SENSOR_STATUS), f"{channel.key}: {str(raw).lower()} is not a number"
    if isinstance(raw, str):
        words = dict(place.words)
        if raw in words:
            return words[raw], 0, ""
        if raw in place.none:
            return None, int(Test.SENTINEL), ""
    if raw is None:
        return None, int(Test.SENTINEL), ""
    if not isinstance(raw, (int, float, str)):
        return None, int(Test.SENSOR_STATUS), f"{channel.key}: a table or list is not a number"
    return _plain(channel, raw)


def _plain(channel: SiteChannel, raw: float | str) -> tuple[float | None, int, str]:
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        return None, int(Test.SENSOR_STATUS), f"{channel.key}: “{str(raw)[:40]}” is not a bare number"
    if not math.isfinite(value) or value in channel.source.invalid:
        return None, int(Test.SENTINEL), ""
    return value, 0, ""


def _in_unit(channel: SiteChannel, value: float, written: str) -> tuple[float | None, str]:
    """Convert from the unit that the message names to the profile's."""
    if not written:
        return value, ""
    code = SPELLINGS.get(written, written)
    wanted = channel.source.unit
    if code not in UNITS or UNITS[code].dimension != UNITS[wanted].dimension:
        return None, f"{channel.key}: the unit “{written}” does not convert to {wanted}"
    scale, shift = conversion(code, wanted)
    return (value * scale + shift if code != wanted else value), ""
