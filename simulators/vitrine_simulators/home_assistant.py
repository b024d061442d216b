"""A device that announces itself to Home Assistant, and publishes its states where it said that it would.

Source: Home Assistant, “MQTT”, MQTT discovery.
"""

from __future__ import annotations

import json

from vitrine.mqtt.topic import ANY
from vitrine_gateway.profiles import Channel
from vitrine_simulators.sensors import JsonSensor, Said, put, unit_word, word_of


class AnnouncedDevice(JsonSensor):
    """One device; its entities share one state topic."""

    @property
    def _name(self) -> str:
        return self._device.key

    @property
    def _base(self) -> str:
        return f"vitrine-simulated/{self._name}"

    def hello(self) -> list[Said]:
        """Announce every entity, and say that it is there."""
        return [*self._announcements(), Said(f"{self._base}/status", b"online", retain=True)]

    def farewell(self) -> list[Said]:
        """Say that it is gone; its announcements stay, as those of a device that is off."""
        return [Said(f"{self._base}/status", b"offline", retain=True)]

    def said(self, now: float, wall: float) -> list[Said]:
        """Return the states of all entities."""
        document: object = {}
        for channel in self.channels:
            document = put(document, f'"{self._path(channel)}"', word_of(channel, self._read(channel.key, now)))
        return [Said(f"{self._base}/state", json.dumps(document).encode())]

    def _path(self, channel: Channel) -> str:
        return self.address.places[channel.key][1]

    def _announcements(self) -> list[Said]:
        entities = {channel.key: self._entity(channel) for channel in self.channels}
        common = {"availability_topic": f"{self._base}/status", "device": self._described()}
        topic = self.announced
        if ANY in topic.split("/"):
            return [
                Said(topic.replace(ANY, key), json.dumps({**common, **entity}).encode(), retain=True)
                for key, entity in entities.items()
            ]
        components = {key: {"platform": "sensor", **entity} for key, entity in entities.items()}
        return [Said(topic, json.dumps({**common, "components": components}).encode(), retain=True)]

    def _entity(self, channel: Channel) -> dict[str, object]:
        path = self._path(channel)
        return {
            "name": channel.name.en,
            "unique_id": f"{self._name}_{path}",
            "device_class": path,
            "state_topic": f"{self._base}/state",
            "unit_of_measurement": unit_word(channel),
            "value_template": f"{{{{ value_json['{path}'] }}}}",
        }

    def _described(self) -> dict[str, object]:
        return {"identifiers": [self._name], "name": self._name, "manufacturer": "Vitrine", "model": "simulated"}
