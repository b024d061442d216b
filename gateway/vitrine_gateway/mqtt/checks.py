"""Mistakes of an MQTT sensor in an installation file."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vitrine.installation import Device
from vitrine.mqtt.topic import mistake
from vitrine.table_reader import Problems
from vitrine.toml_source import Path
from vitrine_gateway.profiles import Profile
from vitrine_gateway.profiles.address import address_of


def check_sensor(device: Device, profile: Profile, here: Path, problems: Problems) -> None:
    """Note wrong topics, names that are open, a zone that is missing or unknown, channels that were not chosen."""
    connection, part = device.connection, profile.mqtt

    def note(code: str, key: str, message: str, allowed: str) -> None:
        problems.note(code, (*here, "connection", key), message, allowed)

    if connection.topic and (wrong := mistake(connection.topic)):
        note("not-a-topic", "topic", wrong, "levels between /, {name} for a name of names")
    else:
        address_of(device, profile, note)
    for name, value in connection.names:
        if not value or "#" in value or (value != "+" and "+" in value):
            note("not-a-topic", "names", f"“{value}” cannot stand for “{name}”", "a word, or + for any one level")
    if connection.zone:
        try:
            ZoneInfo(connection.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            note("unknown-zone", "zone", f"there is no zone “{connection.zone}”", "for example America/Toronto or UTC")
    elif part.time and part.time.local and connection.time == "sensor":
        note(
            "missing-zone",
            "zone",
            f"the profile “{profile.key}” writes times without their zone",
            'the zone of the sensor, for example zone = "America/Toronto", or time = "arrival"',
        )
    if connection.central and part.dialect != "json":
        problems.note(
            "not-allowed",
            (*here, "connection", "broker"),
            f"the profile “{profile.key}” speaks {part.dialect}, which collectors do not read of sensors",
            'a profile of plain messages, or broker = "site", read by a gateway',
        )
    if part.choose and not device.channels:
        keys = ", ".join(channel.key for channel in profile.channels)
        problems.note(
            "no-channel-chosen",
            (*here, "profile"),
            f"the profile “{profile.key}” fits many sensors: say which channels this one has",
            f"[[device.channel]] with a key, one of: {keys}",
        )
