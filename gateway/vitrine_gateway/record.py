"""The bytes of one record in the queue: the readings of one device, and all that is known of their time."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from vitrine.errors import PayloadError
from vitrine.quality import Test
from vitrine.uplink import TimeSource
from vitrine_gateway.clock import Clock
from vitrine_gateway.reading import Sample

_SOURCES: tuple[TimeSource, ...] = ("ntp", "rtc", "restamped", "uncertain")
# version, time source, boot id, shift to the wall clock in ms, first instant in ms, readings
_HEAD = struct.Struct(">BB16sqqH")
_VERSION = 1
# milliseconds after the first instant, tests, then the value where there is one
_READING = struct.Struct(">IHB")
_VALUE = struct.Struct(">d")


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

    @property
    def last_ms(self) -> int:
        """Time of the latest value."""
        return max(value.time_ms for value in self.values)


def record_of(sample: Sample, clock: Clock) -> Record:
    """Stamp a sample with the wall clock as it is known now."""
    shift, source = clock.shift_ms(), clock.state().source
    values = tuple(
        Value(reading.channel, int(reading.at * 1000) + shift, reading.value, reading.tests)
        for reading in sample.readings
    )
    return Record(sample.device, clock.boot, shift, source, values)


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
    """Write a record."""
    first = min(value.time_ms for value in record.values)
    parts = [
        _HEAD.pack(_VERSION, _SOURCES.index(record.source), record.boot, record.shift_ms, first, len(record.values)),
        _text(record.device),
    ]
    for value in record.values:
        parts.append(_text(value.channel))
        parts.append(_READING.pack(value.time_ms - first, value.tests, value.value is not None))
        if value.value is not None:
            parts.append(_VALUE.pack(value.value))
    return b"".join(parts)


def decode(data: bytes) -> Record:
    """Read what `encode` wrote; PayloadError where it is something else."""
    try:
        version, source, boot, shift, first, count = _HEAD.unpack_from(data)
        if version != _VERSION:
            raise PayloadError(f"a record of version {version} cannot be read")
        device, at = _read_text(data, _HEAD.size)
        values = []
        for _ in range(count):
            channel, at = _read_text(data, at)
            delta, tests, there = _READING.unpack_from(data, at)
            at += _READING.size
            value = _VALUE.unpack_from(data, at)[0] if there else None
            at += _VALUE.size if there else 0
            values.append(Value(channel, first + delta, value, tests))
        return Record(device, boot, shift, _SOURCES[source], tuple(values))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise PayloadError(f"a record of {len(data)} bytes cannot be read: {error}") from error


def _text(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end
