"""A gateway in few lines: births, records, acknowledgements; it is told what to send."""

import json
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from vitrine import uplink
from vitrine.birth_mark import birth_mark
from vitrine.ranges import Ranges
from vitrine.sparkplug import DataType, Message, Metric, Payload, PropertyValue, Topic, decode, encode

T0 = 1_750_000_000_000  # milliseconds, 15 June 2025
RECORD_ALIAS, SOURCE_ALIAS = 1000, 1001


def text(value: str) -> PropertyValue:
    return PropertyValue(DataType.STRING, value)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Messages:
    """Writes the messages of one node, in sequence, for tests with and without a broker."""

    def __init__(
        self,
        group: str = "pilote",
        node: str = "pi-1",
        channels: Sequence[str] = ("flow", "pressure"),
        device: str = "meter",
        epoch: uuid.UUID | None = None,
        acknowledged: bool = True,
        marked: bool = False,
    ) -> None:
        self.group, self.node, self.device, self.channels = group, node, device, tuple(channels)
        self.epoch = epoch or uuid.uuid4()
        self.acknowledged, self.marked = acknowledged, marked
        self.node_metrics: tuple[Metric, ...] = ()
        self.record_alias = RECORD_ALIAS
        self.configuration, self.software = "ab" * 32, "0.1.0"
        self.bd_seq, self.seq, self.record = 0, 0, 0

    def topic(self, message: Message, device: str = "") -> str:
        return str(Topic(self.group, message, self.node, device))

    def next_seq(self) -> int:
        self.seq = (self.seq + 1) % 256
        return self.seq

    def nbirth(self, **health: object) -> tuple[str, bytes]:
        self.seq = 0
        metrics = [
            Metric(name=uplink.BDSEQ, timestamp=T0, datatype=DataType.INT64, value=self.bd_seq),
            Metric(name=uplink.REBIRTH, timestamp=T0, datatype=DataType.BOOLEAN, value=False),
        ]
        if self.acknowledged:
            metrics += [
                Metric(name=uplink.EPOCH, alias=1, timestamp=T0, datatype=DataType.STRING, value=str(self.epoch)),
                Metric(
                    name=uplink.CONFIGURATION, alias=2, timestamp=T0, datatype=DataType.STRING, value=self.configuration
                ),
                Metric(name=uplink.SOFTWARE, alias=3, timestamp=T0, datatype=DataType.STRING, value=self.software),
                Metric(name=uplink.QUEUE_DEPTH, alias=4, timestamp=T0, datatype=DataType.INT64, value=3),
                Metric(name=uplink.CLOCK_OFFSET, alias=5, timestamp=T0, datatype=DataType.DOUBLE, value=None),
                Metric(name=uplink.DEVICES_FAILING, alias=6, timestamp=T0, datatype=DataType.STRING, value="{}"),
                Metric(name=uplink.LOST, alias=7, timestamp=T0, datatype=DataType.STRING, value=None),
                Metric(name=uplink.RECORD, alias=8, timestamp=T0, datatype=DataType.INT64, value=None),
                Metric(name=uplink.ACK, alias=9, timestamp=T0, datatype=DataType.STRING, value=None),
            ]
        self.node_metrics = tuple(metrics)
        return self.topic(Message.NBIRTH), encode(Payload(timestamp=now_ms(), seq=0, metrics=self.node_metrics))

    def dbirth(
        self, properties: Mapping[str, Mapping[str, PropertyValue]] | None = None, **identity: str
    ) -> tuple[str, bytes]:
        metrics = [
            Metric(
                name=name,
                alias=100 + index,
                timestamp=T0,
                datatype=DataType.DOUBLE,
                value=None,
                properties=(properties or {}).get(name, {}),
            )
            for index, name in enumerate(self.channels)
        ]
        metrics += [
            Metric(name=f"Properties/{name}", timestamp=T0, datatype=DataType.STRING, value=value)
            for name, value in identity.items()
        ]
        if self.acknowledged:
            record = Metric(name=uplink.RECORD, timestamp=T0, datatype=DataType.INT64, value=None)
            metrics += [
                record,
                Metric(name=uplink.TIME_SOURCE, alias=SOURCE_ALIAS, timestamp=T0, datatype=DataType.STRING, value=None),
            ]
            if self.marked:
                self.record_alias = birth_mark(self.epoch, self.node_metrics, self.device, metrics)
            metrics[metrics.index(record)] = replace(record, alias=self.record_alias)
        payload = Payload(timestamp=now_ms(), seq=self.next_seq(), metrics=tuple(metrics))
        return self.topic(Message.DBIRTH, self.device), encode(payload)

    def ddata(
        self,
        values: Mapping[str, float | None],
        *,
        time_ms: int = T0,
        record: int | None = None,
        tests: int = 0,
        source: str = "ntp",
        historical: bool = False,
    ) -> tuple[str, bytes]:
        properties = {
            uplink.QUALITY: PropertyValue(DataType.INT32, 0),
            uplink.TESTS: PropertyValue(DataType.INT32, tests),
        }
        metrics = [
            Metric(
                alias=100 + self.channels.index(name),
                timestamp=time_ms,
                value=value,
                historical=historical,
                properties=properties if tests else {},
            )
            for name, value in values.items()
        ]
        if self.acknowledged:
            self.record = record or self.record + 1
            metrics += [
                Metric(alias=self.record_alias, timestamp=time_ms, value=self.record),
                Metric(alias=SOURCE_ALIAS, timestamp=time_ms, value=source),
            ]
        payload = Payload(timestamp=now_ms(), seq=self.next_seq(), metrics=tuple(metrics))
        return self.topic(Message.DDATA, self.device), encode(payload)

    def ndata(self, metrics: Iterable[Metric]) -> tuple[str, bytes]:
        payload = Payload(timestamp=now_ms(), seq=self.next_seq(), metrics=tuple(metrics))
        return self.topic(Message.NDATA), encode(payload)

    def lost(self, loss: uplink.Loss) -> tuple[str, bytes]:
        self.record += 1
        return self.ndata(
            [
                Metric(alias=7, timestamp=T0, value=loss.to_json()),
                Metric(alias=8, timestamp=T0, value=self.record),
            ]
        )

    def ndeath(self, bd_seq: int | None = None) -> tuple[str, bytes]:
        value = self.bd_seq if bd_seq is None else bd_seq
        metric = Metric(name=uplink.BDSEQ, datatype=DataType.INT64, value=value)
        return self.topic(Message.NDEATH), encode(Payload(metrics=(metric,)))

    def ddeath(self) -> tuple[str, bytes]:
        return self.topic(Message.DDEATH, self.device), encode(Payload(timestamp=now_ms(), seq=self.next_seq()))


class FakeGateway:
    """Messages over a real broker; answers rebirth requests, keeps what is acknowledged."""

    def __init__(self, port: int, messages: Messages, *, answers_rebirth: bool = True) -> None:
        self.messages, self.answers_rebirth = messages, answers_rebirth
        self.acknowledged = Ranges()
        self.rebirths = 0
        self.host_online = threading.Event()
        self._changed = threading.Condition()
        self._client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311, reconnect_on_failure=True
        )
        self._client.reconnect_delay_set(0.1, 0.5)
        self._client.will_set(*messages.ndeath(), qos=1)
        self._subscribed = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(messages.topic(Message.NCMD), 1), ("spBv1.0/STATE/vitrine", 1)]
        )
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def send(self, message: tuple[str, bytes]) -> None:
        self._client.publish(*message, qos=0).wait_for_publish(10)

    def send_soon(self, message: tuple[str, bytes]) -> None:
        self._client.publish(*message, qos=0)

    def give_birth(self) -> None:
        self.send(self.messages.nbirth())
        self.send(self.messages.dbirth())

    def wait_acknowledged(self, count: int, timeout: float = 20) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.acknowledged) >= count, timeout)

    def wait_rebirth(self, count: int = 1, timeout: float = 20) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.rebirths >= count, timeout)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # Without the circle of client and callbacks its sockets close at once.
        self._client.on_connect = self._client.on_subscribe = self._client.on_message = None

    def die(self) -> None:
        """Lose the connection without a word, so that the broker sends the will."""
        self._client.on_connect = lambda *_: None
        self._client._sock_close()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: Any, message: Any) -> None:
        if message.topic.startswith("spBv1.0/STATE/"):
            (self.host_online.set if json.loads(message.payload)["online"] else self.host_online.clear)()
            return
        metrics = {metric.name: metric for metric in decode(message.payload).metrics}
        with self._changed:
            if uplink.ACK in metrics:
                assert metrics[uplink.ACK].datatype is DataType.STRING
                ack = uplink.Ack.from_json(str(metrics[uplink.ACK].value))
                assert ack.epoch == self.messages.epoch
                for first, last in ack.records:
                    self.acknowledged.add(first, last)
            if uplink.REBIRTH in metrics:
                assert metrics[uplink.REBIRTH].value is True
                self.rebirths += 1
                if self.answers_rebirth:
                    for birth in (self.messages.nbirth(), self.messages.dbirth()):
                        self._client.publish(*birth, qos=0)
            self._changed.notify_all()
