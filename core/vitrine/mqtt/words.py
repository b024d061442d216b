"""What is said of a sensor that publishes: where its times, its availability and its values lie."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttTime:
    """Where the message says when it was measured."""

    path: str
    #: ``unix_s``, ``unix_ms`` or ``iso8601``.
    format: str
    #: True where the time is written without its zone: the site must declare one.
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttAvailability:
    """A topic that says whether the sensor, or what stands before it, is there."""

    topic: str
    online: str = "online"
    offline: str = "offline"
    #: Where the word lies when the message is a JSON object.
    path: str = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttPlace:
    """Where the value of one channel lies."""

    #: Template of a topic of its own; empty: the main one.
    topic: str = ""
    #: Path in the JSON message, name of a Sparkplug metric, or what Home Assistant calls the entity; may hold names.
    path: str = "$"
    #: True → 1 and false → 0.
    boolean: bool = False
    #: Words that mean a number, and words that mean "no value".
    words: tuple[tuple[str, float], ...] = ()
    none: tuple[str, ...] = ()
    #: Where the message says its unit.
    unit_path: str = ""
