"""The instruments of installations, on their wires."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from vitrine.errors import ConfigurationError, Problem
from vitrine.installation import Installation
from vitrine.installation_lines import line_key
from vitrine.logs import logger
from vitrine_simulators.binding import Bound, bind
from vitrine_simulators.field import Conditions, QuietField
from vitrine_simulators.lines import Server, place_of, server_of
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_frames import FRAMINGS
from vitrine_simulators.mqtt_publisher import Publisher
from vitrine_simulators.plants import Source
from vitrine_simulators.publishers import publishers_of
from vitrine_simulators.sensors import Read
from vitrine_simulators.sparkplug_node import SparkplugNode

_Line = tuple[str, str, int]
#: A broker, and the account that sensors have there.
_Broker = tuple[str, int, str]


class Simulation:
    """Serves the instruments of several installations in one process."""

    def __init__(self, now: Callable[[], float] = time.time, conditions: Conditions | None = None) -> None:
        """Prepare to serve; `now` is the time of the plant."""
        self._log = logger("simulators")
        self._now, self._conditions = now, conditions or QuietField()
        self._lines: defaultdict[_Line, dict[int, Bound]] = defaultdict(dict)
        self._reads: dict[int, Read] = {}
        self._sensors: defaultdict[_Broker, list[tuple[Bound, Read]]] = defaultdict(list)

    def add(self, installation: Installation, source: Source) -> None:
        """Add the instruments of an installation, which show what a source gives."""
        problems = []
        for bound in bind(_reachable(installation), source.signals):
            self._reads[id(bound)] = reader_of(bound, source)
            problem = self._place(bound)
            if problem:
                problems.append(problem)
        if problems:
            raise ConfigurationError(
                f"not every device of {installation.path} can be simulated",
                hint="Change the connections named, or simulate a copy of the file.",
                problems=problems,
            )

    def _place(self, bound: Bound) -> Problem | None:
        connection = bound.device.connection
        if connection.transport == "mqtt":
            broker = (connection.host, connection.port, connection.username)
            self._sensors[broker].append((bound, self._reads[id(bound)]))
            return None
        if connection.transport not in FRAMINGS:
            message = f"the transport {connection.transport} is not simulated"
            return _problem(bound, "transport", message, f"one of: {', '.join(FRAMINGS)}, mqtt")
        units = self._lines[line_key(connection)]
        if connection.unit in units:
            other = units[connection.unit].device.key
            message = f"the device “{other}” has the unit id {connection.unit} on the same line already"
            return _problem(bound, "unit", message, "another unit id")
        units[connection.unit] = bound
        return None

    @property
    def places(self) -> list[str]:
        """Return where instruments are reached: ports, serial lines, brokers."""
        return [*map(place_of, self._lines.values()), *(f"mqtt {host}:{port}" for host, port, _ in self._sensors)]

    async def run(self, stop: asyncio.Event, ready: asyncio.Event | None = None) -> None:
        """Serve until `stop` is set; `ready` is set once every place is open."""
        servers = [self._server(units) for units in self._lines.values()]
        publishers = self._publishers()
        started: list[Server] = []
        tasks: list[asyncio.Task[None]] = []
        try:
            for server in servers:
                started.append(server)
                await server.start()
            tasks = [asyncio.create_task(publisher.run()) for publisher in publishers]
            self._log.info("instruments ready", devices=self._count, places=self.places)
            if ready:
                ready.set()
            await stop.wait()
        finally:
            await _end(tasks)
            for server in started:
                await server.stop()

    @property
    def _count(self) -> int:
        return sum(map(len, self._lines.values())) + sum(map(len, self._sensors.values()))

    def _server(self, units: Mapping[int, Bound]) -> Server:
        return server_of(units, self._conditions, self._instrument)

    def _instrument(self, bound: Bound) -> ModbusDevice:
        return ModbusDevice(bound.profile, frozenset(bound.to_profile), self._reads[id(bound)], self._now)

    def _publishers(self) -> list[Publisher | SparkplugNode]:
        weather = {bound.device.key: self._conditions.weather([bound.device.key]) for bound, _ in self._every_sensor}
        return [one for sensors in self._sensors.values() for one in publishers_of(sensors, self._now, weather)]

    @property
    def _every_sensor(self) -> Iterable[tuple[Bound, Read]]:
        return (one for sensors in self._sensors.values() for one in sensors)


def _reachable(installation: Installation) -> Installation:
    """Let sensors of the platform's broker publish where the gateway's uplink goes."""
    uplink = installation.gateway.uplink
    way = {
        name: getattr(uplink, name)
        for name in ("host", "port", "tls", "ca", "certificate", "key", "username", "password_file")
    }
    devices = (
        replace(device, connection=replace(device.connection, **way)) if device.connection.central else device
        for device in installation.devices
    )
    return replace(installation, devices=tuple(devices))


def reader_of(bound: Bound, source: Source) -> Read:
    """Return what reads a source in the units of a device's profile."""

    def read(key: str, now: float) -> float:
        scale, shift = bound.to_profile[key]
        return source.read(f"{bound.device.key}/{key}", now) * scale + shift

    return read


def _problem(bound: Bound, key: str, message: str, allowed: str) -> Problem:
    return Problem(code="not-simulated", message=message, key=f"{bound.device.key}.connection.{key}", allowed=allowed)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
