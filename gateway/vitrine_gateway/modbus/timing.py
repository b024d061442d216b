"""How long to wait for an answer: the whole time-out of the installation file, or what a unit usually takes.

A unit that answers is given the whole time-out, so that a slow answer is not lost. After a silence, what it usually
takes is enough to see whether it is back, so that one which is off costs its line little; each further silence doubles
that.
After RFC 6298 (2.2, 2.3, 5.5), Karn's algorithm included: an answer that may be an earlier request's teaches nothing.
    first R:  srtt = R;                            rttvar = R / 2
    next R:   rttvar = 3/4 rttvar + 1/4 |srtt - R|;  srtt = 7/8 srtt + 1/8 R
    time-out = limit                                                     after an answer
    time-out = min(limit, max(floor, srtt + 4 rttvar) * 2 ** (n - 1))    after n silences
The floor (0.2 s instead of the RFC's 1 s) covers what a converter or a busy computer adds. Time on a serial wire is
taken off each R and put onto each time-out, since it depends on the request and not on the instrument.
"""

from __future__ import annotations

from dataclasses import dataclass

from vitrine.installation import SERIAL_TRANSPORTS, Connection

#: Seconds below which no time-out goes, unless the installation file has a shorter one.
FLOOR = 0.2


class RoundTrip:
    """What one unit usually takes to answer."""

    def __init__(self) -> None:
        self.smoothed: float | None = None
        self._variation = 0.0
        self._silences = 0

    def learn(self, measured: float) -> None:
        """Take a measured round trip in seconds, without the time on the wire."""
        measured = max(0.0, measured)
        if self.smoothed is None:
            self.smoothed, self._variation = measured, measured / 2
        else:
            self._variation = 0.75 * self._variation + 0.25 * abs(self.smoothed - measured)
            self.smoothed = 0.875 * self.smoothed + 0.125 * measured

    def answered(self) -> None:
        """An answer came."""
        self._silences = 0

    def missed(self) -> None:
        """No answer came."""
        self._silences = min(self._silences + 1, 16)

    def timeout(self, limit: float) -> float:
        """Return how long to wait, in seconds without the time on the wire; `limit` where nothing is known yet."""
        if self.smoothed is None or not self._silences:
            return limit
        usual = max(FLOOR, self.smoothed + 4 * self._variation)
        return min(limit, usual * 2.0 ** (self._silences - 1))


@dataclass(frozen=True, slots=True)
class Wire:
    """What a serial line takes for itself; nothing on a network."""

    #: Seconds a character takes on the line; 0 on a network.
    character: float
    #: Characters that an octet takes: 2 in ASCII framing.
    width: int
    #: Silence between frames (Modbus over Serial Line V1.02, 2.5.1.1: 3.5 characters, 1.75 ms above 19,200 baud).
    silence: float

    @classmethod
    def of(cls, connection: Connection) -> Wire:
        """Return the wire of a connection."""
        if connection.transport not in SERIAL_TRANSPORTS:
            return cls(0.0, 1, 0.0)
        bits = 1 + connection.data_bits + (connection.parity != "N") + connection.stop_bits
        character = bits / connection.baudrate
        silence = max(3.5 * character, 0.00175) if connection.transport == "rtu" else 0.0
        return cls(character, 2 if connection.transport == "ascii" else 1, silence)

    def seconds(self, octets: int) -> float:
        """Return the time that so many octets take, frames' marks included."""
        return octets * self.width * self.character
