"""One sensor that publishes: from its messages to samples, and what its silence means."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from dataclasses import dataclass

from vitrine.mqtt.json_path import NotThere, value_at
from vitrine.mqtt.timestamp import Unbelievable, own_time_ms
from vitrine.mqtt.topic import matches
from vitrine_gateway.mqtt.values import Arrival, reading_of
from vitrine_gateway.profiles.address import address_of
from vitrine_gateway.reading import Reading, Sample, silent
from vitrine_gateway.site import SiteDevice


class Unreadable(Exception):  # noqa: N818  # it says what happened
    """A message does not hold what the profile says."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a broker."""

    topic: str
    payload: bytes
    #: Arrival by the monotonic clock and by the wall clock, in seconds.
    at: float
    wall_s: float = 0.0
    retained: bool = False
    #: It lay in the broker for an unknown time.
    waited: bool = False


class Sensor:
    """Keeps account of one sensor. `failure` says in English why it gives nothing, '' while all is well."""

    def __init__(self, site: SiteDevice, now: float, newest: MutableMapping[str, int] | None = None) -> None:
        """Prepare to listen; `newest` holds the newest own time of each sensor, in ms, and outlives this one."""
        self._site, self._part = site, site.profile.mqtt
        self._connection = site.device.connection
        self._address = address_of(site.device, site.profile, lambda *_: None)
        self._last = now
        self._newest = {} if newest is None else newest
        self._away: set[str] = set()
        #: True once a message was read, or its absence noticed.
        self.heard = False
        #: Messages that could not be read.
        self.unreadable = 0
        self.failure = ""

    @property
    def filters(self) -> tuple[str, ...]:
        """Topics to subscribe to."""
        return self._address.filters

    @property
    def key(self) -> str:
        """Key of the device."""
        return self._site.key

    @property
    def newest_ms(self) -> int:
        """Newest time that the sensor itself wrote, in milliseconds since 1970 UTC; 0 before the first."""
        return self._newest.get(self.key, 0)

    @newest_ms.setter
    def newest_ms(self, time_ms: int) -> None:
        if time_ms:
            self._newest[self.key] = time_ms
        else:
            self._newest.pop(self.key, None)

    def wants(self, topic: str) -> bool:
        """Tell whether a message of this topic is for the sensor."""
        return any(matches(pattern, topic) for pattern in self.filters)

    def take(self, message: Message) -> Sample | None:
        """Return what a message says, None where that is nothing new; Unreadable, and counted, where it is broken."""
        for availability, topic in zip(self._part.availability, self._address.availability, strict=True):
            if matches(topic, message.topic):
                return self._presence(message, availability.online, availability.offline, availability.path)
        return self._values(message)

    def connected(self) -> None:
        """Note that the broker was reached anew."""

    def requests(self, now: float) -> list[tuple[str, bytes]]:
        """Return topic and payload of what is to be asked of the sensor."""
        return []

    def silence(self, now: float) -> Sample | None:
        """Return the sample that tells of a silence, once for each longest expected one that has passed."""
        longest = self._site.device.every_s
        if now - self._last < longest:
            return None
        self._last, self.heard = now, True
        self.failure = self.failure or f"no message for {longest:g} s"
        return silent(self._site.key, self._site.channel_keys, now)

    def _presence(self, message: Message, online: str, offline: str, path: str) -> Sample | None:
        word = _word(message.payload, path)
        if word == online:
            self._away.discard(message.topic)
            if not self._away and self.failure.startswith("offline"):
                self.failure = ""
            return None
        if word != offline:
            raise self._unreadable(f"“{word[:40]}” on {message.topic} is neither {online} nor {offline}")
        known = message.topic in self._away
        self._away.add(message.topic)
        self.failure, self.heard = f"offline, says {message.topic}", True
        if known or message.waited:
            return None
        self._last = message.at
        return silent(self._site.key, self._site.channel_keys, message.at)

    def _values(self, message: Message) -> Sample | None:
        document = self._document(message.payload)
        arrival, doubt = self._arrival(document, message)
        if message.retained and (arrival.own_ms is None or arrival.own_ms <= self.newest_ms):
            return None
        readings, reasons = self._readings(message.topic, document, arrival)
        if not readings:
            raise self._unreadable(f"{message.topic} has none of: {self._wanted(message.topic)}")
        if arrival.own_ms is not None:
            self.newest_ms = max(self.newest_ms, arrival.own_ms)
        self._away.clear()
        self.failure, self.heard = "; ".join([*reasons, *doubt]), True
        if not message.waited:
            self._last = message.at
        return Sample(self._site.key, tuple(readings))

    def _readings(self, topic: str, document: object, arrival: Arrival) -> tuple[list[Reading], list[str]]:
        readings, reasons = [], []
        for channel in self._site.channels:
            where, path = self._address.places[channel.key]
            if not matches(where, topic):
                continue
            try:
                raw = value_at(document, path)
                unit = str(value_at(document, channel.source.mqtt.unit_path)) if channel.source.mqtt.unit_path else ""
            except NotThere:
                continue
            reading, reason = reading_of(channel, raw, unit, arrival)
            readings.append(reading)
            reasons += [reason] if reason else []
        return readings, reasons

    def _arrival(self, document: object, message: Message) -> tuple[Arrival, list[str]]:
        """Take the sensor's own time where it can be believed, else that of the arrival, which may be uncertain."""
        time = self._part.time
        if time is None or self._connection.time == "arrival":
            return Arrival(message.at, uncertain=message.waited), []
        try:
            raw = value_at(document, time.path)
            return Arrival(message.at, own_time_ms(raw, time.format, self._connection.zone, message.wall_s)), []
        except NotThere:
            return Arrival(message.at, uncertain=message.waited), []
        except Unbelievable as error:
            return Arrival(message.at, uncertain=True), [str(error)]

    def _document(self, payload: bytes) -> object:
        try:
            return json.loads(payload)
        except ValueError as error:
            if "$" not in (path for _, path in self._address.places.values()):
                raise self._unreadable(f"the message is not JSON: {error}") from error
            return payload.decode("utf-8", errors="replace").strip()

    def _wanted(self, topic: str) -> str:
        return ", ".join(path for where, path in self._address.places.values() if matches(where, topic))

    def _unreadable(self, reason: str) -> Unreadable:
        self.unreadable += 1
        self.failure = reason
        return Unreadable(reason)


def _word(payload: bytes, path: str) -> str:
    text = payload.decode("utf-8", errors="replace").strip()
    try:
        document = json.loads(text)
        return str(value_at(document, path)) if isinstance(document, dict) else text
    except (ValueError, NotThere):
        return text
