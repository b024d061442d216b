"""Which records of which queue a batch holds, and where their times come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from vitrine.ranges import Ranges
from vitrine_collector.batch import Record
from vitrine_collector.rebirths import Node


@dataclass(slots=True)
class Delivery:
    """What came of one queue, the records of a gateway since its queue was made."""

    node: Node
    numbers: list[int] = field(default_factory=list)
    #: How many of them were held already.
    repeated: int = 0
    #: Those that are new, by the source of their times.
    by_source: dict[str, list[int]] = field(default_factory=dict)

    @property
    def held(self) -> Ranges:
        """All of them."""
        return Ranges.of(self.numbers)

    def add(self, record: Record, number: int) -> None:
        """Note a record."""
        self.numbers.append(number)
        if record.repeated:
            self.repeated += 1
        elif record.time_source:
            self.by_source.setdefault(record.time_source, []).append(number)


#: Gateway and epoch.
Queue = tuple[int, UUID]


def deliveries(records: Iterable[Record]) -> dict[Queue, Delivery]:
    """Return what came of each queue; nodes that number nothing have none."""
    found: dict[Queue, Delivery] = {}
    for record in records:
        if record.number is None or record.epoch is None:
            continue
        queue = (record.gateway_id, record.epoch)
        delivery = found.get(queue)
        if delivery is None:
            delivery = found[queue] = Delivery(record.node)
        delivery.add(record, record.number)
    return found
