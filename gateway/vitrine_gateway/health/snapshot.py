"""The gateway at one moment: one document for the command line, the Prometheus page and the uplink."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from vitrine_gateway.clock import ClockState
from vitrine_gateway.health.machine import Machine
from vitrine_gateway.modbus.statistics import LineStatistics
from vitrine_gateway.uplink.status import UplinkStatus

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceHealth:
    """One instrument; counts since the start. What its protocol does not have is None."""

    key: str
    #: Why it gives nothing, or not everything, in English; '' where all is well.
    failure: str
    missed_slots: int
    requests: int | None = None
    answers: int | None = None
    refusals: int | None = None
    #: Answers by which it asked for time.
    busy: int | None = None
    timeouts: int | None = None
    damaged: int | None = None
    late: int | None = None
    #: Smoothed time between request and answer, without the time on the wire, in seconds.
    latency_s: float | None = None
    #: `closed` while it is asked as planned, `open` while it is left alone, `half-open` while it is tried.
    breaker: str | None = None
    #: Registers, or parts of a message, that are left alone because the instrument refuses them.
    quarantined: int | None = None

    @property
    def success(self) -> float | None:
        """Share of the requests that were answered, 0 to 1; None before the first."""
        return None if not self.requests else (self.answers or 0) / self.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHealth:
    """The queue on disk."""

    records: int
    bytes: int
    oldest_age_s: float | None
    bytes_written_today: int
    #: What the rate since the start comes to in a day; None in the first minutes.
    bytes_written_a_day: float | None
    #: Records given up or unreadable since the start, all reported to the platform.
    lost: int
    #: Records that the disk refused since the start; they are among the lost.
    unwritten: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that is known."""

    at: datetime
    started: datetime
    version: str
    installation: str
    node: str
    devices: tuple[DeviceHealth, ...]
    lines: tuple[LineStatistics, ...]
    queue: QueueHealth
    uplink: UplinkStatus
    clock: ClockState
    machine: Machine

    def document(self) -> dict[str, Plain]:
        """Return it as JSON takes it: times in ISO 8601, what is not known as null."""
        document = _plain(asdict(self))
        assert isinstance(document, dict)
        for device, told in zip(self.devices, document["devices"], strict=True):  # type: ignore[arg-type]
            assert isinstance(told, dict)
            told["success"] = device.success
        return document


def _plain(value: object) -> Plain:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
