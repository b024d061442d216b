"""What is written in one transaction: records with their measurements, reports of loss, what was refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_collector.arrival import Arrival
from vitrine_collector.decoding import Data
from vitrine_collector.inbox import Incoming
from vitrine_collector.nodes import NodeState
from vitrine_collector.rebirths import Node
from vitrine_collector.rows import Rows


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
    node: Node
    gateway_id: int
    installation_id: int
    epoch: UUID | None
    number: int | None
    #: Its number is held already: it is acknowledged, not written.
    repeated: bool = False
    time_source: str = ""
    loss: Loss | None = None
    health: dict[str, object] = field(default_factory=dict)
    #: Where its measurements stand in the batch.
    start: int = 0
    stop: int = 0

    @property
    def receipt(self) -> tuple[Node, UUID] | None:
        """Tell whom to acknowledge, and which queue; None where the node does not ask for it."""
        return (self.node, self.epoch) if self.epoch is not None and self.number is not None else None

    @classmethod
    def of(cls, message: Incoming, state: NodeState, number: int | None) -> Record:
        """Make a record of a node's message."""
        return cls(message, state.node, state.gateway_id, state.installation_id, state.epoch, number)


@dataclass(slots=True)
class Batch:
    """Grows message by message until it is written."""

    records: list[Record] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    tests: list[int] = field(default_factory=list)
    #: The measurements, once they are judged.
    rows: Rows = field(default_factory=lambda: Rows([], [], [], [], []))

    def add(self, record: Record, data: Data | None = None) -> None:
        """Add a record, with its measurements."""
        record.start = len(self.times_ms)
        if data is not None:
            self.times_ms += data.times_ms
            self.channels += data.channels
            self.values += data.values
            self.tests += data.tests
        record.stop = len(self.times_ms)
        self.records.append(record)

    def judge(self, arrival: Arrival) -> None:
        """Give each measurement its quality; nothing is added afterwards."""
        channels = np.array(self.channels, dtype=np.int32)
        values = np.array(self.values, dtype=np.float64)
        quality, tests = arrival.judge(channels, values, np.array(self.tests, dtype=np.int16))
        self.rows = Rows(np.array(self.times_ms, dtype=np.int64) * 1000, channels, values, quality, tests)

    def __bool__(self) -> bool:
        return bool(self.records or self.refused)

    def size(self) -> int:
        """Count what is to be written, roughly: measurements, and a row for each message."""
        return len(self.times_ms) + len(self.refused)

    def rows_of(self, records: list[Record]) -> Rows:
        """Return the measurements of some of its records, which follow one another."""
        if len(records) == len(self.records):
            return self.rows
        parts = [np.arange(record.start, record.stop) for record in records]
        return self.rows[np.concatenate(parts)] if parts else self.rows[:0]


def receipts(records: Iterable[Record]) -> dict[tuple[Node, UUID], Ranges]:
    """Return which records of which queue these are."""
    found: dict[tuple[Node, UUID], Ranges] = {}
    for record in records:
        if record.receipt is not None and record.number is not None:
            found.setdefault(record.receipt, Ranges()).add(record.number)
    return found
