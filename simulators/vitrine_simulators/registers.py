"""From a number to 16-bit registers, the inverse of what a gateway decodes."""

from __future__ import annotations

import struct

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


def width(kind: str) -> int:
    """Return how many registers a type takes."""
    return struct.calcsize(_FORMATS[kind]) // 2


def encode(value: float, kind: str, order: str = "") -> list[int]:
    """Return the registers of a raw value; a whole number that does not fit is held at the type's limit.

    `order` names the bytes of the big-endian form as they come on the wire, for example CDAB; '' for that form itself.
    """
    form = _FORMATS[kind]
    size = struct.calcsize(form)
    if kind.startswith("float"):
        raw = struct.pack(form, value)
    else:
        signed = kind.startswith("int")
        low, high = (-(1 << (8 * size - 1)), (1 << (8 * size - 1)) - 1) if signed else (0, (1 << (8 * size)) - 1)
        raw = struct.pack(form, min(max(round(value), low), high))
    if len(order) == size:
        raw = bytes(raw[ord(letter) - ord("A")] for letter in order)
    elif order and size > 2:
        raise ValueError(f"the order {order} does not describe the {size} bytes of {kind}")
    return list(struct.unpack(f">{size // 2}H", raw))
