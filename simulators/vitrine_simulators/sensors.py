"""Sensors that publish: what each says at its start, now and again, and at its end, generated from its profile."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from vitrine.installation import Device
from vitrine.mqtt.json_path import steps_of
from vitrine.mqtt.topic import ANY, names_of
from vitrine.units import UNITS
from vitrine_gateway.profiles import Channel, Profile
from vitrine_gateway.profiles.address import Address, address_of

#: Stands in a topic where the site takes any one level.
_ANY_NAME = "simulated"
#: How sensors write a unit, where it is not as people do; and Tasmota, in the message itself.
_UNIT_WORDS = {"mbar": "hPa"}
_UNIT_OF_MESSAGES = {"Cel": "C"}
#: Longest time between two messages, and share of the longest silence that the installation expects.
_LONGEST_S, _SHARE = 60.0, 0.9
#: Sensors show a digit more than people are shown.
_MORE_DIGITS = 1

#: Value of a channel in the profile's unit at an instant of the plant; NaN where the sensor has none.
Read = Callable[[str, float], float]


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    topic: str
    payload: bytes
    retain: bool = False


class Sensor(Protocol):
    """One sensor of a broker. `now` is the plant's time, `wall` the time that the sensor's clock shows."""

    @property
    def every_s(self) -> float:
        """Return the seconds between two messages."""

    def hello(self) -> list[Said]:
        """Return what it says when it has connected."""

    def said(self, now: float, wall: float) -> list[Said]:
        """Return its values."""

    def farewell(self) -> list[Said]:
        """Return what it says at its end; the first of them is also its will."""


def period_of(device: Device) -> float:
    """Return the seconds between two messages: less than the longest silence that the installation expects."""
    return min(_LONGEST_S, _SHARE * device.every_s)


class JsonSensor:
    """A sensor whose values come in JSON documents, as its profile says."""

    def __init__(self, device: Device, profile: Profile, channels: list[str], read: Read) -> None:
        self._device, self.profile, self._read = device, profile, read
        self.channels = [one for one in profile.channels if one.key in channels]
        found = address_of(device, profile, lambda *_: None)
        #: Its main topic as the site writes it, a + for any level.
        self.announced = found.topic
        self.address = definite(found)
        self.every_s = period_of(device)

    def hello(self) -> list[Said]:
        """Say that it is there."""
        return self._presence(here=True)

    def farewell(self) -> list[Said]:
        """Say that it is gone."""
        return self._presence(here=False)

    def said(self, now: float, wall: float) -> list[Said]:
        """Return one document for each topic."""
        documents: defaultdict[str, object] = defaultdict(dict)
        for channel in self.channels:
            topic, path = self.address.places[channel.key]
            documents[topic] = put(documents[topic], path, word_of(channel, self._read(channel.key, now)))
            if channel.mqtt.unit_path:
                documents[topic] = put(documents[topic], channel.mqtt.unit_path, _unit_said(channel))
        self._stamp(documents, wall)
        return [Said(topic, json.dumps(document).encode()) for topic, document in documents.items()]

    def _stamp(self, documents: dict[str, object], wall: float) -> None:
        time = self.profile.mqtt.time
        for topic, document in documents.items() if time else ():
            if time and isinstance(document, dict):
                zone = self._device.connection.zone if time.local else ""
                documents[topic] = put(document, time.path, time_word(time.format, zone, time.local, wall))

    def _presence(self, *, here: bool) -> list[Said]:
        availability = zip(self.profile.mqtt.availability, self.address.availability, strict=True)
        words = ((topic, one.online if here else one.offline) for one, topic in availability)
        return [Said(topic, self.presence_word(word), retain=True) for topic, word in words]

    def presence_word(self, word: str) -> bytes:
        """Return the message that says whether it is there."""
        return word.encode()


def definite(address: Address) -> Address:
    """Return an address whose wildcards stand for one name, since nobody publishes to a wildcard."""
    places = {key: (_definite(topic), path) for key, (topic, path) in address.places.items()}
    return Address(_definite(address.topic), places, tuple(map(_definite, address.availability)))


def _definite(topic: str) -> str:
    return "/".join(_ANY_NAME if level in (ANY, "#") else level for level in topic.split("/"))


def open_names(profile: Profile) -> dict[str, str]:
    """Return a name for each one that a profile's templates leave open, for a sensor of no site."""
    part = profile.mqtt
    templates = [part.topic, *(one.topic for one in part.availability)]
    templates += [text for channel in profile.channels for text in (channel.mqtt.topic, channel.mqtt.path)]
    names = {name for text in templates for name in names_of(text)} - {"topic"}
    return {name: _EXAMPLES.get(name, f"simulated-{name}") for name in sorted(names)}


_EXAMPLES = {"base": "zigbee2mqtt", "prefix": "homeassistant", "module": "BME280"}


def put(document: object, path: str, value: object) -> object:
    """Return a document with a value at a path; objects and lists on the way are made."""
    return _put(document, steps_of(path), value)


def _put(document: object, steps: tuple[str | int, ...], value: object) -> object:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        items = list(document) if isinstance(document, list) else []
        items += [None] * (step + 1 - len(items))
        items[step] = _put(items[step], rest, value)
        return items
    table = dict(document) if isinstance(document, dict) else {}
    table[step] = _put(table.get(step), rest, value)
    return table


def word_of(channel: Channel, value: float) -> object:
    """Return a value as the sensor writes it."""
    if math.isnan(value):
        return channel.mqtt.none[0] if channel.mqtt.none else None
    if channel.mqtt.boolean:
        return value >= 0.5
    words = {number: word for word, number in channel.mqtt.words}
    if value in words:
        return words[value]
    return round((value - channel.offset) / channel.scale, channel.decimals + _MORE_DIGITS)


def unit_word(channel: Channel) -> str:
    """Return a unit as sensors write it."""
    return _UNIT_WORDS.get(channel.unit, UNITS[channel.unit].en)


def _unit_said(channel: Channel) -> str:
    return _UNIT_OF_MESSAGES.get(channel.unit, unit_word(channel))


def time_word(form: str, zone: str, local: bool, wall: float) -> object:
    """Return a time as the sensor writes it."""
    if form != "iso8601":
        return round(wall * 1000) if form == "unix_ms" else round(wall, 3)
    when = datetime.fromtimestamp(wall, UTC)
    if local:
        return when.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None).isoformat(timespec="seconds")
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
