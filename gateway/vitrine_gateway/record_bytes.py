"""The bytes of a record in the queue: one column after the other, so that a whole column is written at once.

Version, time source, first instant, count of values and which columns follow; device; boot id and shift, only where the
time may still become better; channels; times, tests, marks of absence, marks of width, each only where it says
something; the values, 32 bits wide where that is exact, else 64; the identity of an MQTT message, where there is one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

from vitrine.errors import PayloadError
from vitrine.uplink import TimeSource
from vitrine_gateway import record_bytes_2
from vitrine_gateway.record import Record, Value

_SOURCES: tuple[TimeSource, ...] = ("ntp", "rtc", "restamped", "uncertain")
_VERSION = 4
#: First byte of a record that is deflated as a whole, where that makes it smaller.
_DEFLATED = b"\x03"
# version, time source, first instant in ms, values, columns
_HEAD = struct.Struct(">BBqHB")
_ORIGIN = struct.Struct(">16sq")
_TIMES, _TESTS, _ABSENT, _WIDE = 1, 2, 4, 8


def encode(record: Record) -> bytes:
    """Write a record; the boot id and the shift only where its time is uncertain."""
    channels, times, values, tests = zip(*record.values, strict=True)
    first, count = min(times), len(times)
    numbers = tuple(value for value in values if value is not None)
    columns, parts = 0, [_text(record.device)]
    if record.source == "uncertain":
        parts.append(_ORIGIN.pack(record.boot, record.shift_ms))
    parts.append(_texts(channels))
    if times.count(first) < count:
        columns |= _TIMES
        parts.append(struct.pack(f">{count}I", *(time_ms - first for time_ms in times)))
    if any(tests):
        columns |= _TESTS
        parts.append(struct.pack(f">{count}H", *tests))
    if len(numbers) < count:
        columns |= _ABSENT
        parts.append(_marks([value is None for value in values]))
    short = _short(numbers)
    if short is None:
        columns |= _WIDE
        wide = [_short((number,)) is None for number in numbers]
        parts.append(_marks(wide))
        short = struct.pack(_form(wide), *numbers)
    head = _HEAD.pack(_VERSION, _SOURCES.index(record.source), first, count, columns)
    plain = b"".join((head, *parts, short, record.origin))
    return min(plain, _deflate(plain), key=len)


def decode(data: bytes) -> Record:
    """Read what `encode` wrote, now or formerly; PayloadError where it is something else."""
    try:
        plain = zlib.decompress(data[1:], -15) if data[:1] == _DEFLATED else data
        if plain[:1] == record_bytes_2.VERSION:
            return record_bytes_2.decode(plain)
        return _decode(_Columns(plain))
    except (struct.error, zlib.error, IndexError, UnicodeDecodeError) as error:
        raise PayloadError(f"a record of {len(data)} bytes cannot be read: {error}") from error


class _Columns:
    """Takes one part after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, form: str) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return found

    def text(self) -> str:
        start = self._at + 1
        self._at = start + self._data[self._at]
        return self._data[start : self._at].decode()

    def marks(self, count: int) -> list[bool]:
        octets = self.take(f"{(count + 7) // 8}B")
        return [bool(octets[at // 8] >> at % 8 & 1) for at in range(count)]

    def rest(self) -> bytes:
        return self._data[self._at :]


def _decode(data: _Columns) -> Record:
    version, source, first, count, columns = data.take(_HEAD.format)
    if version != _VERSION:
        raise PayloadError(f"a record of version {version} cannot be read")
    device, boot, shift = data.text(), bytes(16), 0
    if _SOURCES[source] == "uncertain":
        boot, shift = data.take(_ORIGIN.format)  # type: ignore[assignment]  # bytes and a number
    channels = [data.text() for _ in range(count)]
    times = data.take(f">{count}I") if columns & _TIMES else (0,) * count
    tests = data.take(f">{count}H") if columns & _TESTS else (0,) * count
    absent = data.marks(count) if columns & _ABSENT else [False] * count
    present = count - sum(absent)
    wide = data.marks(present) if columns & _WIDE else [False] * present
    numbers = iter(data.take(_form(wide)))
    values = [None if gone else next(numbers) for gone in absent]
    found = zip(channels, (first + time_ms for time_ms in times), values, tests, strict=True)
    return Record(device, boot, shift, _SOURCES[source], tuple(Value(*one) for one in found), data.rest())


def _short(numbers: Sequence[float]) -> bytes | None:
    """Return numbers in 32 bits each where nothing is lost by it."""
    form = f">{len(numbers)}f"
    try:
        short = struct.pack(form, *numbers)
    except OverflowError:
        return None
    return short if struct.unpack(form, short) == tuple(numbers) else None


def _form(wide: Sequence[bool]) -> str:
    return ">" + "".join("d" if one else "f" for one in wide)


def _marks(bits: Sequence[bool]) -> bytes:
    return sum(bit << at for at, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")


def _deflate(plain: bytes) -> bytes:
    """Deflate with the smallest window and memory; larger ones, made anew for each record, cost more than they save."""
    deflater = zlib.compressobj(1, zlib.DEFLATED, -9, 1)
    return _DEFLATED + deflater.compress(plain) + deflater.flush()


@lru_cache(256)
def _texts(texts: tuple[str, ...]) -> bytes:
    return b"".join(map(_text, texts))


def _text(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw
