"""Which records of which queue a batch holds, and where their times come from."""

from __future__ import annotations

from collections import defaultdict
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
    by_source: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

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
            self.by_source[record.time_source].append(number)


#: Gateway and epoch.
Queue = tuple[int, UUID]


def deliveries(records: Iterable[Record]) -> dict[Queue, Delivery]:
    """Return what came of each queue; nodes that number nothing have none."""
    found: dict[Queue, Delivery] = {}
    #: By the origin itself, which nearly all records of a queue share: to compare queues takes longer.
    by_origin: dict[int, Delivery] = {}
    for record in records:
        origin, number = record.origin, record.number
        if number is None or origin.epoch is None:
            continue
        delivery = by_origin.get(id(origin))
        if delivery is None:
            queue = (origin.gateway_id, origin.epoch)
            delivery = by_origin[id(origin)] = found.setdefault(queue, Delivery(origin.node))
        delivery.add(record, number)
    return found
