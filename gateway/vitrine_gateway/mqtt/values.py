"""From what a message holds to a reading."""

from __future__ import annotations

from dataclasses import dataclass

from vitrine.mqtt.values import in_unit, number
from vitrine.quality import Test
from vitrine_gateway.reading import Reading
from vitrine_gateway.site import SiteChannel


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
    value, tests, reason = number(channel.key, channel.source.mqtt, channel.source.invalid, raw)
    if value is not None:
        value = value * channel.source.scale + channel.source.offset
        value, reason = in_unit(channel.key, value, unit, channel.source.unit)
        tests = tests if value is not None else int(Test.SENSOR_STATUS)
    if value is not None and (channel.scale, channel.shift) != (1.0, 0.0):
        value = value * channel.scale + channel.shift
    if arrival.uncertain:
        tests |= int(Test.TIME_UNCERTAIN)
    return Reading(channel.key, arrival.at, value, tests, arrival.own_ms), reason
