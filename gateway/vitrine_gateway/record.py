"""One record: the readings of one device, and all that is known of their time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from vitrine.quality import Test
from vitrine.uplink import TimeSource
from vitrine_gateway.clock import Clock
from vitrine_gateway.reading import Sample


class Value(NamedTuple):
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
    values = tuple(value._replace(time_ms=value.time_ms - record.shift_ms + shift) for value in record.values)
    return replace(record, shift_ms=shift, source="restamped", values=values)


def marked(record: Record) -> Record:
    """Return a record whose values say that their time is uncertain, where it is."""
    if record.source != "uncertain":
        return record
    values = tuple(value._replace(tests=value.tests | Test.TIME_UNCERTAIN) for value in record.values)
    return replace(record, values=values)
