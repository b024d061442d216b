"""The instruments of installations, on their wires."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from vitrine.errors import ConfigurationError, Problem
from vitrine.installation import SERIAL_TRANSPORTS, Connection, Installation
from vitrine.installation_lines import line_key
from vitrine.logs import logger
from vitrine_simulators.binding import Bound, bind
from vitrine_simulators.field import QuietField
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_frames import FRAMINGS
from vitrine_simulators.modbus_server import ModbusDatagrams, ModbusServer
from vitrine_simulators.modbus_slaves import Disturbance, Slaves
from vitrine_simulators.mqtt_publisher import Publisher
from vitrine_simulators.plants import Source
from vitrine_simulators.publishers import publishers_of
from vitrine_simulators.relay import Distant
from vitrine_simulators.sensors import Read
from vitrine_simulators.serial_line import Character, SerialLine
from vitrine_simulators.sparkplug_node import SparkplugNode
from vitrine_simulators.weather import Weather

_Line = tuple[str, str, int]
_HERE = "127.0.0.1"
#: A broker, and the account that sensors have there.
_Broker = tuple[str, int, str]


class Server(Protocol):
    """Something that instruments are reached through."""

    async def start(self) -> None:
        """Be there; ConfigurationError where the place is taken."""

    async def stop(self) -> None:
        """Be gone."""


class Conditions(Protocol):
    """What disturbs the instruments and their ways."""

    def disturbance(self, device: str) -> Disturbance | None:
        """Return what changes the answers of a device."""

    def clients(self, devices: Iterable[str]) -> int | None:
        """Return how many connections these devices take at this moment, None for any number."""

    def weather(self, devices: Iterable[str]) -> Weather | None:
        """Return the state of the way to these devices, None where it is always there."""


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
        return [*map(_place_of, self._lines.values()), *(f"mqtt {host}:{port}" for host, port, _ in self._sensors)]

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
        connection = next(iter(units.values())).device.connection
        keys = [bound.device.key for bound in units.values()]
        instruments = {unit: self._instrument(bound) for unit, bound in units.items()}
        disturbances = {unit: self._conditions.disturbance(bound.device.key) for unit, bound in units.items()}
        active = {unit: one for unit, one in disturbances.items() if one}
        slaves = Slaves(instruments, FRAMINGS[connection.transport], active)
        if connection.transport in SERIAL_TRANSPORTS:
            return SerialLine(connection.serial_port, slaves, _character(connection))
        if connection.transport == "udp":
            return ModbusDatagrams(connection.host, connection.port, slaves)
        return self._listening(connection, slaves, keys)

    def _listening(self, connection: Connection, slaves: Slaves, keys: list[str]) -> Server:
        """Return a TCP server, behind a network where that has faults."""

        def clients() -> int | None:
            return self._conditions.clients(keys)

        weather = self._conditions.weather(keys)
        if weather is None:
            return ModbusServer(connection.host, connection.port, slaves, clients=clients)
        return Distant((connection.host, connection.port), ModbusServer(_HERE, 0, slaves, clients=clients), weather)

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


def _character(connection: Connection) -> Character:
    parity = 0 if connection.parity == "N" else 1
    return Character(connection.baudrate, 1 + connection.data_bits + parity + connection.stop_bits)


def _place_of(units: Mapping[int, Bound]) -> str:
    connection = next(iter(units.values())).device.connection
    if connection.transport in SERIAL_TRANSPORTS:
        return f"{connection.transport} {connection.serial_port}"
    return f"{connection.transport} {connection.host}:{connection.port}"


def _problem(bound: Bound, key: str, message: str, allowed: str) -> Problem:
    return Problem(code="not-simulated", message=message, key=f"{bound.device.key}.connection.{key}", allowed=allowed)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
