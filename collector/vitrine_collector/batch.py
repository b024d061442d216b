"""What is written in one transaction: records with their measurements, reports of loss, what was refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vitrine.quality import Test
from vitrine.uplink import Loss
from vitrine_collector.arrival import Arrival
from vitrine_collector.columns import Columns
from vitrine_collector.decoding import Data
from vitrine_collector.inbox import Incoming
from vitrine_collector.nodes import Origin
from vitrine_collector.rows import Rows
from vitrine_collector.templates import Packed

#: A value that arrives so many seconds after its time is late.
LATE_S = 300.0


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that cannot be used, and why."""

    message: Incoming
    code: str
    reason: str


@dataclass(slots=True)
class Record:
    """One message of a node whose births are known."""

    message: Incoming
    origin: Origin
    number: int | None
    #: Its number is held already: it is acknowledged, not written.
    repeated: bool = False
    time_source: str = ""
    loss: Loss | None = None
    health: dict[str, object] | None = None

    @classmethod
    def measured(cls, message: Incoming, origin: Origin, data: Data) -> Record:
        """Make a record of a device's measurements; where their time is uncertain, each of them says so."""
        record = cls(message, origin, data.record, time_source=data.time_source)
        if data.time_source == "uncertain":
            data.fail(int(Test.TIME_UNCERTAIN))
        return record


@dataclass(frozen=True, slots=True)
class Part:
    """Measurements by channel and time, each with the number of its record."""

    rows: Rows
    records: list[Record]
    owners: NDArray[np.int64]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Part:
        return Part(self.rows[chosen], self.records, self.owners[chosen])

    @property
    def installations(self) -> NDArray[np.int64]:
        """The installation of each."""
        return np.array([record.origin.installation_id for record in self.records], dtype=np.int64)[self.owners]

    @property
    def late(self) -> NDArray[np.bool_]:
        """Tell which came more than `LATE_S` after their time."""
        received = np.array([record.message.received_s for record in self.records], dtype=np.float64)
        return received[self.owners] - self.rows.time_us / 1e6 > LATE_S

    @property
    def restamped(self) -> NDArray[np.bool_]:
        """Tell whose time was set afterwards, once the gateway's clock was right."""
        return np.array([record.time_source == "restamped" for record in self.records], dtype=np.bool_)[self.owners]


@dataclass(slots=True)
class Batch:
    """Grows message by message until it is written."""

    records: list[Record] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    columns: Columns = field(default_factory=Columns)
    #: The measurements, once they are judged, by channel and time; and the number of each one's record in `records`.
    rows: Rows = field(default_factory=lambda: Rows([], [], [], [], []))
    owners: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add(self, record: Record, data: Data | None = None, packed: Packed | None = None) -> None:
        """Add a record, with its measurements, as they were read or as bytes yet."""
        if data is not None:
            self.columns.add(len(self.records), data)
        if packed is not None:
            self.columns.add_packed(len(self.records), packed)
        self.records.append(record)

    def judge(self, arrival: Arrival) -> None:
        """Give each measurement its quality; nothing is added afterwards."""
        rows, owners = self.columns.judged(arrival)
        order = rows.order()
        self.rows, self.owners = rows[order], owners[order]

    def __bool__(self) -> bool:
        return bool(self.records or self.refused)

    def size(self) -> int:
        """Count what is to be written, roughly: measurements, and a row for each message."""
        return self.columns.count + len(self.refused)

    def part(self, first: int, last: int) -> Part:
        """Return the measurements of the records from `first` to before `last`."""
        if first == last:
            return Part(self.rows[:0], self.records, self.owners[:0])
        if (first, last) == (0, len(self.records)):
            return Part(self.rows, self.records, self.owners)
        inside = (self.owners >= first) & (self.owners < last)
        return Part(self.rows[inside], self.records, self.owners[inside])
