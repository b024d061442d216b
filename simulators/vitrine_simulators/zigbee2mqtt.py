"""Zigbee devices as Zigbee2MQTT shows them: states, availability, and the bridge that lists what they expose.

Source: Zigbee2MQTT, “MQTT topics and messages” (bridge/state, bridge/devices), “Exposes”, “Device availability”.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from vitrine_gateway.profiles import Channel, Profile
from vitrine_simulators.sensors import JsonSensor, Said, unit_word

_STATE = "bridge/state"
#: Bit of `access`: the property is in the published state.
_PUBLISHED = 1


def is_zigbee(profile: Profile) -> bool:
    """Tell whether a profile listens to a bridge of Zigbee2MQTT."""
    return any(one.topic.endswith(f"/{_STATE}") for one in profile.mqtt.availability)


class ZigbeeDevice(JsonSensor):
    """One Zigbee device."""

    @property
    def base(self) -> str:
        """Return the topic of its bridge."""
        return next(topic for topic in self.address.availability if topic.endswith(_STATE)).removesuffix(f"/{_STATE}")

    def presence_word(self, word: str) -> bytes:
        """Return the message that says whether it is there, which is JSON here."""
        return json.dumps({"state": word}).encode()

    def hello(self) -> list[Said]:
        """Say that it is there; the bridge speaks for itself."""
        return [one for one in super().hello() if not one.topic.endswith(_STATE)]

    def farewell(self) -> list[Said]:
        """Say that it is gone."""
        return [one for one in super().farewell() if not one.topic.endswith(_STATE)]

    def entry(self) -> dict[str, object]:
        """Return what the bridge lists of it."""
        name = self.address.topic.removeprefix(f"{self.base}/")
        address = zlib.crc32(name.encode())
        return {
            "ieee_address": f"0x00158d00{address:08x}",
            "type": "EndDevice",
            "network_address": address & 0xFFFF,
            "supported": True,
            "disabled": False,
            "friendly_name": name,
            "definition": {
                "model": "simulated",
                "vendor": "Vitrine",
                "description": self.profile.name.en,
                "exposes": [_exposed(channel, self.address.places[channel.key][1]) for channel in self.channels],
                "options": [],
            },
            "power_source": "Battery",
            "interview_completed": True,
            "interviewing": False,
        }


def _exposed(channel: Channel, path: str) -> dict[str, object]:
    head = {"name": path, "property": path, "label": channel.name.en, "access": _PUBLISHED}
    if channel.mqtt.boolean:
        return {"type": "binary", **head, "value_on": True, "value_off": False}
    return {"type": "numeric", **head, "unit": unit_word(channel)}


class Bridge:
    """Zigbee2MQTT itself, before its devices."""

    every_s = 600.0

    def __init__(self, base: str, devices: Sequence[ZigbeeDevice]) -> None:
        self._base, self._devices = base, devices

    def hello(self) -> list[Said]:
        """Say that it is there, and what it knows; both stay with the broker."""
        listed = json.dumps([device.entry() for device in self._devices]).encode()
        return [
            Said(f"{self._base}/{_STATE}", json.dumps({"state": "online"}).encode(), retain=True),
            Said(f"{self._base}/bridge/devices", listed, retain=True),
        ]

    def said(self, now: float, wall: float) -> list[Said]:
        """Return nothing: it has no values."""
        return []

    def farewell(self) -> list[Said]:
        """Say that it is gone."""
        return [Said(f"{self._base}/{_STATE}", json.dumps({"state": "offline"}).encode(), retain=True)]
