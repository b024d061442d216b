"""The second form of a record, value after value; a queue may still hold such from before."""

from __future__ import annotations

import struct

from vitrine.uplink import TimeSource
from vitrine_gateway.record import Record, Value

VERSION = b"\x02"
_SOURCES: tuple[TimeSource, ...] = ("ntp", "rtc", "restamped", "uncertain")
# version, time source, first instant in ms, readings
_HEAD = struct.Struct(">BBqH")
# boot id and shift to the wall clock in ms, only where the time may still become better
_ORIGIN = struct.Struct(">16sq")
# what follows the channel of a value: its time where it is another than that of the value before, its tests where
# there are any, its value as a float of 32 bits where that is exact, else of 64 bits
_AT, _TESTED, _FLOAT32, _FLOAT64 = 1, 2, 4, 8
_FORMS = {_AT: struct.Struct(">I"), _TESTED: struct.Struct(">H"), _FLOAT32: struct.Struct(">f")}
_FORMS[_FLOAT64] = struct.Struct(">d")


def decode(data: bytes) -> Record:
    """Read a record; struct.error, IndexError or UnicodeDecodeError where it is something else."""
    _, source, first, count = _HEAD.unpack_from(data)
    device, at = _text(data, _HEAD.size)
    boot, shift = bytes(16), 0
    if _SOURCES[source] == "uncertain":
        boot, shift = _ORIGIN.unpack_from(data, at)
        at += _ORIGIN.size
    values: list[Value] = []
    for _ in range(count):
        value, at = _value(data, at, first, values[-1].time_ms if values else first)
        values.append(value)
    return Record(device, boot, shift, _SOURCES[source], tuple(values), data[at:])


def _value(data: bytes, at: int, first: int, before: int) -> tuple[Value, int]:
    channel, at = _text(data, at)
    flags, at = data[at], at + 1
    held: dict[int, float] = {}
    for flag, form in _FORMS.items():
        if flags & flag:
            held[flag], at = form.unpack_from(data, at)[0], at + form.size
    time_ms = first + int(held[_AT]) if _AT in held else before
    return Value(channel, time_ms, held.get(_FLOAT32, held.get(_FLOAT64)), int(held.get(_TESTED, 0))), at


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end
