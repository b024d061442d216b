"""The bytes of one record in the queue: the readings of one device, and all that is known of their time."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

from vitrine.errors import PayloadError
from vitrine.quality import Test
from vitrine.uplink import TimeSource
from vitrine_gateway.clock import Clock
from vitrine_gateway.reading import Sample

_SOURCES: tuple[TimeSource, ...] = ("ntp", "rtc", "restamped", "uncertain")
# version, time source, first instant in ms, readings
_HEAD = struct.Struct(">BBqH")
_VERSION = 2
#: First byte of a record that is deflated as a whole, where that makes it smaller.
_DEFLATED = b"\x03"
# boot id and shift to the wall clock in ms, only where the time may still become better
_ORIGIN = struct.Struct(">16sq")
_MILLISECONDS, _TESTS = struct.Struct(">I"), struct.Struct(">H")
_SHORT, _LONG = struct.Struct(">f"), struct.Struct(">d")
# what follows the channel of a reading: its time where it is another than that of the reading before, its tests where
# there are any, its value as a float of 32 bits where that is exact, else of 64 bits
_AT, _TESTED, _FLOAT32, _FLOAT64 = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Value:
    """One value with its time in milliseconds since 1970 UTC."""

    channel: str
    time_ms: int
    value: float | None
    tests: int


@dataclass(frozen=True, slots=True)
class Record:
    """The values of one device; `source` says where their times came from."""

    device: str
    boot: bytes
    #: What was added to the monotonic clock to get the times.
    shift_ms: int
    source: TimeSource
    values: tuple[Value, ...]
    #: Identity of the MQTT message that it came in; empty where it came otherwise.
    origin: bytes = b""

    @property
    def last_ms(self) -> int:
        """Time of the latest value."""
        return max(value.time_ms for value in self.values)


def record_of(sample: Sample, clock: Clock) -> Record:
    """Stamp a sample with the wall clock as it is known now."""
    shift, source = clock.shift_ms(), clock.state().source
    values = tuple(
        Value(
            reading.channel,
            int(reading.at * 1000) + shift if reading.own_ms is None else reading.own_ms,
            reading.value,
            reading.tests,
        )
        for reading in sample.readings
    )
    if sample.readings and all(reading.own_ms is not None for reading in sample.readings):
        source = "rtc"  # the clock of the instrument, which nobody watches over
    return Record(sample.device, clock.boot, shift, source, values, sample.origin)


def restamped(record: Record, clock: Clock) -> Record:
    """Return a record with better times, where it was made since the machine started and the clock is now known."""
    if record.source != "uncertain" or record.boot != clock.boot or clock.state().source == "uncertain":
        return record
    shift = clock.shift_ms()
    values = tuple(replace(value, time_ms=value.time_ms - record.shift_ms + shift) for value in record.values)
    return replace(record, shift_ms=shift, source="restamped", values=values)


def marked(record: Record) -> Record:
    """Return a record whose values say that their time is uncertain, where it is."""
    if record.source != "uncertain":
        return record
    values = tuple(replace(value, tests=value.tests | Test.TIME_UNCERTAIN) for value in record.values)
    return replace(record, values=values)


def encode(record: Record) -> bytes:
    """Write a record; the boot id and the shift only where its time is uncertain."""
    before = first = min(value.time_ms for value in record.values)
    parts = [
        _HEAD.pack(_VERSION, _SOURCES.index(record.source), first, len(record.values)),
        _text(record.device),
    ]
    if record.source == "uncertain":
        parts.append(_ORIGIN.pack(record.boot, record.shift_ms))
    for value in record.values:
        parts.append(_text(value.channel) + _reading(value, first, before))
        before = value.time_ms
    plain = b"".join(parts) + record.origin
    return min(plain, _DEFLATED + zlib.compress(plain, 1, -15), key=len)


def decode(data: bytes) -> Record:
    """Read what `encode` wrote; PayloadError where it is something else."""
    try:
        if data[:1] == _DEFLATED:
            data = zlib.decompress(data[1:], -15)
        version, source, first, count = _HEAD.unpack_from(data)
        if version != _VERSION:
            raise PayloadError(f"a record of version {version} cannot be read")
        device, at = _read_text(data, _HEAD.size)
        boot, shift = bytes(16), 0
        if _SOURCES[source] == "uncertain":
            boot, shift = _ORIGIN.unpack_from(data, at)
            at += _ORIGIN.size
        values, before = [], first
        for _ in range(count):
            value, at = _read_reading(data, at, first, before)
            values.append(value)
            before = value.time_ms
        return Record(device, boot, shift, _SOURCES[source], tuple(values), data[at:])
    except (struct.error, zlib.error, IndexError, UnicodeDecodeError) as error:
        raise PayloadError(f"a record of {len(data)} bytes cannot be read: {error}") from error


def _reading(value: Value, first: int, before: int) -> bytes:
    flags, rest = 0, b""
    if value.time_ms != before:
        flags, rest = _AT, _MILLISECONDS.pack(value.time_ms - first)
    if value.tests:
        flags, rest = flags | _TESTED, rest + _TESTS.pack(value.tests)
    if value.value is not None:
        short = _as_float32(value.value)
        flags |= _FLOAT64 if short is None else _FLOAT32
        rest += _LONG.pack(value.value) if short is None else short
    return bytes([flags]) + rest


def _read_reading(data: bytes, at: int, first: int, before: int) -> tuple[Value, int]:
    channel, at = _read_text(data, at)
    flags, at = data[at], at + 1
    time_ms, tests, value = before, 0, None
    if flags & _AT:
        time_ms, at = first + _MILLISECONDS.unpack_from(data, at)[0], at + _MILLISECONDS.size
    if flags & _TESTED:
        tests, at = _TESTS.unpack_from(data, at)[0], at + _TESTS.size
    if flags & (_FLOAT32 | _FLOAT64):
        form = _SHORT if flags & _FLOAT32 else _LONG
        value, at = form.unpack_from(data, at)[0], at + form.size
    return Value(channel, time_ms, value, tests), at


def _as_float32(value: float) -> bytes | None:
    """Return the value in 32 bits where nothing is lost by it."""
    try:
        short = _SHORT.pack(value)
    except OverflowError:
        return None
    return short if _SHORT.unpack(short)[0] == value else None


def _text(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end
