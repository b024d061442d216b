"""Which requests to send: channels that lie near one another share a request while that is cheaper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vitrine_gateway.profiles import Channel, Identity
from vitrine_gateway.profiles.model import Table

Place = Channel | Identity


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request takes on a line, in seconds."""

    #: Once for each request: its own bytes, the frame around the answer, silence, the instrument's delay.
    request: float
    #: For each register of the answer.
    register: float

    @classmethod
    def of_line(cls, transport: str, baudrate: int) -> Cost:
        """Return the cost on a transport; a character takes 11 bits on a serial line."""
        if transport == "rtu":
            character = 11 / baudrate
            # 8 bytes asked, 5 around the answer, twice 3.5 characters of silence, and the instrument's own delay
            return cls(request=20 * character + 0.005, register=2 * character)
        return cls(request=0.002, register=0.00002)


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


def plan(channels: Iterable[Channel], most: int, cost: Cost) -> list[Request]:
    """Return the cheapest requests that read each channel once, none longer than `most` registers."""
    tables: dict[Table, list[Channel]] = {}
    for channel in channels:
        tables.setdefault(channel.table, []).append(channel)
    found: list[Request] = []
    for table in sorted(tables):
        places = sorted(tables[table], key=lambda place: (place.address, place.width))
        found += _cheapest(places, most, cost)
    return found


def alone(identity: Identity) -> Request:
    """Return the request for an identity register, which instruments want to be read alone."""
    return _request((identity,))


def _cheapest(places: list[Channel], most: int, cost: Cost) -> list[Request]:
    # best[i]: least cost of the first i places, and where the last request of that solution begins
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(places) + 1):
        choices = []
        for start in range(end - 1, -1, -1):
            count = _count(places[start:end])
            if count > most:
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
