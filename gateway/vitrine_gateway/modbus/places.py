"""Where a device keeps the channels of its profile: at fixed registers, or at those of a SunSpec model that it has."""

from __future__ import annotations

from vitrine_gateway.modbus.bus import Bus
from vitrine_gateway.modbus.sunspec import discover
from vitrine_gateway.profiles import Channel
from vitrine_gateway.profiles.sunspec import Placed, SunSpecPart, channel_at
from vitrine_gateway.site import SiteDevice


class Places:
    """The registers of one device."""

    def __init__(self, site: SiteDevice) -> None:
        """Begin with the registers of the profile."""
        self._sunspec = site.profile.sunspec
        self._wanted = {channel.key: channel.source for channel in site.channels}
        self._model: Placed | None = None
        #: Channels with their registers; replaced, never changed, when others are found.
        self.sources: dict[str, Channel] = self._wanted
        #: Channels that the device does not have, with the reason.
        self.absent: dict[str, str] = {}

    async def find(self, line: Bus, unit: int, timeout: float) -> str:
        """Look where the device keeps its channels, and return why they are not found; '' where they are."""
        if self._sunspec is None:
            return ""
        found = await discover(line, unit, timeout)
        model = self._sunspec.choose(found)
        if model is None:
            return _not_found(self._sunspec, found)
        if model != self._model:
            self._place(model)
        return ""

    def _place(self, model: Placed) -> None:
        self._model = model
        placed = {key: channel_at(source, model) for key, source in self._wanted.items()}
        self.sources = {key: source for key, source in placed.items() if source}
        self.absent = {
            key: f"SunSpec model {model.number} has no point {self._wanted[key].point}"
            for key, source in placed.items()
            if source is None
        }


def _not_found(part: SunSpecPart, found: list[Placed]) -> str:
    if not found:
        return "not a SunSpec device: no mark “SunS” at register 40000, 0 or 50000"
    there = ", ".join(str(one.number) for one in found)
    return f"SunSpec models {there}, but none of {' or '.join(map(str, part.models))}"
