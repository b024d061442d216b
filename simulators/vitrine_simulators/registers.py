"""From a number to 16-bit registers, the inverse of what a gateway decodes."""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterator

from vitrine_gateway.profiles import Channel
from vitrine_gateway.profiles.companion import Companion
from vitrine_gateway.profiles.types import WIDTHS

_FLOATS = {"float32": ">f", "float64": ">d"}


def width(kind: str) -> int:
    """Return how many registers a type takes."""
    return WIDTHS[kind]


def step(channel: Channel) -> float:
    """Return what one unit of the raw value is worth; a simulated scale factor is that of the shown decimals."""
    return channel.scale * (10.0**-channel.decimals if channel.scale_factor else 1.0)


def raw_of(channel: Channel, value: float) -> float:
    """Return the raw value of a number in the channel's unit; for NaN, the instrument's mark for “no value”.

    An instrument whose registers hold whole numbers, and whose profile knows no such mark, shows zero.
    """
    if math.isnan(value):
        return channel.invalid[0] if channel.invalid else math.nan if channel.type in _FLOATS else 0.0
    return (value - channel.offset) / step(channel)


def raw_limits(channel: Channel) -> tuple[float, float]:
    """Return the smallest and the greatest raw value that the registers of a channel hold."""
    if channel.bits:
        return 0, (1 << channel.bits[1]) - 1
    return _limits(channel.type)


def _limits(kind: str) -> tuple[float, float]:
    if kind in _FLOATS:
        return -math.inf, math.inf
    digits = int("".join(filter(str.isdigit, kind)))
    if kind.startswith("bcd"):
        return 0, 10 ** (digits // 4) - 1
    return (-(1 << digits - 1), (1 << digits - 1) - 1) if kind.startswith("int") else (0, (1 << digits) - 1)


def largest(channel: Channel) -> float:
    """Return the greatest value that the registers of a channel hold, in its unit, before they begin anew."""
    return abs(raw_limits(channel)[1] * step(channel)) + channel.offset


def can_say_nothing(channel: Channel) -> bool:
    """Tell whether an instrument can say that it has no value, by a mark or by a register beside the value."""
    return bool(channel.invalid or channel.type in _FLOATS or channel.quality or channel.unit_code)


def registers_of(channel: Channel, value: float) -> Iterator[tuple[int, list[int]]]:
    """Return the registers of a value and of its companions, each with its address.

    NaN is "no value": the mark that the profile knows, and a status or a unit that is not known; zero where an
    instrument has neither, since it then cannot say so.
    """
    known = not math.isnan(value)
    raw = raw_of(channel, value)
    if channel.bits and known:
        first, bits = channel.bits
        raw = min(max(round(raw), 0), (1 << bits) - 1) << first
    yield channel.value_address, encode(raw, channel.type, channel.order)
    if channel.scale_factor:
        yield channel.scale_factor.address, _code(channel.scale_factor, -channel.decimals)
    if channel.quality:
        good = channel.quality.good
        yield channel.quality.address, _code(channel.quality, good[0] if known else _other(good))
    if channel.unit_code:
        units = channel.unit_code.units
        codes = [code for code, unit in units.items() if unit == channel.unit]
        yield channel.unit_code.address, _code(channel.unit_code, codes[0] if known else _other(units))


def _other(codes: Collection[int]) -> int:
    """Return the smallest code that is none of these."""
    known = set(codes)
    return next(code for code in range(len(known) + 1) if code not in known)


def _code(companion: Companion, code: int) -> list[int]:
    return encode(code, companion.type, companion.order)


def encode(value: float, kind: str, order: str = "") -> list[int]:
    """Return the registers of a raw value; a whole number that does not fit is held at the type's limit.

    `order` names the bytes of the big-endian form as they come on the wire, for example CDAB; '' for that form itself.
    """
    if kind in _FLOATS:
        big = struct.pack(_FLOATS[kind], value)
    elif kind.startswith("bcd"):
        big = bytes.fromhex(str(_held(value, kind)).zfill(int(kind[3:]) // 4))
    else:
        bits = int(kind.removeprefix("u").removeprefix("int"))
        big = _held(value, kind).to_bytes(bits // 8, "big", signed=kind.startswith("int"))
    return _words(big, order or "ABCDEFGH"[: len(big)], kind)


def _held(value: float, kind: str) -> int:
    low, high = _limits(kind)
    return int(min(max(round(value), low), high))


def encode_text(text: str, registers: int, order: str) -> list[int]:
    """Return so many registers of a text, filled up with zeros; `order` is that of one register."""
    letters = sorted(set(order) - {"-"})
    codes = text.encode("latin-1").ljust(registers * len(letters), b"\0")
    found: list[int] = []
    for at in range(0, registers * len(letters), len(letters)):
        found += _words(codes[at : at + len(letters)], order, "string")
    return found


def _words(big: bytes, order: str, kind: str) -> list[int]:
    if len(order.replace("-", "")) != len(big) or len(order) % 2:
        raise ValueError(f"the order {order} does not describe the {len(big)} bytes of {kind}")
    raw = bytes(0 if letter == "-" else big[ord(letter) - ord("A")] for letter in order)
    return list(struct.unpack(f">{len(raw) // 2}H", raw))
