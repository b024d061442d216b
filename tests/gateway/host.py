"""A host application for tests: subscribes to a group, keeps every message, and acknowledges records when told to."""

import json
import threading
import time
from collections.abc import Callable
from uuid import UUID

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from vitrine.ranges import Ranges
from vitrine.sparkplug import DataType, Message, Metric, Payload, Topic, decode, encode, state_topic
from vitrine.uplink import ACK, EPOCH, HOST, REBIRTH, RECORD, Ack


class Host:
    def __init__(self, port: int, *, acknowledges: bool = True, address: str = "127.0.0.1") -> None:
        self.acknowledges = acknowledges
        self.messages: list[tuple[Topic, Payload]] = []
        self.names: dict[int, tuple[str, str]] = {}
        self.epoch: UUID | None = None
        self.records: list[int] = []
        self.connected = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self.connected.set()
        self._client.on_message = self._take
        self._client.connect(address, port)
        self._client.loop_start()
        assert self.connected.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def state(self, *, online: bool) -> None:
        payload = json.dumps({"online": online, "timestamp": time.time_ns() // 1_000_000})
        self._client.publish(state_topic(HOST), payload, qos=1, retain=True)

    def rebirth(self, group: str, node: str) -> None:
        self._command(group, node, Metric(name=REBIRTH, datatype=DataType.BOOLEAN, value=True))

    def acknowledge(self, group: str, node: str, records: Ranges) -> None:
        assert self.epoch
        text = Ack(self.epoch, records).to_json()
        self._command(group, node, Metric(name=ACK, datatype=DataType.STRING, value=text))

    def of(self, message: Message) -> list[tuple[Topic, Payload]]:
        return [(topic, payload) for topic, payload in self.messages if topic.message is message]

    def value(self, payload: Payload, name: str) -> object:
        return next((one.value for one in payload.metrics if self.name(one) == name), None)

    def name(self, metric: Metric) -> str:
        return metric.name or self.names[metric.alias or 0][1]

    def _command(self, group: str, node: str, metric: Metric) -> None:
        payload = encode(Payload(timestamp=time.time_ns() // 1_000_000, metrics=(metric,)))
        self._client.publish(str(Topic(group, Message.NCMD, node)), payload)

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe([("spBv1.0/+/+/+", 0), ("spBv1.0/+/+/+/+", 0)])

    def _take(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        topic = Topic.parse(message.topic) if "/STATE/" not in message.topic else None
        if topic is None or topic.message in (Message.NCMD, Message.DCMD):
            return
        payload = decode(message.payload)
        self.messages.append((topic, payload))
        for metric in payload.metrics:
            if metric.name and metric.alias:
                self.names[metric.alias] = (topic.device, metric.name)
            if metric.name == EPOCH:
                self.epoch = UUID(str(metric.value))
        if topic.message in (Message.DDATA, Message.NDATA):
            number = self.value(payload, RECORD)
            if isinstance(number, int):
                self.records.append(number)
                if self.acknowledges:
                    self.acknowledge(topic.group, topic.node, Ranges([(number, number)]))


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something holds; fail where it does not come about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
