"""The gateway of a challenge: its own reader, record, queue on disk and outbox; only the wires are left out."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrine.ranges import Ranges
from vitrine_demo.challenge.field import Field, instants_of
from vitrine_demo.challenge.virtual_time import VirtualTime
from vitrine_gateway.instruments import sensor_of
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.queue import Queue
from vitrine_gateway.reading import Sample
from vitrine_gateway.record import record_of
from vitrine_gateway.record_bytes import encode
from vitrine_gateway.site import Site, SiteDevice
from vitrine_gateway.uplink.identity import Identity
from vitrine_gateway.uplink.outbox import Outbox
from vitrine_gateway.uplink.pace import Pace

#: Bytes that the queue of a challenge may take; it is emptied batch by batch.
_QUEUE_BYTES = 500_000_000


class _Carrier:
    """Hands each message to the platform at once, as a broker on the same machine would."""

    busy = stuck = False

    def __init__(self, hear: Callable[[str, bytes], None]) -> None:
        self._hear = hear

    def publish(self, topic: str, payload: bytes, qos: int = 0, number: int = 0) -> object:
        """Take a message."""
        self._hear(topic, payload)
        return None


@dataclass(frozen=True, slots=True)
class Slot:
    """One device is read."""

    at: float
    position: int
    keys: frozenset[str]


class Edge:
    """Reads the instruments of a site, keeps records in its queue and sends them."""

    def __init__(
        self, site: Site, field: Field, now: VirtualTime, folder: Path, hear: Callable[[str, bytes], None]
    ) -> None:
        self._site, self._field, self._now = site, field, now
        self._clock = now.gateway_clock()
        self._queue = Queue(folder / "queue", max_bytes=_QUEUE_BYTES, boot="challenge")
        pace = Pace(quiet_s=0.0, delay_s=0.0)
        self._outbox = Outbox(site, self._queue, self._clock, pace, Identity(), by_broker=False)
        self._carrier = _Carrier(hear)
        self._readers = {
            device.key: Reader(device, field.bus(device.key), now=now, pause=now.pause)
            for device in site.devices
            if device.profile.protocol == "modbus"
        }
        self._sensors = {
            device.key: sensor_of(device, now(), {}) for device in site.devices if device.profile.protocol == "mqtt"
        }

    def begin(self) -> None:
        """Give birth, and hear what sensors say when they connect."""
        self._outbox.begin(self._carrier, 0, {})
        for key, sensor in self._sensors.items():
            for message in self._field.announced(key):
                sensor.take(message)

    async def work(self, begin: float, end: float) -> None:
        """Read every device at each of its instants from `begin` to before `end`."""
        for slot in slots_of(self._site, begin, end):
            self._now.reach(max(slot.at, self._now()))
            device = self._site.devices[slot.position]
            if reader := self._readers.get(device.key):
                self._keep(await reader.read(slot.keys))
                continue
            sensor = self._sensors[device.key]
            for message in self._field.published(device.key):
                sample = sensor.take(message)
                if sample is not None:
                    self._keep(sample)
        # Live records are gathered for a moment of real time, of which a challenge has none
        self._outbox.tick(host_away=False)
        self._queue.flush()

    def acknowledged(self, records: Ranges) -> None:
        """Take off the queue what the platform has committed."""
        self._outbox.confirmed(records)

    @property
    def waiting(self) -> int:
        """Count the records that nobody has confirmed."""
        return len(self._queue.pending)

    def close(self) -> None:
        """Close the queue."""
        self._queue.close()

    def _keep(self, sample: Sample) -> None:
        record = record_of(sample, self._clock)
        frame = self._queue.append(encode(record), record.last_ms)
        self._outbox.offer(frame, record)


def slots_of(site: Site, begin: float, end: float) -> Iterator[Slot]:
    """Yield when which device is read, in the order of time; groups that are due together are read together."""
    return heapq.merge(
        *(_slots(position, device, begin, end) for position, device in enumerate(site.devices)),
        key=lambda slot: (slot.at, slot.position),
    )


def _slots(position: int, device: SiteDevice, begin: float, end: float) -> Iterator[Slot]:
    due: dict[float, set[str]] = {}
    for every_s, keys in device.groups.items():
        for at in instants_of(every_s, device.device.phase_s, begin, end).tolist():
            due.setdefault(at, set()).update(keys)
    for at in sorted(due):
        yield Slot(at, position, frozenset(due[at]))
