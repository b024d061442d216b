"""The session in which sensors on the platform's broker are heard: persistent, acknowledged after the commit.

All collectors use one client id, and one of them has it at a time: what the broker holds for it, and what was not
acknowledged, passes to whoever takes over.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from vitrine_collector.inbox import Incoming
from vitrine_collector.session import Broker, make_client, topic_of

_ANSWER_S, _KEEPALIVE_S = 10.0, 30
#: Seconds after a session was resumed in which a message may have waited in the broker.
_CATCHING_UP_S = 30.0
#: The broker gives no more than its window of unacknowledged messages; this bounds those of QoS 0.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message as the broker gave it."""

    incoming: Incoming
    packet: int
    qos: int
    retained: bool
    #: It may have waited in the broker, for an unknown time.
    waited: bool


class CentralSession:
    """One connection."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        self._broker = broker
        self._inbox: queue.Queue[Delivered] = queue.Queue(_MOST)
        self._ready = threading.Event()
        self._catching_up = 0.0
        self._subscribed: frozenset[str] = frozenset()
        #: Messages of QoS 0 for which there was no room.
        self.dropped = 0
        #: Why there is no session; '' while there is one.
        self.reason = "not connected yet"
        self._client = make_client(broker, client_id, persistent=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def open(self) -> str:
        """Connect; return '' or why that failed."""
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=_KEEPALIVE_S)
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        self._client.loop_start()
        self._ready.wait(_ANSWER_S)
        return self.reason

    def listen(self, filters: frozenset[str], stale: Iterable[str]) -> None:
        """Subscribe to topics, and give up those that the session may hold from before."""
        if gone := sorted((self._subscribed - filters) | frozenset(stale)):
            self._client.unsubscribe(gone)
        if new := sorted(filters - self._subscribed):
            self._client.subscribe([(topic, 1) for topic in new])
        self._subscribed = filters

    def take(self, timeout_s: float, most: int = 500) -> list[Delivered]:
        """Return what has come, up to `most`; an empty list when nothing came in time."""
        try:
            taken = [self._inbox.get(timeout=timeout_s)]
        except queue.Empty:
            return []
        while len(taken) < most:
            try:
                taken.append(self._inbox.get_nowait())
            except queue.Empty:
                break
        return taken

    def acknowledge(self, delivered: Delivered) -> None:
        """Tell the broker that a message is written; what was not told comes again."""
        if delivered.qos:
            self._client.ack(delivered.packet, delivered.qos)

    def close(self) -> None:
        """Disconnect; the broker keeps the session."""
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_disconnect = self._client.on_message = None

    def _on_connect(
        self, _client: Client, _data: object, flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self.reason = f"the broker refuses the connection: {code}" if code.is_failure else ""
        if flags.session_present:
            self._catching_up = time.monotonic() + _CATCHING_UP_S
        self._ready.set()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self.reason = self.reason or f"the connection has ended: {code}"
        self._ready.set()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        waited = not message.retain and (bool(message.dup) or time.monotonic() < self._catching_up)
        incoming = Incoming(topic_of(message), bytes(message.payload), time.time())
        try:
            self._inbox.put_nowait(Delivered(incoming, message.mid, message.qos, bool(message.retain), waited))
        except queue.Full:
            self.dropped += 1
