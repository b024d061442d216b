"""What a node says of its own health and of its devices', in its births and in between."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from vitrine import uplink
from vitrine.errors import PayloadError

#: Metric of a node's health → column of `gateway`, and the types its value may have.
HEALTH: dict[str, tuple[str, tuple[type, ...]]] = {
    uplink.QUEUE_DEPTH: ("queue_depth", (int,)),
    uplink.QUEUE_BYTES: ("queue_bytes", (int,)),
    uplink.QUEUE_OLDEST: ("oldest_unsent_s", (int, float)),
    uplink.CLOCK_SOURCE: ("clock_source", (str,)),
    uplink.CLOCK_OFFSET: ("clock_offset_ms", (int, float)),
    uplink.DEVICES_FAILING: ("devices_failing", (str,)),
    uplink.DEVICES: ("devices_health", (str,)),
}
#: What is told of each device, and the types its value may have; what a later gateway adds is passed over.
_OF_DEVICE: dict[str, tuple[type, ...]] = {
    "success": (int, float),
    "latency_ms": (int, float),
    "breaker": (str,),
    "missed_slots": (int,),
}


def health(values: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of `gateway` that these metric values fill; PayloadError for a value of another type."""
    found: dict[str, object] = {}
    for name, (column, types) in HEALTH.items():
        if name not in values:
            continue
        value = values[name]
        if value is not None and (isinstance(value, bool) or not isinstance(value, types)):
            raise PayloadError(f"{name} holds {value!r}")
        if reader := _OBJECTS.get(name):
            found[column] = reader(name, str(value)) if value else {}
        else:
            found[column] = value
    return found


def _devices(name: str, text: str) -> dict[str, object]:
    devices: dict[str, object] = {}
    for key, told in json_object(name, text).items():
        if not isinstance(told, dict):
            raise PayloadError(f"{name} holds {told!r} of “{key}”, and not a JSON object")
        devices[key] = known = {word: value for word, value in told.items() if word in _OF_DEVICE}
        for word, value in known.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf
            if not isinstance(value, _OF_DEVICE[word]) or not (number or isinstance(value, str)):
                raise PayloadError(f"{name} holds {value!r} as {word} of “{key}”")
    return devices


def json_object(what: str, text: str) -> dict[str, object]:
    """Read a text that holds a JSON object; PayloadError says of what it holds none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"{what} is not JSON: {text[:200]!r}") from error
    if not isinstance(document, dict):
        raise PayloadError(f"{what} is not a JSON object: {text[:200]!r}")
    return document


#: Metrics of a node's health whose text is a JSON object, and what reads it.
_OBJECTS = {uplink.DEVICES_FAILING: json_object, uplink.DEVICES: _devices}
