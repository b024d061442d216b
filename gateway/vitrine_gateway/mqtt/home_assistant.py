"""Configurations that devices announce for Home Assistant: which entity publishes what, where, and in which unit.

Source: Home Assistant, “MQTT”, MQTT discovery: topics ``<prefix>/<component>/[<node>/]<object>/config`` and
``<prefix>/device/<object>/config``, long keys and their abbreviations, ``~`` for a base topic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vitrine.mqtt.json_path import NotThere, value_at

_LONG = {
    "avty": "availability",
    "avty_t": "availability_topic",
    "cmps": "components",
    "dev_cla": "device_class",
    "obj_id": "object_id",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "stat_t": "state_topic",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
_TEMPLATE = re.compile(r"\{\{\s*value(?P<json>_json)?(?P<path>[^|}]*?)\s*(?P<filters>(?:\|[^|}]*)*)\}\}")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[\s*'([^']*)'\s*\]|\[\s*\"([^\"]*)\"\s*\]|\[\s*(\d+)\s*\]")
#: Filters that change no value but by rounding, or by what they put where there is none: neither is wanted.
_HARMLESS = re.compile(r"\s*(float|int|round|is_defined)\s*(\([^()]*\))?\s*")


class NotUnderstood(Exception):  # noqa: N818  # it says what happened
    """A configuration says something that only Home Assistant itself can work out."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A topic that says whether the entity is there."""

    topic: str
    online: str
    offline: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One announced quantity."""

    #: Words by which a profile may mean it, the most precise first.
    names: tuple[str, ...]
    state_topic: str
    #: Path in the JSON message; ``$`` for a bare value.
    path: str
    unit: str
    presence: tuple[Presence, ...]

    def value(self, payload: bytes) -> object:
        """Return the raw value of a state; NotThere where the message does not have it."""
        text = payload.decode("utf-8", errors="replace").strip()
        if self.path == "$":
            return text
        try:
            document = json.loads(text)
        except ValueError as error:
            raise NotThere(self.path) from error
        return value_at(document, self.path)


def entities(topic: str, payload: bytes) -> list[Entity]:
    """Read one configuration, none where it is withdrawn; NotUnderstood where it is no configuration."""
    if not payload.strip():
        return []
    try:
        document = json.loads(payload)
    except ValueError as error:
        raise NotUnderstood(f"{topic} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise NotUnderstood(f"{topic} is not a JSON object")
    return list(_read(topic, _long(document)))


def _read(topic: str, document: dict[str, object]) -> Iterator[Entity]:
    components = document.get("components")
    if not isinstance(components, dict):
        yield _entity(topic, topic.split("/")[-2], document)
        return
    common = {key: value for key, value in document.items() if key != "components"}
    for name, component in components.items():
        if isinstance(component, dict) and _long(component).get("platform") == "sensor":
            yield _entity(topic, str(name), {**common, **_long(component)})


def _long(document: dict[str, object]) -> dict[str, object]:
    return {_LONG.get(key, key): value for key, value in document.items()}


def _entity(topic: str, name: str, config: dict[str, object]) -> Entity:
    base = str(config.get("~", ""))
    state = _topic(config.get("state_topic"), base)
    if not state:
        raise NotUnderstood(f"{topic} names no state_topic")
    names = (config.get("unique_id"), config.get("object_id"), name, config.get("device_class"))
    return Entity(
        names=tuple(str(one) for one in names if one),
        state_topic=state,
        path=path_of(str(config.get("value_template", "{{ value }}"))),
        unit=str(config.get("unit_of_measurement", "")),
        presence=tuple(_presence(config, base)),
    )


def _presence(config: dict[str, object], base: str) -> Iterator[Presence]:
    listed = config.get("availability")
    for one in listed if isinstance(listed, list) else [config]:
        if isinstance(one, dict):
            long = _long(one)
            topic = _topic(long.get("topic") if isinstance(listed, list) else long.get("availability_topic"), base)
            if topic:
                online, offline = (str(long.get(f"payload_{key}", key)) for key in ("available", "not_available"))
                yield Presence(topic, _usual(online, "online"), _usual(offline, "offline"))


def _usual(word: str, usual: str) -> str:
    return usual if word in ("available", "not_available") else word


def _topic(topic: object, base: str) -> str:
    text = str(topic or "")
    if text.startswith("~"):
        return base + text[1:]
    return text[:-1] + base if text.endswith("~") else text


def path_of(template: str) -> str:
    """Return the path that a value template reads; NotUnderstood for one that works something out."""
    found = _TEMPLATE.fullmatch(template.strip())
    steps = list(_STEP.finditer(found["path"])) if found else []
    plain = found is not None and "".join(step[0] for step in steps) == found["path"].strip()
    filters = found["filters"].split("|")[1:] if found else []
    if found is None or not plain or bool(steps) != bool(found["json"]) or not all(map(_HARMLESS.fullmatch, filters)):
        raise NotUnderstood(f"the template “{template}” does more than name a value")
    return ".".join(f"[{step[4]}]" if step[4] else f'"{step[1] or step[2] or step[3]}"' for step in steps) or "$"
