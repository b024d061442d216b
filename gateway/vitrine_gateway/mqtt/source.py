"""The connection to one broker of sensors: a session that survives outages, subscribed again at each connect."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import paho.mqtt.client as paho

from vitrine.errors import ConfigurationError
from vitrine.installation import Connection
from vitrine.logs import logger
from vitrine_gateway.mqtt.client import make_client, session_properties, subscription
from vitrine_gateway.mqtt.deliveries import Deliveries, origin_of
from vitrine_gateway.mqtt.sensor import Message, Sensor, Unreadable
from vitrine_gateway.reading import Sample
from vitrine_gateway.vanished_peer import watch

_log = logger("gateway")
_KEEPALIVE = 15
_LOOK_EVERY = 0.5
#: Seconds until a broker is asked again for messages that the disk did not take.
_REFUSED_PAUSE = 5.0
#: Seconds after a resumed session of MQTT 3.1.1 in which a message may have waited; MQTT 5 tells it exactly.
_CATCHING_UP = 30.0


def broker_key(connection: Connection) -> tuple[str, int, str]:
    """Return what sensors behind the same broker have in common."""
    return (connection.host, connection.port, connection.username)


def stable_id(connection: Connection, owner: str) -> str:
    """Return a client id that stays the same when other brokers come and go."""
    key = "|".join(map(str, broker_key(connection)))
    return f"vitrine-{owner}-{hashlib.blake2b(key.encode(), digest_size=4).hexdigest()}"


class Source:
    """Sensors behind one broker.

    With `deliveries` the session is persistent and a message is acknowledged once the disk holds it; without, the
    session is a clean one, for programs that only look. Messages that waited in the broker have no known time unless
    they say it themselves: subscriptions bear another identifier (MQTT 5) at each connect, so an older one tells them.
    """

    def __init__(
        self,
        connection: Connection,
        sensors: list[Sensor],
        client_id: str,
        hand_on: Callable[[Sample], object],
        deliveries: Deliveries | None = None,
    ) -> None:
        self._connection, self._sensors, self._hand_on = connection, sensors, hand_on
        self._client_id, self._deliveries = client_id, deliveries
        self._loop = asyncio.get_running_loop()
        self._version = paho.MQTTv5
        self._renew = asyncio.Event()
        self._welcomed, self._catching_up, self._refused = False, 0.0, False
        self._life = 0
        self._subscribed: set[str] = set()
        self._client: paho.Client

    async def run(self) -> None:
        """Receive until cancelled."""
        while True:
            self._renew.clear()
            try:
                self._client = self._make()
            except ConfigurationError as error:
                await self._wait_for_files(error)
                continue
            self._client.connect_async(
                self._connection.host, self._connection.port, _KEEPALIVE, **self._client_properties()
            )
            self._client.loop_start()
            try:
                while not self._renew.is_set():
                    await asyncio.sleep(_LOOK_EVERY)
                    self._notice_silence()
            finally:
                self._client.disconnect()
                await asyncio.to_thread(self._client.loop_stop)
            if self._refused:
                self._refused = False
                await asyncio.sleep(_REFUSED_PAUSE)

    async def _wait_for_files(self, error: ConfigurationError) -> None:
        """Tell of a password or certificate that cannot be read; it is looked for again, and nothing else stops."""
        if any(sensor.failure != error.message for sensor in self._sensors):
            self._tell("broker of sensors cannot be asked", error.message)
        for sensor in self._sensors:
            sensor.failure = error.message
        self._notice_silence()
        await asyncio.sleep(_REFUSED_PAUSE)

    def _make(self) -> paho.Client:
        persistent = self._deliveries is not None
        client = make_client(self._connection, self._client_id, self._version, persistent=persistent)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._arrived
        client.on_socket_open = lambda _client, _data, opened: watch(cast("socket.socket", opened), _KEEPALIVE)
        return client

    def _client_properties(self) -> dict[str, Any]:
        return session_properties(self._version, persistent=self._deliveries is not None)

    def _notice_silence(self) -> None:
        for sensor in self._sensors:
            if sample := sensor.silence(time.monotonic()):
                self._hand_on(sample)
            for topic, payload in sensor.requests(time.monotonic()) if self._welcomed else ():
                self._client.publish(topic, payload)

    # --- in paho's thread --------------------------------------------------------------------------------------------

    def _connected(self, client: paho.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            self._tell("broker of sensors refuses", str(reason))
            if "protocol version" in str(reason).lower():
                self._change_version()
            return
        self._welcomed = True
        self._life = secrets.randbelow(268_435_454) + 1
        self._catching_up = time.monotonic() + _CATCHING_UP if flags.session_present else 0.0
        for sensor in self._sensors:
            sensor.connected()
        self._subscribed = {topic for sensor in self._sensors for topic in sensor.filters}
        client.subscribe(**subscription(sorted(self._subscribed), self._version, self._life))
        self._keep_subscriptions(client)

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            self._tell("broker of sensors lost", str(reason))
        if not self._welcomed and reason.is_failure:
            self._change_version()
        self._welcomed = False

    def _change_version(self) -> None:
        """Try the other version of MQTT: some brokers close the connection on one that they do not know."""
        self._version = paho.MQTTv311 if self._version == paho.MQTTv5 else paho.MQTTv5
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._renew.set)

    def _tell(self, event: str, reason: str) -> None:
        _log.warning(event, broker=f"{self._connection.host}:{self._connection.port}", reason=reason)

    def _arrived(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        if self._loop.is_closed():
            return
        now = time.monotonic()
        read = Message(
            message.topic,
            bytes(message.payload),
            now,
            time.time(),
            retained=bool(message.retain),
            waited=self._waited(message, now),
        )
        self._loop.call_soon_threadsafe(self._take, client, read, message.qos, message.mid, bool(message.dup))

    def _waited(self, message: paho.MQTTMessage, now: float) -> bool:
        if self._deliveries is None or message.retain:
            return False
        if self._version == paho.MQTTv5:
            return self._life not in getattr(message.properties, "SubscriptionIdentifier", [self._life])
        return bool(message.dup) or now < self._catching_up

    # --- in the loop -------------------------------------------------------------------------------------------------

    def _take(self, client: paho.Client, message: Message, qos: int, packet: int, repeated: bool) -> None:
        origin = origin_of(self._client_id, packet, message.topic, message.payload) if qos else b""
        interested = [sensor for sensor in self._sensors if sensor.wants(message.topic)]
        if not interested:
            client.unsubscribe(message.topic)  # a subscription of an older file, which the session still holds
        kept = all(self._give(sensor, message, origin, repeated) for sensor in interested)
        self._follow(client, interested)
        if qos == 0 or self._deliveries is None:
            return
        if kept:
            life = self._life
            self._deliveries.await_commit(lambda: self._acknowledge(client, packet, qos, life))
        else:
            self._refused = True
            self._renew.set()

    def _follow(self, client: paho.Client, sensors: list[Sensor]) -> None:
        """Subscribe to the topics that sensors have come to know by their messages."""
        new = {topic for sensor in sensors for topic in sensor.filters} - self._subscribed
        if new:
            self._subscribed |= new
            client.subscribe(**subscription(sorted(new), self._version, self._life))
            self._keep_subscriptions(client)

    def _keep_subscriptions(self, client: paho.Client) -> None:
        """Give up what the session should not have any more, and note what it has."""
        kept = self._deliveries.subscriptions if self._deliveries else None
        if kept is None:
            return
        if stale := kept.stale(self._client_id, self._subscribed):
            client.unsubscribe(stale)
        kept.keep(self._client_id, self._subscribed)

    def _acknowledge(self, client: paho.Client, packet: int, qos: int, life: int) -> None:
        if client is self._client and life == self._life:  # else the broker sends it again
            client.ack(packet, qos)

    def _give(self, sensor: Sensor, message: Message, origin: bytes, repeated: bool) -> bool:
        """Hand a sensor's reading of a message on; False where the disk did not take it."""
        if repeated and origin and self._deliveries and self._deliveries.is_kept(sensor.key, origin):
            return True
        newest = sensor.newest_ms
        try:
            sample = sensor.take(message)
        except Unreadable as error:
            if sensor.unreadable & (sensor.unreadable - 1) == 0:  # the 1st, 2nd, 4th, 8th … of a sensor
                _log.warning(
                    "message of a sensor cannot be read", device=sensor.key, reason=str(error), so_far=sensor.unreadable
                )
            return True
        if sample is None:
            return True
        taken, sensor.newest_ms = sensor.newest_ms, newest  # known once it is kept
        if self._hand_on(replace(sample, origin=origin)) is False:
            return False
        sensor.newest_ms = taken
        if origin and self._deliveries:
            self._deliveries.remember([(sensor.key, origin)])
        return True
