"""From registers to a value: widths, orders of bytes, scale, and the marks that mean "no value"."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import cache

from vitrine.quality import Test
from vitrine.units import convert
from vitrine_gateway.profiles import Channel
from vitrine_gateway.profiles.companion import Companion

_FLOATS = {"float32": struct.Struct(">f"), "float64": struct.Struct(">d")}


def raw_value(words: Sequence[int], kind: str, order: str) -> float | int | str:
    """Return what registers hold, a text for the type ``string``; see `raw_number` for the order."""
    return raw_text(words, order) if kind == "string" else raw_number(words, kind, order)


def raw_number(words: Sequence[int], kind: str, order: str) -> float | int:
    """Return the number that registers hold; NaN where the digits of a BCD number are none.

    `order` names the bytes as they come, A the most significant one and - a byte that belongs to something else.
    """
    wire = _wire(words)
    if len(wire) != len(order):
        raise ValueError(f"{len(words)} registers do not hold the order {order}")
    big = bytes(map(wire.__getitem__, places_of(order)))
    if kind in _FLOATS:
        value: float = _FLOATS[kind].unpack(big)[0]
        return value
    if kind.startswith("bcd"):
        digits = big.hex()
        return int(digits) if digits.isdecimal() else math.nan
    return int.from_bytes(big, "big", signed=kind.startswith("int"))


def raw_text(words: Sequence[int], order: str) -> str:
    """Return a text up to its first zero byte, without blanks around it; `order` is that of one register."""
    wire = _wire(words)
    letters = sorted(set(order) - {"-"})
    found = bytes(wire[at + order.index(letter)] for at in range(0, len(wire), 2) for letter in letters)
    return found.split(b"\0")[0].decode("latin-1").strip()


def decode(channel: Channel, words: Sequence[int]) -> tuple[float | None, int]:
    """Return (value in the channel's unit, tests that it did not pass) from the registers of `address` and on.

    None stands for a mark of "no value" and for a unit that is not known or does not convert; a value whose status
    register is not good is kept, with the test SENSOR_STATUS.
    """
    tests = 0
    quality = channel.quality
    if quality and _of(quality, channel, words) not in quality.good:
        tests = int(Test.SENSOR_STATUS)
    raw = raw_number(words[channel.at : channel.at + channel.value_width], channel.type, channel.order)
    if not math.isfinite(raw) or raw in channel.invalid:
        return None, tests | int(Test.SENTINEL)
    if channel.bits:
        first, count = channel.bits
        raw = int(raw) >> first & ((1 << count) - 1)
    if channel.scale_factor:
        exponent = _of(channel.scale_factor, channel, words)
        if exponent not in channel.scale_factor.good:
            return None, tests | int(Test.SENTINEL)
        raw = scaled(raw, 10.0**exponent, 0.0)
    return _in_unit(channel, scaled(raw, channel.scale, channel.offset), words, tests)


def scaled(raw: float | int, scale: float, offset: float) -> float:
    """Return ``raw × scale + offset``; a scale of 0.1 divides by 10, so that 2301 gives 230.1 exactly."""
    return scaler(scale, offset)(raw)


def scaler(scale: float, offset: float) -> Callable[[float | int], float]:
    """Return the function ``raw × scale + offset``, as `scaled` works it out."""
    inverse = round(1 / scale)
    if inverse != 0 and abs(inverse * scale - 1) < 1e-12:
        return lambda raw: raw / inverse + offset
    return lambda raw: raw * scale + offset


def _in_unit(channel: Channel, value: float, words: Sequence[int], tests: int) -> tuple[float | None, int]:
    if not channel.unit_code:
        return value, tests
    unit = channel.unit_code.units.get(int(_of(channel.unit_code, channel, words)))
    if unit is None:
        return None, tests | int(Test.SENSOR_STATUS)
    return convert(value, unit, channel.unit), tests


def _of(companion: Companion, channel: Channel, words: Sequence[int]) -> float | int:
    start = companion.address - channel.address
    return raw_number(words[start : start + companion.width], companion.type, companion.order)


@cache
def places_of(order: str) -> tuple[int, ...]:
    """Return where each byte of an order is found, the most significant first."""
    return tuple(order.index(letter) for letter in sorted(set(order) - {"-"}))


def _wire(words: Sequence[int]) -> bytes:
    return struct.pack(f">{len(words)}H", *words)
