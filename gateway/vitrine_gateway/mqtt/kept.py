"""Which MQTT deliveries the queue already holds, read when the gateway starts."""

from __future__ import annotations

from collections.abc import Iterator

from vitrine.errors import PayloadError
from vitrine_gateway.queue import Kind, Queue
from vitrine_gateway.record import decode

#: Records to look through: many times what a broker sends without an acknowledgement.
_LATEST = 2000


def kept_deliveries(queue: Queue) -> Iterator[tuple[str, bytes]]:
    """Yield device and identity of the latest messages, oldest first."""
    last = queue.last_number
    for frame in queue.read(range(max(1, last - _LATEST + 1), last + 1)):
        if frame.kind is not Kind.SAMPLE:
            continue
        try:
            record = decode(frame.body)
        except PayloadError:
            continue  # the uplink tells of a record that cannot be read
        if len(record.origin) == 10:
            yield record.device, record.origin
