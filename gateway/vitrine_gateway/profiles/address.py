"""The topics and paths of one sensor at one site: the templates of its profile with the names filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitrine.installation import Device
from vitrine.mqtt.topic import ANY, MAIN, fill, matched, names_of
from vitrine_gateway.profiles import Profile

#: Notes a mistake of a key of ``connection``: code, key, message, what is allowed.
Note = Callable[[str, str, str, str], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a sensor is heard."""

    topic: str
    #: By channel: topic, path.
    places: dict[str, tuple[str, str]]
    availability: tuple[str, ...]

    @property
    def filters(self) -> tuple[str, ...]:
        """Topics to subscribe to, each once."""
        return tuple(dict.fromkeys([*(topic for topic, _ in self.places.values()), *self.availability]))


def address_of(device: Device, profile: Profile, note: Note) -> Address:
    """Fill the templates of a profile with the names of a site; what does not fit is noted."""
    connection, part = device.connection, profile.mqtt
    template = connection.topic or part.topic
    names = dict(connection.names)
    if connection.topic and part.topic and not names_of(connection.topic):
        names = {**(matched(part.topic, connection.topic) or {}), **names}
    wanted = {channel.key for channel in device.channels}
    channels = [channel for channel in profile.channels if not wanted or channel.key in wanted]
    templates = [template, *(one.topic for one in part.availability)]
    templates += [text for channel in channels for text in (channel.mqtt.topic, channel.mqtt.path)]
    needed = dict.fromkeys(name for text in templates for name in names_of(text) if name != MAIN)
    for name in needed:
        if name not in names:
            example = f'names = {{ {name} = "…" }}'
            if part.topic:
                example += f", or a topic such as {part.topic}"
            note("missing-name", "names", f"the profile “{profile.key}” leaves “{name}” open", example)
    for name in dict(connection.names):
        if name not in needed:
            note("unknown-name", "names", f"no topic or path has the name “{name}”", _allowed(list(needed)))
    if not template:
        note("missing-key", "topic", "“topic” is missing", f"the profile “{profile.key}” does not know it")
    known = {**dict.fromkeys(needed, ANY), **names}
    main = fill(template, known)
    known[MAIN] = main
    for channel in channels:
        if ANY in (names.get(name) for name in names_of(channel.mqtt.path)):
            note("not-allowed", "names", f"a name in the path “{channel.mqtt.path}” cannot be +", "its word")
    places = {one.key: (fill(one.mqtt.topic or "{topic}", known), fill(one.mqtt.path, known)) for one in channels}
    return Address(main, places, tuple(fill(one.topic, known) for one in part.availability))


def _allowed(names: list[str]) -> str:
    return f"one of: {', '.join(names)}" if names else "no name at all"
