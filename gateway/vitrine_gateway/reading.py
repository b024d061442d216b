"""What a reader hands on: the values of one device, each with its own instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from vitrine.quality import Test


class Reading(NamedTuple):
    """One value of one channel."""

    channel: str
    #: Instant of the monotonic clock, in seconds, at the middle of the request.
    at: float
    #: None where there is no value; `tests` then says why.
    value: float | None
    #: Bits of `vitrine.quality.Test`.
    tests: int = 0
    #: Time by the instrument's own clock, in milliseconds since 1970 UTC; None where `at` says it.
    own_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The readings of one device that belong together."""

    device: str
    readings: tuple[Reading, ...]
    #: Identity of the message that it came in, by which a repeated delivery is known again.
    origin: bytes = b""

    @property
    def answered(self) -> bool:
        """Tell whether the device gave at least one answer."""
        return any(not reading.tests & Test.NO_ANSWER for reading in self.readings)


def silent(device: str, channels: tuple[str, ...], at: float) -> Sample:
    """Return the sample of a device that did not answer."""
    return Sample(device, tuple(Reading(channel, at, None, int(Test.NO_ANSWER)) for channel in channels))
