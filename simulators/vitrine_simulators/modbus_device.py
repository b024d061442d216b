"""One simulated Modbus instrument, generated from the profile that a gateway reads it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vitrine_gateway.profiles import Channel, Identity, Profile
from vitrine_gateway.profiles.companion import Companion
from vitrine_simulators.modbus_server import ILLEGAL_ADDRESS, ILLEGAL_VALUE, READ_HOLDING, Refusal
from vitrine_simulators.registers import encode, encode_text, raw_of

#: Returns the value of a channel in the profile's unit, at an instant.
Read = Callable[[str, float], float]


class ModbusDevice:
    """Holds what a profile lists, and answers zeros between the first and the last register of a table.

    Registers outside, and requests longer than the profile allows, are refused as the instrument would refuse them.
    """

    def __init__(self, profile: Profile, simulated: frozenset[str], read: Read) -> None:
        self._profile = profile
        self._simulated = simulated
        self._read = read
        #: Instant of the last measurement, of an instrument that measures when it is told to.
        self._measured_at: float | None = None
        self._limits: dict[str, tuple[int, int]] = {}
        self._layout = profile.sunspec.layout() if profile.sunspec else {}
        if self._layout:
            self._limits["holding"] = (min(self._layout), max(self._layout))
        places: list[Channel | Identity] = [*profile.channels, *profile.identity]
        for place in places:
            first, last = self._limits.get(place.table, (place.address, place.address))
            self._limits[place.table] = (min(first, place.address), max(last, place.address + place.width - 1))

    def registers(self, function: int, first: int, count: int, now: float) -> list[int]:
        """Return registers as they are at an instant; values of one request belong together."""
        table = "holding" if function == READ_HOLDING else "input"
        self._check(table, first, count)
        instant = self._measured_at if self._profile.trigger else now
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
        words = [self._layout.get(address, 0) for address in range(first, first + count)]
        for channel in self._profile.channels:
            if channel.table == table and channel.key in self._simulated:
                for address, part in _registers(channel, self._read(channel.key, now)):
                    if _holds(first, count, address):
                        _put(words, address - first, part)
        return words

    def start(self, first: int, now: float) -> None:
        """Measure, where a read of no register is what starts the instrument; refused otherwise."""
        trigger = self._profile.trigger
        if trigger is None or trigger.words or trigger.address != first:
            raise Refusal(ILLEGAL_VALUE)
        self._measured_at = now

    def write(self, first: int, words: tuple[int, ...], now: float) -> None:
        """Measure, where that is what the write asks for; any other write is refused."""
        trigger = self._profile.trigger
        if trigger is None or (trigger.address, trigger.words) != (first, words):
            raise Refusal(ILLEGAL_ADDRESS)
        self._measured_at = now


def _holds(first: int, count: int, address: int) -> bool:
    return first <= address < first + count


def _registers(channel: Channel, value: float) -> Iterator[tuple[int, list[int]]]:
    """Return the registers of a value and of its companions, each with its address."""
    raw = raw_of(channel, value)
    if channel.bits:
        first, bits = channel.bits
        raw = min(max(round(raw), 0), (1 << bits) - 1) << first
    yield channel.value_address, encode(raw, channel.type, channel.order)
    if channel.scale_factor:
        yield channel.scale_factor.address, _code(channel.scale_factor, -channel.decimals)
    if channel.quality:
        yield channel.quality.address, _code(channel.quality, channel.quality.good[0])
    if channel.unit_code:
        codes = [code for code, unit in channel.unit_code.units.items() if unit == channel.unit]
        yield channel.unit_code.address, _code(channel.unit_code, codes[0])


def _code(companion: Companion, code: int) -> list[int]:
    return encode(code, companion.type, companion.order)


def _identity(mark: Identity) -> list[int]:
    wanted = mark.values[0]
    if isinstance(wanted, str):
        return encode_text(wanted, mark.width, mark.order)
    return encode(wanted, mark.type, mark.order)


def _put(words: list[int], at: int, part: list[int]) -> None:
    """Add registers to those of the answer; several values may share one register."""
    for position, word in enumerate(part[: len(words) - at]):
        words[at + position] |= word
