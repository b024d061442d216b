"""The payloads of an edge node: births, data, deaths, with the sequence number that they share."""

from __future__ import annotations

from vitrine import uplink
from vitrine.quality import Test
from vitrine.sparkplug import DataType, Message, Metric, Payload, PropertyValue, Topic, encode
from vitrine_gateway.queue import Frame
from vitrine_gateway.record import Record, Value
from vitrine_gateway.site import SiteDevice
from vitrine_gateway.uplink.metrics import NODE_TYPES, Catalogue

_BAD = 0
_ALL_TESTS = sum(Test)


class Messages:
    """Builds each message of one session in the order in which it is sent."""

    def __init__(self, catalogue: Catalogue, group: str, node: str) -> None:
        self._catalogue, self._group, self._node = catalogue, group, node
        self._seq = 0

    def topic(self, message: Message, device: str = "") -> str:
        """Return the topic of a message."""
        return str(Topic(self._group, message, self._node, device))

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
        aliases = self._catalogue.channels.get(record.device, {})
        metrics = [
            _metric(value, alias, historical=historical)
            for value in sorted(record.values, key=lambda value: value.time_ms)
            if (alias := aliases.get(value.channel)) is not None
        ]
        if not metrics:
            return None
        for name, content in ((uplink.RECORD, frame.number), (uplink.TIME_SOURCE, record.source)):
            alias = self._catalogue.alias(record.device, name)
            metrics.append(Metric(alias=alias, timestamp=record.last_ms, value=content, historical=historical))
        return self._message(Message.DDATA, record.device, metrics, now_ms)

    def loss(self, frame: Frame, now_ms: int, *, historical: bool) -> tuple[str, bytes]:
        """Return the NDATA of a report of loss."""
        contents = ((uplink.LOST, frame.body.decode()), (uplink.RECORD, frame.number))
        metrics = [
            Metric(alias=self._catalogue.alias("", name), timestamp=now_ms, value=content, historical=historical)
            for name, content in contents
        ]
        return self._message(Message.NDATA, "", metrics, now_ms)

    def node_data(self, values: dict[str, str | int | float | None], now_ms: int) -> tuple[str, bytes]:
        """Return the NDATA of node metrics that changed."""
        metrics = [
            Metric(alias=self._catalogue.alias("", name), timestamp=now_ms, value=value)
            for name, value in values.items()
            if name in NODE_TYPES
        ]
        return self._message(Message.NDATA, "", metrics, now_ms)

    def _message(self, message: Message, device: str, metrics: list[Metric], now_ms: int) -> tuple[str, bytes]:
        payload = encode(Payload(timestamp=now_ms, seq=self._seq, metrics=tuple(metrics)), self._catalogue.types)
        self._seq = (self._seq + 1) % 256
        return self.topic(message, device), payload


def _metric(value: Value, alias: int, *, historical: bool) -> Metric:
    properties = {}
    if value.value is None:
        properties[uplink.QUALITY] = PropertyValue(DataType.INT32, _BAD)
    if value.tests:
        properties[uplink.TESTS] = PropertyValue(DataType.INT32, value.tests & _ALL_TESTS)
    return Metric(alias=alias, timestamp=value.time_ms, value=value.value, historical=historical, properties=properties)
