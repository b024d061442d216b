"""One simulated Modbus instrument, generated from the profile that a gateway reads it with."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from vitrine_gateway.profiles import Channel, Identity, Profile
from vitrine_simulators.modbus_slaves import ILLEGAL_ADDRESS, ILLEGAL_VALUE, READ_HOLDING, Refusal
from vitrine_simulators.registers import encode, encode_text, registers_of
from vitrine_simulators.sunspec_layout import layout

#: Returns the value of a channel in the profile's unit, at an instant; NaN where the instrument has none.
Read = Callable[[str, float], float]


class ModbusDevice:
    """Holds what a profile lists, and answers zeros between the first and the last register of a table.

    Registers outside, and requests longer than the profile allows, are refused as the instrument would refuse them.
    """

    def __init__(
        self, profile: Profile, simulated: frozenset[str], read: Read, now: Callable[[], float] = time.time
    ) -> None:
        """Build the instrument; `now` is the time of the plant, in seconds since 1970 UTC."""
        self._profile = profile
        self._read, self._now = read, now
        #: Instant of the last measurement, of an instrument that measures when it is told to.
        self._measured_at: float | None = None
        self._limits: dict[str, tuple[int, int]] = {}
        self._layout = layout(profile)
        if self._layout:
            self._limits["holding"] = (min(self._layout), max(self._layout))
        places: list[Channel | Identity] = [*profile.channels, *profile.identity]
        for place in places:
            first, last = self._limits.get(place.table, (place.address, place.address))
            self._limits[place.table] = (min(first, place.address), max(last, place.address + place.width - 1))
        self._channels = {table: _sorted(profile, table, simulated) for table in ("input", "holding")}
        self._firsts = {table: [one.address for one in channels] for table, channels in self._channels.items()}
        self._widest = max((one.width for one in profile.channels), default=1)

    def registers(self, function: int, first: int, count: int) -> list[int]:
        """Return registers as they are at this moment; values of one request belong together."""
        table = "holding" if function == READ_HOLDING else "input"
        self._check(table, first, count)
        instant = self._measured_at if self._profile.trigger else self._now()
        words = [0] * count if instant is None else self._values(table, first, count, instant)
        for mark in self._profile.identity:
            # Some meters keep their identity where a value lies too, and show it only when it is read alone
            if mark.table == table and (first, count) == (mark.address, mark.width):
                words = _identity(mark)
        return words

    def _check(self, table: str, first: int, count: int) -> None:
        if count > self._profile.max_registers:
            raise Refusal(ILLEGAL_VALUE)
        low, high = self._limits.get(table, (0, -1))
        if first < low or first + count - 1 > high:
            raise Refusal(ILLEGAL_ADDRESS)
        if any(first < barrier < first + count for barrier in self._profile.barriers):
            raise Refusal(ILLEGAL_ADDRESS)

    def _values(self, table: str, first: int, count: int, now: float) -> list[int]:
        words = (
            [self._layout.get(address, 0) for address in range(first, first + count)] if self._layout else [0] * count
        )
        channels, firsts = self._channels[table], self._firsts[table]
        begin, end = bisect_left(firsts, first - self._widest), bisect_right(firsts, first + count - 1)
        for channel in channels[begin:end]:
            for address, part in registers_of(channel, self._read(channel.key, now)):
                _put(words, address - first, part, replace=address in self._layout)
        return words

    def start(self, first: int) -> None:
        """Measure, where a read of no register is what starts the instrument; refused otherwise."""
        trigger = self._profile.trigger
        if trigger is None or trigger.words or trigger.address != first:
            raise Refusal(ILLEGAL_VALUE)
        self._measured_at = self._now()

    def write(self, first: int, words: tuple[int, ...]) -> None:
        """Measure, where that is what the write asks for; any other write is refused."""
        trigger = self._profile.trigger
        if trigger is None or (trigger.address, trigger.words) != (first, words):
            raise Refusal(ILLEGAL_ADDRESS)
        self._measured_at = self._now()


def _sorted(profile: Profile, table: str, simulated: frozenset[str]) -> list[Channel]:
    channels = (one for one in profile.channels if one.table == table and one.key in simulated)
    return sorted(channels, key=lambda one: one.address)


def _identity(mark: Identity) -> list[int]:
    wanted = mark.values[0]
    if isinstance(wanted, str):
        return encode_text(wanted, mark.width, mark.order)
    return encode(wanted, mark.type, mark.order)


def _put(words: list[int], at: int, part: list[int], *, replace: bool) -> None:
    """Add registers to those of the answer; several values may share one register."""
    if not 0 <= at < len(words):
        return
    for position, word in enumerate(part[: len(words) - at]):
        words[at + position] = word if replace else words[at + position] | word
