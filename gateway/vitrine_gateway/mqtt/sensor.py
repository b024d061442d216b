"""One sensor that publishes: from its messages to samples, and what its silence means."""

from __future__ import annotations

import json

from vitrine.quality import Test
from vitrine_gateway.modbus.decode import scaled
from vitrine_gateway.mqtt.json_path import NotThere, number_at
from vitrine_gateway.reading import Reading, Sample, silent
from vitrine_gateway.site import SiteChannel, SiteDevice


class Unreadable(Exception):  # noqa: N818  # it says what happened
    """A message does not hold what the profile says."""


class Sensor:
    """Keeps account of one sensor. `failure` says in English why it gives nothing, '' while all is well."""

    def __init__(self, site: SiteDevice, now: float) -> None:
        self._site = site
        self._last = now
        #: True once a message was read, or its absence noticed.
        self.heard = False
        #: Messages that could not be read.
        self.unreadable = 0
        self.failure = ""

    @property
    def topic(self) -> str:
        """Topic on which the sensor publishes."""
        return self._site.device.connection.topic

    @property
    def key(self) -> str:
        """Key of the device."""
        return self._site.key

    def message(self, payload: bytes, now: float) -> Sample:
        """Return the values of a message; Unreadable, and counted, where there are none."""
        try:
            document = json.loads(payload)
        except ValueError as error:
            raise self._unreadable(f"the message is not JSON: {error}") from error
        readings = [reading for channel in self._site.channels if (reading := _reading(channel, document, now))]
        if not readings:
            paths = ", ".join(channel.source.path for channel in self._site.channels)
            raise self._unreadable(f"the message has none of: {paths}")
        self._last, self.failure, self.heard = now, "", True
        return Sample(self._site.key, tuple(readings))

    def silence(self, now: float) -> Sample | None:
        """Return the sample that tells of a silence, once for each longest expected one that has passed."""
        longest = self._site.device.every_s
        if now - self._last < longest:
            return None
        self._last, self.heard = now, True
        self.failure = self.failure or f"no message for {longest:g} s"
        return silent(self._site.key, self._site.channel_keys, now)

    def _unreadable(self, reason: str) -> Unreadable:
        self.unreadable += 1
        self.failure = reason
        return Unreadable(reason)


def _reading(channel: SiteChannel, document: object, now: float) -> Reading | None:
    try:
        raw = number_at(document, channel.source.path)
    except NotThere:
        return None
    if raw is None or raw in channel.source.invalid:
        return Reading(channel.key, now, None, int(Test.SENTINEL))
    value = scaled(raw, channel.source.scale, channel.source.offset)
    if (channel.scale, channel.shift) != (1.0, 0.0):
        value = value * channel.scale + channel.shift
    return Reading(channel.key, now, value)
