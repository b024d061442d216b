"""The payloads of an edge node: births, data, deaths, with the sequence number that they share."""

from __future__ import annotations

from operator import attrgetter

from vitrine import uplink
from vitrine.quality import Test
from vitrine.sparkplug import (
    DataType,
    Message,
    Metric,
    Payload,
    PropertyValue,
    Topic,
    data_payload,
    double_metric,
    encode,
    int64_metric,
    string_metric,
)
from vitrine_gateway.queue import Frame
from vitrine_gateway.record import Record, Value
from vitrine_gateway.site import SiteDevice
from vitrine_gateway.uplink.metrics import NODE_TYPES, Catalogue

_BAD = 0
_ALL_TESTS = sum(Test)
_TIME = attrgetter("time_ms")


class Messages:
    """Builds each message of one session in the order in which it is sent."""

    def __init__(self, catalogue: Catalogue, group: str, node: str) -> None:
        self._catalogue, self._group, self._node = catalogue, group, node
        self._seq = 0
        self._topics: dict[tuple[Message, str], str] = {}

    def topic(self, message: Message, device: str = "") -> str:
        """Return the topic of a message."""
        topic = self._topics.get((message, device))
        if topic is None:
            topic = self._topics[message, device] = str(Topic(self._group, message, self._node, device))
        return topic

    def death(self, bdseq: int) -> tuple[str, bytes]:
        """Return NDEATH, which has no sequence number; without a time, as it may be stored as the will."""
        metric = Metric(name=uplink.BDSEQ, datatype=DataType.INT64, value=bdseq)
        return self.topic(Message.NDEATH), encode(Payload(metrics=(metric,)))

    def node_birth(
        self, now_ms: int, bdseq: int, epoch: str, health: dict[str, str | int | float | None]
    ) -> tuple[str, bytes]:
        """Return NBIRTH; the sequence begins at 0."""
        self._seq = 0
        return self._message(Message.NBIRTH, "", self._catalogue.node_birth(now_ms, bdseq, epoch, health), now_ms)

    def device_birth(self, device: SiteDevice, now_ms: int, latest: dict[str, Value]) -> tuple[str, bytes]:
        """Return the DBIRTH of a device, with its latest values."""
        return self._message(Message.DBIRTH, device.key, self._catalogue.device_birth(device, now_ms, latest), now_ms)

    def device_death(self, device: str, now_ms: int) -> tuple[str, bytes]:
        """Return the DDEATH of a device."""
        return self._message(Message.DDEATH, device, [], now_ms)

    def data(self, frame: Frame, record: Record, now_ms: int, *, historical: bool) -> tuple[str, bytes] | None:
        """Return the DDATA of a record; None where nothing of it is declared any more."""
        catalogue, device = self._catalogue, record.device
        aliases = catalogue.channels.get(device, {})
        values = sorted(record.values, key=_TIME)
        metrics = [
            self._value(aliases[value.channel], value, historical=historical)
            for value in values
            if value.channel in aliases
        ]
        if not metrics:
            return None
        last_ms = values[-1].time_ms
        number, source = catalogue.aliases[device, uplink.RECORD], catalogue.aliases[device, uplink.TIME_SOURCE]
        metrics.append(int64_metric(number, last_ms, frame.number, historical=historical))
        metrics.append(string_metric(source, last_ms, record.source, historical=historical))
        payload = data_payload(now_ms, self._next_seq(), metrics)
        return self.topic(Message.DDATA, device), payload

    def loss(self, frame: Frame, now_ms: int, *, historical: bool) -> tuple[str, bytes]:
        """Return the NDATA of a report of loss."""
        contents = ((uplink.LOST, frame.body.decode()), (uplink.RECORD, frame.number))
        metrics = [
            Metric(alias=self._catalogue.aliases["", name], timestamp=now_ms, value=content, historical=historical)
            for name, content in contents
        ]
        return self._message(Message.NDATA, "", metrics, now_ms)

    def node_data(self, values: dict[str, str | int | float | None], now_ms: int) -> tuple[str, bytes]:
        """Return the NDATA of node metrics that changed."""
        metrics = [
            Metric(alias=self._catalogue.aliases["", name], timestamp=now_ms, value=value)
            for name, value in values.items()
            if name in NODE_TYPES
        ]
        return self._message(Message.NDATA, "", metrics, now_ms)

    def _value(self, alias: int, value: Value, *, historical: bool) -> bytes:
        if value.value is not None and not value.tests:
            return double_metric(alias, value.time_ms, value.value, historical=historical)
        properties = {}
        if value.value is None:
            properties[uplink.QUALITY] = PropertyValue(DataType.INT32, _BAD)
        if value.tests:
            properties[uplink.TESTS] = PropertyValue(DataType.INT32, value.tests & _ALL_TESTS)
        metric = Metric(
            alias=alias, timestamp=value.time_ms, value=value.value, historical=historical, properties=properties
        )
        return encode(Payload(metrics=(metric,)), self._catalogue.types)

    def _message(self, message: Message, device: str, metrics: list[Metric], now_ms: int) -> tuple[str, bytes]:
        payload = Payload(timestamp=now_ms, seq=self._next_seq(), metrics=tuple(metrics))
        return self.topic(message, device), encode(payload, self._catalogue.types)

    def _next_seq(self) -> int:
        seq, self._seq = self._seq, (self._seq + 1) % 256
        return seq
