"""A Sparkplug B edge node of another maker: births, aliases and deaths of the standard, and no acknowledgement of ours.

Source: Sparkplug 3.0, chapters 5 and 6 (NBIRTH, DBIRTH, DDATA, NDEATH, bdSeq, seq, Node Control/Rebirth).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import paho.mqtt.client as mqtt

from vitrine.errors import PayloadError
from vitrine.installation import Connection
from vitrine.logs import logger
from vitrine.sparkplug import DataType, Message, Metric, Payload, PropertyValue, Topic, decode, encode
from vitrine_simulators.mqtt_publisher import client_of, end
from vitrine_simulators.sensors import Read, Said
from vitrine_simulators.weather import FINE, Weather

_REBIRTH, _BDSEQ, _UNIT = "Node Control/Rebirth", "bdSeq", "engUnit"
_KEEPALIVE = 20
_SEQUENCE = 256


@dataclass(frozen=True, slots=True)
class NodeMetric:
    """One metric: the channel behind it, its name on the wire, its unit as the node writes it."""

    key: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class NodeDevice:
    """One device of the node; an empty name stands for the node itself."""

    name: str
    metrics: tuple[NodeMetric, ...]
    read: Read
    every_s: float
    #: State of the way to the broker; None where it is always there.
    weather: Weather | None = None


class SparkplugNode:
    """One edge node with its devices; all of its data go with QoS 0, as the standard wants it."""

    def __init__(
        self,
        connection: Connection,
        group: str,
        node: str,
        devices: Sequence[NodeDevice],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare the node; `now` is the time of the plant."""
        self._connection, self._group, self._node, self._devices, self._now = connection, group, node, devices, now
        self._log = logger("simulators").bind(node=f"{group}/{node}")
        self._bdseq = self._seq = 0
        numbers = iter(range(1, 1 + sum(len(device.metrics) for device in devices)))
        self._aliases = {(one.name, metric.name): next(numbers) for one in devices for metric in one.metrics}
        self._client = client_of(connection, self._death())
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._commanded
        #: Births come from the connection's thread, data from the event loop; `seq` counts over both.
        self._speaking = threading.RLock()
        self._born = False

    async def run(self) -> None:
        """Publish until cancelled."""
        self._client.connect_async(self._connection.host, self._connection.port, keepalive=_KEEPALIVE)
        self._client.loop_start()
        try:
            async with asyncio.TaskGroup() as group:
                for device in self._devices:
                    group.create_task(self._publish(device))
        finally:
            end(self._client, [self._death()])

    async def run_until(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set."""
        task = asyncio.create_task(self.run())
        try:
            await stop.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _publish(self, device: NodeDevice) -> None:
        while True:
            await asyncio.sleep(device.every_s - time.time() % device.every_s)
            link = device.weather() if device.weather else FINE
            if not link.up:
                continue
            await asyncio.sleep(link.delay_s)
            with self._speaking:
                if not self._client.is_connected() or not self._born:
                    continue
                self._say(Message.DDATA if device.name else Message.NDATA, self._metrics(device, born=False), device)

    def _connected(self, client: mqtt.Client, data: object, flags: object, reason: object, properties: object) -> None:
        self._log.info("edge node connected", reason=str(reason))
        client.subscribe(str(Topic(self._group, Message.NCMD, self._node)), qos=1)
        with self._speaking:
            self._give_birth()

    def _disconnected(
        self, client: mqtt.Client, data: object, flags: object, reason: object, properties: object
    ) -> None:
        self._log.info("edge node disconnected", reason=str(reason))
        self._born = False
        self._bdseq = (self._bdseq + 1) % _SEQUENCE
        death = self._death()
        client.will_set(death.topic, death.payload, qos=1)  # for the next connection

    def _give_birth(self) -> None:
        self._seq = 0
        own = next((device for device in self._devices if not device.name), None)
        stamp = _now_ms()
        control = Metric(name=_REBIRTH, timestamp=stamp, datatype=DataType.BOOLEAN, value=False)
        head = [self._bdseq_metric(), control]
        self._say(Message.NBIRTH, [*head, *(self._metrics(own, born=True) if own else ())])
        for device in self._devices:
            if device.name:
                self._say(Message.DBIRTH, self._metrics(device, born=True), device)
        self._born = True

    def _commanded(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        try:
            metrics = decode(bytes(message.payload)).metrics
        except PayloadError as error:
            self._log.warning("a command cannot be read", reason=str(error))
            return
        if any(metric.name == _REBIRTH and metric.value for metric in metrics):
            with self._speaking:
                self._give_birth()

    def _metrics(self, device: NodeDevice, *, born: bool) -> list[Metric]:
        now, stamp = self._now(), _now_ms()
        return [self._metric(device, metric, now, stamp, born=born) for metric in device.metrics]

    def _metric(self, device: NodeDevice, metric: NodeMetric, now: float, stamp: int, *, born: bool) -> Metric:
        value = device.read(metric.key, now)
        unit = {_UNIT: PropertyValue(DataType.STRING, metric.unit)} if born and metric.unit else {}
        return Metric(
            name=metric.name if born else "",
            alias=self._aliases[device.name, metric.name],
            timestamp=stamp,
            datatype=DataType.DOUBLE if born else None,
            value=None if math.isnan(value) else value,
            properties=unit,
        )

    def _say(self, message: Message, metrics: list[Metric], device: NodeDevice | None = None) -> None:
        topic = str(Topic(self._group, message, self._node, device.name if device and message.of_device else ""))
        payload = encode(Payload(timestamp=_now_ms(), seq=self._seq, metrics=tuple(metrics)))
        self._seq = (self._seq + 1) % _SEQUENCE
        self._client.publish(topic, payload, qos=0)

    def _death(self) -> Said:
        payload = encode(Payload(timestamp=_now_ms(), metrics=(self._bdseq_metric(),)))
        return Said(str(Topic(self._group, Message.NDEATH, self._node)), payload)

    def _bdseq_metric(self) -> Metric:
        return Metric(name=_BDSEQ, timestamp=_now_ms(), datatype=DataType.INT64, value=self._bdseq)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
