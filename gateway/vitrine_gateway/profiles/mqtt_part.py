"""What a profile says of a sensor that publishes over MQTT: topics, times, availability, and where values lie."""

from __future__ import annotations

from dataclasses import dataclass

from vitrine.mqtt import json_path
from vitrine.mqtt.timestamp import FORMATS
from vitrine.mqtt.topic import mistake
from vitrine.mqtt.words import MqttAvailability, MqttPlace, MqttTime
from vitrine.table_reader import TableReader

DIALECTS: tuple[str, ...] = ("json", "sparkplug", "home-assistant")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttPart:
    """The ``[mqtt]`` of a profile."""

    dialect: str = "json"
    #: Template of the main topic; empty: the installation file names it.
    topic: str = ""
    #: True where the profile fits many sensors, so that a site must choose its channels.
    choose: bool = False
    time: MqttTime | None = None
    availability: tuple[MqttAvailability, ...] = ()


def read_part(table: TableReader) -> MqttPart:
    """Read ``[mqtt]``."""
    part = MqttPart(
        dialect=table.choice("dialect", DIALECTS, default="json"),
        topic=_topic(table),
        choose=table.take("choose", bool) or False,
        time=_read_time(table.table("time")),
        availability=tuple(map(_read_availability, table.tables("availability"))),
    )
    table.finish()
    return part


def read_place(table: TableReader, part: MqttPart) -> MqttPlace:
    """Read what is MQTT's in one channel."""
    words = table.mapping("words", lambda inner, name: (name, inner.number(name, required=True)))
    none = table.take("none", list) or []
    if not all(isinstance(word, str) for word in none):
        table.note("wrong-type", "none", f"{none} is not a list of texts", 'for example ["unavailable"]')
        none = []
    return MqttPlace(
        topic=_topic(table),
        path=_path(table, "path", check=part.dialect == "json", required=not table.has("topic")),
        boolean=table.take("boolean", bool) or False,
        words=tuple(words.values()),
        none=tuple(none),
        unit_path=_path(table, "unit_path", check=True) if table.has("unit_path") else "",
    )


def _read_time(table: TableReader | None) -> MqttTime | None:
    if table is None:
        return None
    time = MqttTime(
        path=_path(table, "path", check=True, required=True),
        format=table.choice("format", FORMATS, required=True),
        local=table.take("local", bool) or False,
    )
    table.finish()
    return time


def _read_availability(table: TableReader) -> MqttAvailability:
    availability = MqttAvailability(
        topic=_topic(table, required=True),
        online=table.text("online") or "online",
        offline=table.text("offline") or "offline",
        path=_path(table, "path", check=True) if table.has("path") else "state",
    )
    table.finish()
    return availability


def _topic(table: TableReader, *, required: bool = False) -> str:
    topic = table.text("topic", required=required)
    if topic and (wrong := mistake(topic)):
        table.note("not-a-topic", "topic", wrong, "levels between /, {name} for what a site fills in")
    return topic


def _path(table: TableReader, key: str, *, check: bool, required: bool = False) -> str:
    path = table.text(key, required=required) or "$"
    if check:
        try:
            json_path.steps_of(path.replace("{", "").replace("}", ""))
        except ValueError as error:
            table.note("not-a-path", key, str(error), json_path.ALLOWED)
    return path
