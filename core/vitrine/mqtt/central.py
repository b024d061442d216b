"""A sensor that publishes to the platform's own broker: what a collector must know to read it, and to keep in JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vitrine.mqtt.topic import matches
from vitrine.mqtt.words import MqttAvailability, MqttPlace, MqttTime

#: Entry points that make central sensors of an installation file and the profiles it names.
GROUP = "vitrine.sensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralChannel:
    """One channel: ``value = (raw × scale + offset, in the unit of the profile) × factor + shift``, in `unit`."""

    key: str
    #: Where its messages come, and where the value lies in them; no names are left open in either.
    topic: str
    place: MqttPlace
    source_unit: str
    scale: float
    offset: float
    #: Raw values that mean "no value".
    invalid: tuple[float, ...]
    factor: float
    shift: float
    #: What readers see of it.
    unit: str
    name: dict[str, str]
    quantity: str
    decimals: int
    accuracy: str
    #: ``{date, due, certificate}``, dates as texts.
    calibration: dict[str, str | None] | None
    #: The non-null fields of `vitrine.installation.QualityRules`.
    rules: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralSensor:
    """One device."""

    key: str
    profile: str
    #: Longest expected silence, in seconds.
    every_s: float
    #: Where a message says its time; None: it has that of its arrival.
    time: MqttTime | None
    zone: str
    #: With their topics filled in.
    availability: tuple[MqttAvailability, ...]
    channels: tuple[CentralChannel, ...]

    @property
    def filters(self) -> tuple[str, ...]:
        """Topics to subscribe to, each once."""
        channels = (channel.topic for channel in self.channels)
        return tuple(dict.fromkeys([*channels, *(one.topic for one in self.availability)]))

    def wants(self, topic: str) -> bool:
        """Tell whether a message of this topic is for the sensor."""
        return any(matches(pattern, topic) for pattern in self.filters)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain objects and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> CentralSensor:
        """Read what `to_json` gave, on its way through JSON."""
        return cls(
            **{
                **found,
                "time": MqttTime(**found["time"]) if found["time"] else None,
                "availability": tuple(MqttAvailability(**one) for one in found["availability"]),
                "channels": tuple(map(_channel, found["channels"])),
            }
        )


def _channel(found: dict[str, Any]) -> CentralChannel:
    place = found["place"]
    words = tuple((word, float(value)) for word, value in place["words"])
    return CentralChannel(
        **{
            **found,
            "place": MqttPlace(**{**place, "words": words, "none": tuple(place["none"])}),
            "invalid": tuple(found["invalid"]),
        }
    )


#: What an entry point of `GROUP` is: from the path of a file to its central sensors; InstallationError for mistakes.
Resolve = Callable[[str], tuple[CentralSensor, ...]]
