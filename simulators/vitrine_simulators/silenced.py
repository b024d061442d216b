"""A source some of whose channels have no value, so that instruments show their marks for it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from vitrine.errors import InstallationError, Problem
from vitrine.installation import Installation
from vitrine_simulators.binding import channels_of, profiles_of
from vitrine_simulators.plants import Source
from vitrine_simulators.registers import can_say_nothing


class Silenced:
    """Gives NaN for some channels of every device, and the source's values for all others."""

    def __init__(self, source: Source, keys: Collection[str]) -> None:
        self._source, self._keys = source, frozenset(keys)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its UCUM unit."""
        return self._source.signals

    def read(self, path: str, now: float) -> float:
        """Return what the sensor of a signal sees."""
        return math.nan if path.partition("/")[2] in self._keys else self._source.read(path, now)


def check_silent(installation: Installation, keys: Iterable[str]) -> None:
    """Refuse channels that are not there, or whose instrument cannot say that it has no value."""
    profiles = profiles_of(installation)
    channels = {
        key: (profile, profile.channel(key))
        for device in installation.devices
        for profile in [profiles[device.key]]
        for key in channels_of(device, profile)
    }
    problems = []
    for key in keys:
        profile, channel = channels.get(key, (None, None))
        if profile is None or channel is None:
            problems.append(
                Problem(code="unknown-channel", message=f"there is no channel “{key}”", allowed=", ".join(channels))
            )
        elif profile.protocol == "modbus" and not can_say_nothing(channel):
            message = f"the profile declares no mark for “no value” of “{key}”"
            problems.append(Problem(code="no-mark", message=message, allowed="a float, or a channel with `invalid`"))
    if problems:
        raise InstallationError("not every channel can show “no value”", problems=problems)
