"""Which requests to send: channels that lie near one another share a request while that is cheaper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vitrine.installation import SERIAL_TRANSPORTS, Connection
from vitrine_gateway.profiles import Channel, Identity
from vitrine_gateway.profiles.model import Table

Place = Channel | Identity


#: What an instrument is taken to think before it answers, and what a request takes on a network, in seconds.
INSTRUMENT_S, NETWORK_S = 0.005, 0.002


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request takes on a line, in seconds."""

    #: Once for each request: its own bytes, the frame around the answer, silence, the instrument's delay.
    request: float
    #: For each register of the answer.
    register: float

    @classmethod
    def of(cls, connection: Connection) -> Cost:
        """Return the cost on a connection: on a serial line what its characters take, on a network next to nothing."""
        if connection.transport not in SERIAL_TRANSPORTS:
            return cls(request=NETWORK_S, register=0.00002)
        frame, character = Frame.of(connection.transport), character_s(connection)
        # Twice 3.5 characters of silence surround a frame (Modbus over serial line 1.02, 2.5.1.1).
        around = (frame.asked + frame.answered + 7) * character
        return cls(request=around + INSTRUMENT_S + connection.pause_s, register=frame.register * character)


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes of a read request, of its answer without registers, and of one register in it."""

    asked: int
    answered: int
    register: int

    @classmethod
    def of(cls, transport: str) -> Frame:
        """Return the bytes of a transport (Modbus over serial line 1.02, 2.5; Modbus messaging on TCP/IP 1.0b, 3.1)."""
        if transport.startswith("rtu"):
            return cls(asked=8, answered=5, register=2)
        if transport.startswith("ascii"):
            return cls(asked=17, answered=11, register=4)
        return cls(asked=12, answered=9, register=2)


def character_s(connection: Connection) -> float:
    """Return how long one character is on a serial wire: start, data, parity and stop bits."""
    bits = 1 + connection.data_bits + (connection.parity != "N") + connection.stop_bits
    return bits / connection.baudrate


@dataclass(frozen=True, slots=True)
class Request:
    """One range of registers and the places in it."""

    table: Table
    first: int
    count: int
    places: tuple[Place, ...]

    @property
    def holes(self) -> bool:
        """Tell whether registers are asked for that belong to no place."""
        return sum(count for _, count in _runs(self.places)) < self.count

    def split(self) -> tuple[Request, ...]:
        """Return smaller requests for the same places: first without holes, then halves; none for a single place."""
        if self.holes:
            return tuple(
                _request(tuple(place for place in self.places if first <= place.address < first + count))
                for first, count in _runs(self.places)
            )
        if len(self.places) < 2:
            return ()
        half = len(self.places) // 2
        return _request(self.places[:half]), _request(self.places[half:])


def plan(channels: Iterable[Channel], most: int, cost: Cost, barriers: tuple[int, ...] = ()) -> list[Request]:
    """Return the cheapest requests that read each channel once: none longer than `most`, none across a barrier."""
    tables: dict[Table, list[Channel]] = {}
    for channel in channels:
        tables.setdefault(channel.table, []).append(channel)
    found: list[Request] = []
    for table in sorted(tables):
        places = sorted(tables[table], key=lambda place: (place.address, place.width))
        found += _cheapest(places, most, cost, barriers)
    return found


def alone(identity: Identity) -> Request:
    """Return the request for an identity register, which instruments want to be read alone."""
    return _request((identity,))


def _cheapest(places: list[Channel], most: int, cost: Cost, barriers: tuple[int, ...]) -> list[Request]:
    # best[i]: least cost of the first i places, and where the last request of that solution begins
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(places) + 1):
        choices = []
        for start in range(end - 1, -1, -1):
            count = _count(places[start:end])
            if count > most or _crosses(places[start].address, places[end - 1].address, barriers):
                break
            choices.append((best[start][0] + cost.request + cost.register * count, start))
        best.append(min(choices))
    found: list[Request] = []
    end = len(places)
    while end:
        start = best[end][1]
        found.append(_request(tuple(places[start:end])))
        end = start
    return found[::-1]


def _crosses(first: int, last: int, barriers: tuple[int, ...]) -> bool:
    return any(first < barrier <= last for barrier in barriers)


def _count(places: list[Channel]) -> int:
    return max(place.address + place.width for place in places) - places[0].address


def _request(places: tuple[Place, ...]) -> Request:
    first = min(place.address for place in places)
    return Request(places[0].table, first, max(place.address + place.width for place in places) - first, places)


def _runs(places: tuple[Place, ...]) -> list[tuple[int, int]]:
    """Return the stretches (first, count) that the places cover without a hole."""
    runs: list[tuple[int, int]] = []
    for place in sorted(places, key=lambda place: place.address):
        end = place.address + place.width
        if runs and place.address <= sum(runs[-1]):
            first, count = runs[-1]
            runs[-1] = (first, max(count, end - first))
        else:
            runs.append((place.address, place.width))
    return runs
