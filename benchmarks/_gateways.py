"""Gateways for the benchmark of the collector: bytes made beforehand, over bare MQTT, and ears for the answers."""

import socket
import time
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event, Semaphore

from tests.collector.fake_gateway import FakeGateway, Messages

from vitrine.sparkplug import Message, Metric, Payload, encode

#: Records that a gateway sends in one go.
STEP = 25
#: Records without an acknowledgement at which a gateway waits, as ours do.
WINDOW = 2000
START_MS = 1_750_000_000_000
#: Record numbers are of five bytes on the wire from here on, so that each can take the place of another.
FIRST = 1 << 29


@dataclass(frozen=True)
class Load:
    """Gateways with one device each, whose channels are all read at once."""

    gateways: int
    channels: int
    records: int
    #: Rows a second of all gateways together; 0: as fast as the acknowledgements let them.
    rate: float = 0.0

    @property
    def rows(self) -> int:
        """Count what is sent."""
        return self.gateways * self.channels * self.records


class Sender:
    """One gateway: its births, and records that differ in time, number and place in the sequence."""

    def __init__(self, port: int, number: int, load: Load, *, listens: bool = True) -> None:
        names = [f"channel-{channel:03}" for channel in range(load.channels)]
        self.messages = Messages(
            group="bench", node=f"pi-{number}", device=f"device-{number}", channels=names, marked=True
        )
        self.gateway = FakeGateway(port, self.messages, answers_rebirth=False) if listens else None
        self._link = connect(port, f"link-{number}")
        for topic, payload in (self.messages.nbirth(), self.messages.dbirth()):
            self._link.sendall(publish(topic, payload))
        self._topic = self.messages.topic(Message.DDATA, self.messages.device)
        self._body = _record(self.messages, load.channels)
        self._moment = 0

    def send(self, first: int, count: int, now_ms: int = 0) -> None:
        """Send records from number `first` on, of now or of one second after another."""
        packets = []
        for index in range(first, first + count):
            # Two records of one moment would be one measurement.
            self._moment = max(now_ms, self._moment + 1) if now_ms else START_MS + 1000 * index
            body = self._body.replace(_varint(START_MS), _varint(self._moment)).replace(
                _varint(FIRST), _varint(FIRST + index)
            )
            packets.append(publish(self._topic, body + b"\x18" + _varint(self.messages.next_seq())))
        self._link.sendall(b"".join(packets))

    def wait(self, count: int) -> None:
        """Wait until so many records are acknowledged."""
        if self.gateway is not None and not self.gateway.wait_acknowledged(count, 120):
            raise RuntimeError(f"only {len(self.gateway.acknowledged)} of {count} records were acknowledged")

    def close(self) -> None:
        """Leave the broker."""
        self._link.close()
        if self.gateway is not None:
            self.gateway.close()


def send(port: int, load: Load, ready: Semaphore, begin: Event, spent: "Synchronized[float]") -> None:
    """Play all gateways, as fast as the acknowledgements let them, or at the pace of the load.

    `spent` becomes the processor time of it, in seconds.
    """
    senders = []
    for number in range(load.gateways):
        senders.append(Sender(port, number, load))
        ready.release()
    begin.wait()
    before = time.process_time()
    started, step = time.monotonic(), 1 if load.rate else STEP
    for first in range(0, load.records, step):
        count = min(step, load.records - first)
        if load.rate:
            due = started + first * load.gateways * load.channels / load.rate
            time.sleep(max(0.0, due - time.monotonic()))
        now_ms = time.time_ns() // 1_000_000 if load.rate else 0
        for sender in senders:
            sender.wait(first + count - WINDOW)
            sender.send(first, count, now_ms)
    for sender in senders:
        sender.wait(load.records)
    spent.value = time.process_time() - before
    for sender in senders:
        sender.close()


def flood(port: int, load: Load, over: Event) -> None:
    """Play all gateways, waiting for nobody once the host is there."""
    listener = FakeGateway(port, Messages(group="bench", node="listener"), answers_rebirth=False)
    if not listener.host_online.wait(60):
        raise RuntimeError("the collector does not come online")
    listener.close()
    senders = [Sender(port, number, load, listens=False) for number in range(load.gateways)]
    first = 0
    while not over.is_set():
        for sender in senders:
            sender.send(first, STEP)
        first += STEP
    for sender in senders:
        sender.close()


def connect(port: int, client: str) -> socket.socket:
    """Open an MQTT 3.1.1 connection without any client library, which would cost more than what it measures."""
    link = socket.create_connection(("127.0.0.1", port))
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + _text(client)
    link.sendall(b"\x10" + _varint(len(body)) + body)
    if link.recv(4) != b"\x20\x02\x00\x00":
        raise RuntimeError("the broker refuses the connection")
    return link


def publish(topic: str, payload: bytes) -> bytes:
    """Return a PUBLISH packet of QoS 0."""
    body = _text(topic) + payload
    return b"\x30" + _varint(len(body)) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _varint(number: int) -> bytes:
    """Write a number of variable length, as MQTT and Sparkplug both do."""
    found = bytearray()
    while True:
        number, digit = number >> 7, number & 0x7F
        found.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(found)


def _record(messages: Messages, channels: int) -> bytes:
    """Return a data message without its sequence number."""
    values = tuple(Metric(alias=100 + channel, timestamp=START_MS, value=20.0 + channel) for channel in range(channels))
    delivery = (
        Metric(alias=messages.record_alias, timestamp=START_MS, value=FIRST),
        Metric(alias=1001, timestamp=START_MS, value="ntp"),
    )
    return encode(Payload(timestamp=START_MS, metrics=values + delivery))
