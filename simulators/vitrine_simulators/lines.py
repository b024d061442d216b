"""The line of some instruments: a port, a serial line, or a network with faults before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from vitrine.installation import SERIAL_TRANSPORTS, Connection
from vitrine_simulators.binding import Bound
from vitrine_simulators.field import Conditions
from vitrine_simulators.modbus_frames import FRAMINGS
from vitrine_simulators.modbus_server import ModbusDatagrams, ModbusServer
from vitrine_simulators.modbus_slaves import Instrument, Slaves
from vitrine_simulators.relay import Distant
from vitrine_simulators.serial_line import Character, SerialLine

_HERE = "127.0.0.1"


class Server(Protocol):
    """Something that instruments are reached through."""

    async def start(self) -> None:
        """Be there; ConfigurationError where the place is taken."""

    async def stop(self) -> None:
        """Be gone."""


def server_of(units: Mapping[int, Bound], conditions: Conditions, instrument: Callable[[Bound], Instrument]) -> Server:
    """Return what the instruments of one line, by their unit ids, are reached through."""
    connection = next(iter(units.values())).device.connection
    disturbances = {unit: conditions.disturbance(bound.device.key) for unit, bound in units.items()}
    active = {unit: one for unit, one in disturbances.items() if one}
    instruments = {unit: instrument(bound) for unit, bound in units.items()}
    slaves = Slaves(instruments, FRAMINGS[connection.transport], active)
    if connection.transport in SERIAL_TRANSPORTS:
        return SerialLine(connection.serial_port, slaves, _character(connection))
    if connection.transport == "udp":
        return ModbusDatagrams(connection.host, connection.port, slaves)
    return _listening(connection, slaves, conditions, [bound.device.key for bound in units.values()])


def _listening(connection: Connection, slaves: Slaves, conditions: Conditions, keys: list[str]) -> Server:
    """Return a TCP server, behind a network where that has faults."""

    def clients() -> int | None:
        return conditions.clients(keys)

    weather = conditions.weather(keys)
    if weather is None:
        return ModbusServer(connection.host, connection.port, slaves, clients=clients)
    return Distant((connection.host, connection.port), ModbusServer(_HERE, 0, slaves, clients=clients), weather)


def _character(connection: Connection) -> Character:
    parity = 0 if connection.parity == "N" else 1
    return Character(connection.baudrate, 1 + connection.data_bits + parity + connection.stop_bits)


def place_of(units: Mapping[int, Bound]) -> str:
    """Return how people name the line."""
    connection = next(iter(units.values())).device.connection
    if connection.transport in SERIAL_TRANSPORTS:
        return f"{connection.transport} {connection.serial_port}"
    return f"{connection.transport} {connection.host}:{connection.port}"
