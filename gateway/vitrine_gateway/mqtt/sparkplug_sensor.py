"""A device that publishes Sparkplug B: what it says counts from its birth on, in the order of its node's `seq`."""

from __future__ import annotations

import time
from collections.abc import MutableMapping

from vitrine.errors import PayloadError
from vitrine.mqtt.timestamp import Unbelievable, own_time_ms
from vitrine.quality import Test
from vitrine.sparkplug import DataType, Metric, Payload, Topic, decode, encode
from vitrine.sparkplug import Message as Kind
from vitrine.sparkplug.payload import signed
from vitrine.uplink import BDSEQ, QUALITY, REBIRTH, UNIT
from vitrine_gateway.mqtt.sensor import Message, Sensor
from vitrine_gateway.mqtt.values import Arrival, reading_of
from vitrine_gateway.reading import Reading, Sample, silent
from vitrine_gateway.site import SiteDevice

#: Seconds between two requests for a birth.
_ASK_EVERY = 30.0
_GOOD = 192


class SparkplugSensor(Sensor):
    """One Sparkplug device, or a node itself where the topic has no device.

    A birth that was missed would leave aliases with another meaning: at each connect, and at each hole in `seq`, what
    was born is forgotten, and asked for again where the site allows it (`rebirth`).
    """

    def __init__(self, site: SiteDevice, now: float, newest: MutableMapping[str, int] | None = None) -> None:
        super().__init__(site, now, newest)
        levels = [*self._address.topic.split("/"), "", "", "", "", ""]
        self._group, self._node, self._device = levels[1], levels[3], levels[4]
        self._born: dict[str, Metric] = {}
        self._names: dict[int, str] = {}
        self._seq: int | None = None
        self._bdseq: object = None
        self._asked = -_ASK_EVERY

    @property
    def filters(self) -> tuple[str, ...]:
        """Everything of the node: its `seq` counts over all its devices."""
        node = f"spBv1.0/{self._group}/+/{self._node}"
        return (node, f"{node}/+")

    def connected(self) -> None:
        """Forget what was born before the connection."""
        self._forget()

    def requests(self, now: float) -> list[tuple[str, bytes]]:
        """Return the request for a birth, where one is needed and allowed."""
        if self._born or not self._connection.rebirth or now - self._asked < _ASK_EVERY:
            return []
        self._asked = now
        metric = Metric(name=REBIRTH, datatype=DataType.BOOLEAN, value=True)
        body = encode(Payload(timestamp=time.time_ns() // 1_000_000, metrics=(metric,)))
        return [(str(Topic(self._group, Kind.NCMD, self._node)), body)]

    def take(self, message: Message) -> Sample | None:
        """Return what a message of the node says of this device."""
        try:
            topic = Topic.parse(message.topic)
            if message.retained or topic.message in (Kind.NCMD, Kind.DCMD):
                return None
            payload = decode(message.payload)
        except PayloadError as error:
            raise self._unreadable(str(error)) from error
        mine = topic.device == self._device
        if topic.message is Kind.NDEATH:
            return self._death(message, topic) if _value(payload, BDSEQ) in (self._bdseq, None) else None
        self._follow(topic.message, payload)
        if topic.message is Kind.DDEATH:
            return self._death(message, topic) if mine else None
        if not mine:
            return None
        if topic.message in (Kind.NBIRTH, Kind.DBIRTH):
            self._birth(payload)
        return self._metrics(message, payload)

    def _follow(self, kind: Kind, payload: Payload) -> None:
        if kind is Kind.NBIRTH:
            self._forget()
            self._bdseq = _value(payload, BDSEQ)
        elif payload.seq is not None and self._seq is not None and payload.seq != (self._seq + 1) % 256:
            self._forget()
        self._seq = payload.seq

    def _forget(self) -> None:
        self._born, self._names, self._seq = {}, {}, None

    def _birth(self, payload: Payload) -> None:
        self._born = {metric.name: metric for metric in payload.metrics if metric.name}
        self._names = {metric.alias: metric.name for metric in self._born.values() if metric.alias is not None}

    def _death(self, message: Message, topic: Topic) -> Sample:
        self._forget()
        self.failure, self.heard, self._last = f"offline, says {topic.message}", True, message.at
        return silent(self._site.key, self._site.channel_keys, message.at)

    def _metrics(self, message: Message, payload: Payload) -> Sample | None:
        wanted = {path: key for key, (_, path) in self._address.places.items()}
        readings, reasons = [], []
        for metric in payload.metrics:
            name = metric.name or self._names.get(metric.alias or 0, "")
            if not name:
                raise self._unreadable(f"alias {metric.alias} is not known before a birth; allow it: rebirth = true")
            if name in wanted:
                reading, reason = self._reading(wanted[name], name, metric, payload, message)
                readings.append(reading)
                reasons += [reason] if reason else []
        if not readings:
            return None
        self.failure, self.heard, self._last = "; ".join(reasons), True, message.at
        return Sample(self._site.key, tuple(readings))

    def _reading(self, key: str, name: str, metric: Metric, payload: Payload, message: Message) -> tuple[Reading, str]:
        born = self._born.get(name, metric)
        channel = next(one for one in self._site.channels if one.key == key)
        arrival, doubt = Arrival(message.at), ""
        stamp = metric.timestamp or payload.timestamp
        if stamp is not None and self._connection.time == "sensor":
            try:
                arrival = Arrival(message.at, own_time_ms(stamp, "unix_ms", "", message.wall_s))
            except Unbelievable as error:
                arrival, doubt = Arrival(message.at, uncertain=True), str(error)
        unit = born.properties[UNIT].value if UNIT in born.properties else ""
        value = metric.value if born.datatype is None else signed(metric.value, born.datatype)
        reading, reason = reading_of(channel, value, str(unit or ""), arrival)
        if QUALITY in metric.properties and metric.properties[QUALITY].value != _GOOD:
            reading = reading._replace(tests=reading.tests | int(Test.SENSOR_STATUS))
        return reading, reason or doubt


def _value(payload: Payload, name: str) -> object:
    return next((metric.value for metric in payload.metrics if metric.name == name), None)
