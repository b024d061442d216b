"""Sensors that publish their readings as JSON over MQTT."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from vitrine.logs import logger


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: where it publishes, how often, and what."""

    topic: str
    every_s: float
    #: The document at an instant.
    document: Callable[[float], dict[str, object]]


class Publisher:
    """The sensors of one broker; as small sensors do, they forget what they could not send."""

    def __init__(self, host: str, port: int, sensors: list[Sensor]) -> None:
        self._host, self._port, self._sensors = host, port, sensors
        self._log = logger("simulators").bind(broker=f"{host}:{port}")
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self._client.reconnect_delay_set(1, 5)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected

    async def run(self) -> None:
        """Publish until cancelled; a broker that is away is tried again and again."""
        self._client.connect_async(self._host, self._port, keepalive=20)
        self._client.loop_start()
        try:
            async with asyncio.TaskGroup() as group:
                for sensor in self._sensors:
                    group.create_task(self._publish(sensor))
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    async def _publish(self, sensor: Sensor) -> None:
        while True:
            now = time.time()
            if self._client.is_connected():
                self._client.publish(sensor.topic, json.dumps(sensor.document(now)), qos=0)
            # On whole periods of the clock, so that publications do not wander
            await asyncio.sleep(sensor.every_s - time.time() % sensor.every_s)

    def _connected(self, client: mqtt.Client, data: object, flags: object, reason: object, properties: object) -> None:
        self._log.info("sensors connected", reason=str(reason))

    def _disconnected(
        self, client: mqtt.Client, data: object, flags: object, reason: object, properties: object
    ) -> None:
        self._log.info("sensors disconnected", reason=str(reason))
