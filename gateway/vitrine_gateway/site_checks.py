"""Mistakes of an installation file that show only beside the profiles of its devices."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from vitrine.installation import TRANSPORTS, Channel, Device, Installation
from vitrine.table_reader import Problems
from vitrine.toml_source import Path
from vitrine.units import UNITS
from vitrine_gateway.mqtt.checks import check_sensor
from vitrine_gateway.profiles import Profile


def check_device(device: Device, profile: Profile, position: int, problems: Problems) -> None:
    """Note a transport that the profile does not speak, channels that it does not have, and a write not allowed."""
    here: Path = ("device", position)
    _check_trigger(device, profile, position, problems)
    if (device.connection.transport == "mqtt") != (profile.protocol == "mqtt"):
        allowed = ("mqtt",) if profile.protocol == "mqtt" else tuple(word for word in TRANSPORTS if word != "mqtt")
        problems.note(
            "wrong-transport",
            (*here, "connection", "transport"),
            f"the profile “{profile.key}” is for {profile.protocol}, not for {device.connection.transport}",
            f"one of: {', '.join(allowed)}",
        )
    elif profile.protocol == "mqtt":
        check_sensor(device, profile, here, problems)
        for index, channel in enumerate(device.channels):
            if channel.every_s is not None:
                problems.note(
                    "unknown-key",
                    (*here, "channel", index, "every"),
                    "a sensor that publishes has no period of its own for a channel",
                    "every of the device, the longest silence expected",
                )
    for index, channel in enumerate(device.channels):
        _check_channel(channel, profile, (*here, "channel", index), problems)


def _check_channel(channel: Channel, profile: Profile, here: Path, problems: Problems) -> None:
    source = profile.channel(channel.key)
    if source is None:
        keys = [one.key for one in profile.channels]
        close = get_close_matches(channel.key, keys, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"one of: {', '.join(keys)}"
        problems.note(
            "unknown-channel", (*here, "key"), f"the profile “{profile.key}” has no channel “{channel.key}”", hint
        )
    elif channel.unit in UNITS and UNITS[channel.unit].dimension != UNITS[source.unit].dimension:
        same = [code for code, unit in UNITS.items() if unit.dimension == UNITS[source.unit].dimension]
        problems.note(
            "unit-mismatch",
            (*here, "unit"),
            f"“{source.key}” is measured in {source.unit}, which does not convert to {channel.unit}",
            f"one of: {', '.join(same)}",
        )


def check_indicators(installation: Installation, profiles: Mapping[str, Profile], problems: Problems) -> None:
    """Note inputs of indicators that name a device or channel which is not there."""
    read = {device.key: _read_keys(device, profiles.get(device.key)) for device in installation.devices}
    for position, indicator in enumerate(installation.indicators):
        for name, target in indicator.inputs.items():
            device, _, channel = target.partition("/")
            here: Path = ("indicator", position, "inputs", name)
            if not channel:
                continue
            if device not in read:
                close = get_close_matches(device, read, n=1)
                hint = f"did you mean “{close[0]}”?" if close else f"one of: {', '.join(read)}"
                problems.note("unknown-device", here, f"there is no device “{device}”", hint)
            elif read[device] and channel not in read[device]:
                problems.note(
                    "unknown-channel",
                    here,
                    f"the device “{device}” is not read for “{channel}”",
                    f"one of: {', '.join(read[device])}",
                )


def _read_keys(device: Device, profile: Profile | None) -> list[str]:
    """Return the channels that are read; empty where the profile is not known."""
    if profile is None:
        return []
    wanted = {channel.key for channel in device.channels}
    return [channel.key for channel in profile.channels if not wanted or channel.key in wanted]


def _check_trigger(device: Device, profile: Profile, position: int, problems: Problems) -> None:
    where: Path = ("device", position, "trigger")
    if profile.trigger and not device.trigger:
        kind = "write" if profile.trigger.words else "start"
        message = f"“{profile.key}” measures only after a {kind}: {profile.trigger.meaning.en}"
        problems.note("missing-key", where, message, f"trigger = true, where the owner allows this {kind}")
    if device.trigger and not profile.trigger:
        problems.note("not-allowed", where, f"“{profile.key}” declares no write", "leave it out")
