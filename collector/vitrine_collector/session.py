"""One connection to the broker; a new one is a new client, so that nothing of an old session is sent in it."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from vitrine.errors import ConfigurationError
from vitrine.logs import logger
from vitrine.sparkplug import state_topic
from vitrine.sparkplug.topics import NAMESPACE
from vitrine_collector.buffered import BufferedClient, Listener
from vitrine_collector.packets import UNREADABLE, Heard

_log = logger("collector")
_CONNECT_S, _ANSWER_S, _KEEPALIVE_S = 5.0, 10.0, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """How to reach the broker."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    #: Certificate authority; None: no TLS.
    ca: Path | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def make_client(broker: Broker, client_id: str, *, persistent: bool = False) -> BufferedClient:
    """Return a client that is not yet connected; ConfigurationError where the broker's authority cannot be read.

    A persistent one acknowledges messages only when it is told to.
    """
    client = BufferedClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=not persistent,
        protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=persistent,
    )
    client.connect_timeout = _CONNECT_S
    if broker.username:
        client.username_pw_set(broker.username, broker.password)
    if broker.ca is not None:
        try:
            client.tls_set(ca_certs=str(broker.ca))
        except OSError as error:
            raise ConfigurationError(
                f"the broker's certificate authority {broker.ca} cannot be read: {error}",
                hint="VITRINE_BROKER_CA names a file in PEM form.",
            ) from error
    return client


class Session:
    """One MQTT connection of the host application, from its will to its end."""

    def __init__(
        self,
        broker: Broker,
        host_id: str,
        timestamp: int,
        hear: Listener,
        ended: Callable[[], None],
    ) -> None:
        self._broker, self._hear, self._tell_end = broker, hear, ended
        self._topic, self._timestamp = state_topic(host_id), timestamp
        self._ready = threading.Event()
        self._leaving = False
        self.connected = False
        #: Why the session ended or never began.
        self.reason = ""
        self._client = self._make_client(host_id)

    def open(self) -> str:
        """Connect, subscribe, say online; return '' or why that failed."""
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=_KEEPALIVE_S)
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        self._client.loop_start()
        if not self._ready.wait(_ANSWER_S):
            return self.reason or "the broker does not answer"
        return self.reason

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send at most once; False where the connection is gone."""
        return self._client.publish(topic, payload, qos=0).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def say_offline(self, timestamp: int) -> None:
        """Say that this host ends, and wait until the broker has it."""
        self._leaving = True
        info = self._client.publish(self._topic, _state(False, timestamp), qos=1, retain=True)
        try:
            info.wait_for_publish(_ANSWER_S)
        except (RuntimeError, ValueError) as error:
            _log.warning("offline not said", reason=str(error))

    def close(self) -> None:
        """Disconnect and end the network thread."""
        self._leaving = True
        self._client.disconnect()
        self._client.loop_stop()
        # The client holds its callbacks, they hold this session: without the circle its sockets close at once.
        self._client.on_connect = self._client.on_subscribe = None
        self._client.on_message = self._client.on_disconnect = self._client.listener = None

    def _make_client(self, host_id: str) -> BufferedClient:
        client = make_client(self._broker, f"{host_id}-{uuid.uuid4().hex[:12]}")
        client.will_set(self._topic, _state(False, self._timestamp), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = lambda _client, _data, message: self._take([(topic_of(message), bytes(message.payload))])
        client.listener = self._take
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._fail(f"the broker refuses the connection: {code}")
            return
        self.connected = True
        client.subscribe([(f"{NAMESPACE}/#", 0), (self._topic, 1)])

    def _on_subscribe(
        self, client: Client, _data: object, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            self._fail(f"the broker refuses the subscription: {', '.join(refused)}")
            return
        client.publish(self._topic, _state(True, self._timestamp), qos=1, retain=True)
        self._ready.set()

    def _take(self, messages: list[Heard]) -> None:
        """Take what the broker delivers, whichever way it came from the network."""
        if any(topic == self._topic for topic, _ in messages):
            for topic, payload in messages:
                if topic == self._topic:
                    self._on_state(payload)
            messages = [message for message in messages if message[0] != self._topic]
        if messages:
            self._hear(messages)

    def _on_state(self, payload: bytes) -> None:
        """Contradict a message that this host is offline, such as a late will of the session before."""
        try:
            said = json.loads(payload)
            offline, timestamp = said["online"] is False, int(said["timestamp"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            # Whatever it is, it is not this host's state.
            offline, timestamp = True, 0
        if not offline or self._leaving or not self._ready.is_set():
            return
        self._client.publish(self._topic, _state(True, self._timestamp), qos=1, retain=True)
        if timestamp > self._timestamp:
            # Edge nodes go by the newer time; only a session with a newer one convinces them.
            self._fail("another said that this host is offline")

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self.connected = False
        self._fail(self.reason or str(code))

    def _fail(self, reason: str) -> None:
        self.reason = reason
        self._ready.set()
        self._tell_end()


def topic_of(message: MQTTMessage) -> str:
    """Return the topic of a message, or words in its place where it is not text."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return UNREADABLE


def _state(online: bool, timestamp: int) -> bytes:
    return json.dumps({"online": online, "timestamp": timestamp}).encode()
