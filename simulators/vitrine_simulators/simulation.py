"""The instruments of installations, on their wires."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Iterable

from vitrine.errors import ConfigurationError
from vitrine.installation import Installation
from vitrine.logs import logger
from vitrine_simulators.binding import Bound, bind
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_server import ModbusServer
from vitrine_simulators.mqtt_publisher import Publisher, Sensor
from vitrine_simulators.plants import Source

_Address = tuple[str, int]


class Simulation:
    """Serves the instruments of several installations in one process."""

    def __init__(self) -> None:
        self._log = logger("simulators")
        self._instruments: defaultdict[_Address, dict[int, ModbusDevice]] = defaultdict(dict)
        self._sensors: defaultdict[_Address, list[Sensor]] = defaultdict(list)

    def add(self, installation: Installation, source: Source) -> None:
        """Add the instruments of an installation, which show what a source gives."""
        for bound in bind(installation, source.signals):
            connection = bound.device.connection
            address = (connection.host, connection.port)
            if connection.transport == "mqtt":
                self._sensors[address].append(sensor_of(bound, source))
            elif connection.transport == "tcp":
                units = self._instruments[address]
                if connection.unit in units:
                    raise ConfigurationError(
                        f"two instruments have the unit id {connection.unit} on {address[0]}:{address[1]}",
                        hint="Give the second one another unit id in the installation file.",
                    )
                read = reader_of(bound, source)
                units[connection.unit] = ModbusDevice(bound.profile, frozenset(bound.to_profile), read)
            else:
                raise ConfigurationError(
                    f"the device “{bound.device.key}” is reached by {connection.transport}, which is not simulated",
                    hint="Use the transports tcp and mqtt for simulated instruments.",
                )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        servers = [ModbusServer(host, port, units) for (host, port), units in self._instruments.items()]
        publishers = [Publisher(host, port, sensors) for (host, port), sensors in self._sensors.items()]
        try:
            for server in servers:
                await server.start()
            tasks = [asyncio.create_task(publisher.run()) for publisher in publishers]
            self._log.info("instruments ready", modbus=self._count(self._instruments), mqtt=self._count(self._sensors))
            await stop.wait()
            await _end(tasks)
        finally:
            for server in servers:
                await server.stop()

    @staticmethod
    def _count(of: Iterable[_Address]) -> list[str]:
        return [f"{host}:{port}" for host, port in of]


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def reader_of(bound: Bound, source: Source) -> Callable[[str, float], float]:
    """Return what gives a channel's value at an instant, in the profile's unit."""

    def read(key: str, now: float) -> float:
        scale, shift = bound.to_profile[key]
        return source.read(f"{bound.device.key}/{key}", now) * scale + shift

    return read


def sensor_of(bound: Bound, source: Source) -> Sensor:
    """Return the sensor that publishes the channels of a device as JSON."""
    read = reader_of(bound, source)
    paths = {channel.key: (channel.path.split("."), channel) for channel in bound.profile.channels}

    def document(now: float) -> dict[str, object]:
        found: dict[str, object] = {}
        for key in bound.to_profile:
            path, channel = paths[key]
            place = found
            for step in path[:-1]:
                inner = place.setdefault(step, {})
                assert isinstance(inner, dict)
                place = inner
            value = read(key, now)
            known = not math.isnan(value)  # as JSON has it, a value that is not known is null
            raw = round((value - channel.offset) / channel.scale, channel.decimals + 1) if known else None
            place[path[-1]] = raw
        return found

    return Sensor(bound.device.connection.topic, bound.device.every_s, document)
