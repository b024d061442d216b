"""The sensors of one broker, on one connection; as small sensors do, they forget what they could not send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from vitrine.errors import ConfigurationError
from vitrine.installation import Connection
from vitrine.logs import logger
from vitrine_simulators.sensors import Said, Sensor
from vitrine_simulators.weather import FINE, Weather

#: Seconds without a word after which the broker publishes the will.
_KEEPALIVE = 20
#: Seconds for the last words to go out.
_LAST_WORDS_S = 2.0


class Publisher:
    """Publishes until it is cancelled; a broker that is away is tried again and again."""

    def __init__(
        self,
        connection: Connection,
        sensors: Sequence[tuple[Sensor, Weather | None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare the connection of sensors, each with the state of its way; `now` is the time of the plant."""
        self._connection, self._now = connection, now
        self._sensors, self._reach = [one for one, _ in sensors], sensors
        self._log = logger("simulators").bind(broker=f"{connection.host}:{connection.port}")
        self._client = client_of(connection, next((last for one in self._sensors for last in one.farewell()), None))
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected

    async def run(self) -> None:
        """Publish until cancelled."""
        self._client.connect_async(self._connection.host, self._connection.port, keepalive=_KEEPALIVE)
        self._client.loop_start()
        try:
            async with asyncio.TaskGroup() as group:
                for sensor, weather in self._reach:
                    group.create_task(self._publish(sensor, weather))
        finally:
            end(self._client, [last for sensor in self._sensors for last in sensor.farewell()])

    async def _publish(self, sensor: Sensor, weather: Weather | None) -> None:
        while True:
            link = weather() if weather else FINE
            if self._client.is_connected() and link.up:
                messages = sensor.said(self._now(), time.time())
                await asyncio.sleep(link.delay_s)
                _send(self._client, messages)
            # On whole periods of the clock, so that publications do not wander
            await asyncio.sleep(sensor.every_s - time.time() % sensor.every_s)

    def _connected(self, client: mqtt.Client, data: object, flags: object, reason: object, properties: object) -> None:
        self._log.info("sensors connected", reason=str(reason))
        for sensor in self._sensors:
            _send(client, sensor.hello())

    def _disconnected(
        self, client: mqtt.Client, data: object, flags: object, reason: object, properties: object
    ) -> None:
        self._log.info("sensors disconnected", reason=str(reason))


def client_of(connection: Connection, will: Said | None = None) -> mqtt.Client:
    """Return a client with the account, the certificates and the will of a connection of sensors.

    ConfigurationError where a file cannot be read.
    """
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.reconnect_delay_set(1, 5)
    try:
        if connection.tls:
            client.tls_set(connection.ca or None, connection.certificate or None, connection.key or None)
        if connection.username:
            password = Path(connection.password_file).read_text(encoding="utf-8").strip()
            client.username_pw_set(connection.username, password)
    except OSError as error:
        raise ConfigurationError(
            f"the sensors cannot go to {connection.host}:{connection.port}: {error}",
            hint="Simulated sensors use the account and the certificates of the installation file.",
        ) from error
    if will:
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
    return client


def end(client: mqtt.Client, last: Iterable[Said]) -> None:
    """Say the last words and disconnect."""
    if client.is_connected():
        for one in last:
            client.publish(one.topic, one.payload, retain=one.retain).wait_for_publish(_LAST_WORDS_S)
    client.disconnect()
    client.loop_stop()


def _send(client: mqtt.Client, messages: Iterable[Said]) -> None:
    for one in messages:
        client.publish(one.topic, one.payload, qos=0, retain=one.retain)
