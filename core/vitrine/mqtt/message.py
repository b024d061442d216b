"""What one message of a central sensor says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from vitrine.errors import PayloadError
from vitrine.mqtt.central import CentralChannel, CentralSensor
from vitrine.mqtt.json_path import NotThere, value_at
from vitrine.mqtt.timestamp import Unbelievable, own_time_ms
from vitrine.mqtt.topic import matches
from vitrine.mqtt.values import in_unit, number
from vitrine.quality import Test


@dataclass(slots=True)
class Said:
    """Values by channel with the tests that each did not pass, or a word on whether the sensor is there."""

    #: Milliseconds since 1970 UTC: the sensor's own where `own`, else those of the arrival.
    time_ms: int
    own: bool = False
    #: The sensor named a time that cannot be believed.
    doubtful: bool = False
    values: list[tuple[str, float | None, int]] = field(default_factory=list)
    #: Why values are missing, in English.
    reasons: list[str] = field(default_factory=list)
    #: True or False where the message says whether the sensor is there.
    online: bool | None = None


def read_message(sensor: CentralSensor, topic: str, payload: bytes, wall_s: float) -> Said:
    """Read a message that arrived at `wall_s` (seconds since 1970); PayloadError where it does not hold what it should.

    As the gateway reads sensors of a site: a value that is no number is a missing one, with its reason.
    """
    for availability in sensor.availability:
        if matches(availability.topic, topic):
            word = _word(payload, availability.path)
            if word not in (availability.online, availability.offline):
                raise PayloadError(
                    f"“{word[:40]}” on {topic} is neither {availability.online} nor {availability.offline}"
                )
            return Said(round(wall_s * 1000), online=word == availability.online)
    channels = [channel for channel in sensor.channels if matches(channel.topic, topic)]
    document = _document(payload, channels)
    said = _timed(sensor, document, wall_s)
    for channel in channels:
        _read(channel, document, said)
    if not said.values:
        raise PayloadError(f"{topic} has none of: {', '.join(channel.place.path for channel in channels)}")
    return said


def _timed(sensor: CentralSensor, document: object, wall_s: float) -> Said:
    arrival_ms = round(wall_s * 1000)
    if sensor.time is None:
        return Said(arrival_ms)
    try:
        raw = value_at(document, sensor.time.path)
        return Said(own_time_ms(raw, sensor.time.format, sensor.zone, wall_s), own=True)
    except NotThere:
        return Said(arrival_ms)
    except Unbelievable as error:
        return Said(arrival_ms, doubtful=True, reasons=[str(error)])


def _read(channel: CentralChannel, document: object, said: Said) -> None:
    place = channel.place
    try:
        raw = value_at(document, place.path)
        unit = str(value_at(document, place.unit_path)) if place.unit_path else ""
    except NotThere:
        return
    value, tests, reason = number(channel.key, place, channel.invalid, raw)
    if value is not None:
        value, reason = in_unit(channel.key, value * channel.scale + channel.offset, unit, channel.source_unit)
        tests = tests if value is not None else int(Test.SENSOR_STATUS)
    if value is not None and (channel.factor, channel.shift) != (1.0, 0.0):
        value = value * channel.factor + channel.shift
    said.values.append((channel.key, value, tests))
    said.reasons += [reason] if reason else []


def _document(payload: bytes, channels: list[CentralChannel]) -> object:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        if all(channel.place.path != "$" for channel in channels):
            raise PayloadError(f"the message is not JSON: {error}") from error
        return payload.decode("utf-8", errors="replace").strip()


def _word(payload: bytes, path: str) -> str:
    text = payload.decode("utf-8", errors="replace").strip()
    try:
        document = json.loads(text)
        return str(value_at(document, path)) if isinstance(document, dict) else text
    except (ValueError, RecursionError, NotThere):
        return text
