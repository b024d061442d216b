"""The connection to one broker of sensors: subscribed again at each connect, silent sensors noticed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from vitrine.installation import Connection
from vitrine.logs import logger
from vitrine_gateway.mqtt.sensor import Sensor, Unreadable
from vitrine_gateway.reading import Sample

_log = logger("gateway")
_KEEPALIVE = 15
_LOOK_EVERY = 0.5


def broker_key(connection: Connection) -> tuple[str, int, str]:
    """Return what sensors behind the same broker have in common."""
    return (connection.host, connection.port, connection.username)


class Source:
    """Sensors behind one broker. paho connects again by itself; each connect subscribes anew.

    The session is a clean one: a message that waited in the broker says nothing of when it was measured, and a wrong
    time is worse than a gap. For the same reason retained messages are passed over.
    """

    def __init__(
        self, connection: Connection, sensors: list[Sensor], client_id: str, hand_on: Callable[[Sample], None]
    ) -> None:
        self._connection, self._sensors, self._hand_on = connection, sensors, hand_on
        self._loop = asyncio.get_running_loop()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311)
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived

    async def run(self) -> None:
        """Receive until cancelled."""
        if self._connection.username:
            path = Path(self._connection.password_file)
            self._client.username_pw_set(self._connection.username, path.read_text(encoding="utf-8").strip())
        self._client.connect_async(self._connection.host, self._connection.port, _KEEPALIVE)
        self._client.loop_start()
        try:
            while True:
                await asyncio.sleep(_LOOK_EVERY)
                for sensor in self._sensors:
                    if sample := sensor.silence(time.monotonic()):
                        self._hand_on(sample)
        finally:
            self._client.disconnect()
            await asyncio.to_thread(self._client.loop_stop)

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            self._tell("broker of sensors refuses", str(reason))
            return
        client.subscribe([(sensor.topic, 1) for sensor in self._sensors])

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            self._tell("broker of sensors lost", str(reason))

    def _tell(self, event: str, reason: str) -> None:
        _log.warning(event, broker=f"{self._connection.host}:{self._connection.port}", reason=reason)

    def _arrived(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        if not message.retain and not self._loop.is_closed():
            now = time.monotonic()
            self._loop.call_soon_threadsafe(self._take, message.topic, bytes(message.payload), now)

    def _take(self, topic: str, payload: bytes, now: float) -> None:
        for sensor in self._sensors:
            if not paho.topic_matches_sub(sensor.topic, topic):
                continue
            try:
                self._hand_on(sensor.message(payload, now))
            except Unreadable as error:
                if sensor.unreadable & (sensor.unreadable - 1) == 0:  # the 1st, 2nd, 4th, 8th … of a sensor
                    _log.warning(
                        "message of a sensor cannot be read",
                        device=sensor.key,
                        reason=str(error),
                        so_far=sensor.unreadable,
                    )
