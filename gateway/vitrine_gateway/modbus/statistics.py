"""What a line and each unit on it have done since the start, for the health of the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class UnitStatistics:
    """One Modbus unit on one line; counts since the start, times in seconds."""

    requests: int = 0
    answers: int = 0
    #: Answers by which the instrument says that it will not give what was asked (exceptions).
    refusals: int = 0
    #: Answers by which the instrument asks for time (exceptions 5 and 6).
    busy: int = 0
    timeouts: int = 0
    #: Answers with a wrong check sum, a wrong length or another function.
    damaged: int = 0
    #: Answers that came after their time-out, and were recognised as such.
    late: int = 0
    #: Time-outs since the last answer.
    silent: int = 0
    #: Smoothed round trip without the time on the wire; None before the first answer.
    round_trip_s: float | None = None
    #: Time-out of the next request, without the time on the wire.
    timeout_s: float = 0.0


@dataclass(slots=True)
class LineStatistics:
    """One line or connection."""

    place: str
    transport: str
    connected: bool = False
    #: True while the second endpoint is used because the first did not open.
    on_backup: bool = False
    connections: int = 0
    #: Connections that had to be made again because the line was lost; closing between cycles does not count.
    reconnections: int = 0
    failed_connections: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    #: Frames that belong to no request.
    strays: int = 0
    units: dict[int, UnitStatistics] = field(default_factory=dict)

    def unit(self, number: int) -> UnitStatistics:
        """Return the counts of a unit, made when first asked for."""
        return self.units.setdefault(number, UnitStatistics())
