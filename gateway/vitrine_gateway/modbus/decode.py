"""From registers to a value: widths, orders of bytes, scale, and the marks that mean "no value"."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from vitrine.quality import Test
from vitrine_gateway.profiles import Channel

_FORMATS = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}


def raw_value(words: Sequence[int], kind: str, order: str) -> float | int:
    """Return the number that registers hold; `order` names their bytes as they come, A the most significant one."""
    wire = struct.pack(f">{len(words)}H", *words)
    if len(wire) != len(order):
        raise ValueError(f"{len(words)} registers do not hold the order {order}")
    big = bytes(wire[order.index(letter)] for letter in sorted(order))
    value: float | int = struct.unpack(_FORMATS[kind], big)[0]
    return value


def decode(channel: Channel, words: Sequence[int]) -> tuple[float | None, int]:
    """Return (value in the channel's unit, tests that it did not pass); None for a mark of "no value"."""
    raw = raw_value(words, channel.type, channel.order)
    if not math.isfinite(raw) or raw in channel.invalid:
        return None, int(Test.SENTINEL)
    return scaled(raw, channel.scale, channel.offset), 0


def scaled(raw: float | int, scale: float, offset: float) -> float:
    """Return ``raw × scale + offset``; a scale of 0.1 divides by 10, so that 2301 gives 230.1 exactly."""
    inverse = round(1 / scale)
    exact = inverse != 0 and abs(inverse * scale - 1) < 1e-12
    return (raw / inverse if exact else raw * scale) + offset
