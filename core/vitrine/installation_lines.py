"""Lines: what devices share who are reached over the same serial port or the same network connection."""

from __future__ import annotations

import os
from collections.abc import Iterable

from vitrine.installation import SERIAL_TRANSPORTS, Connection, Device
from vitrine.table_reader import Problems

LineKey = tuple[str, str, int]

#: Key of the file → attribute of the connection, for all that belongs to the line and not to one device on it.
_SHARED = {
    "transport": "transport",
    "baudrate": "baudrate",
    "parity": "parity",
    "data_bits": "data_bits",
    "stop_bits": "stop_bits",
    "pause": "pause_s",
    "keep_open": "keep_open",
    "ca": "ca",
    "certificate": "certificate",
    "key": "key",
    "server_name": "server_name",
}


def line_key(connection: Connection) -> LineKey:
    """Return what devices on the same line have in common; two names of one serial port are the same line."""
    if connection.transport in SERIAL_TRANSPORTS:
        return ("serial", os.path.realpath(connection.serial_port), 0)
    return ("udp" if connection.transport == "udp" else "tcp", connection.host, connection.port)


def check_lines(devices: Iterable[Device], problems: Problems) -> None:
    """Note where a device wants its line otherwise than the first device that is on it."""
    first: dict[LineKey, Device] = {}
    for position, device in enumerate(devices):
        connection = device.connection
        if connection.transport == "mqtt" or not (connection.serial_port or connection.host):
            continue
        other = first.setdefault(line_key(connection), device)
        for key, attribute in _SHARED.items():
            here, there = getattr(connection, attribute), getattr(other.connection, attribute)
            if here != there:
                _note(problems, position, key, (here, there), other)
        backup = (connection.backup_host, connection.backup_port)
        if backup != (wanted := (other.connection.backup_host, other.connection.backup_port)):
            _note(problems, position, "backup", (_endpoint(backup), _endpoint(wanted)), other)


def _note(problems: Problems, position: int, key: str, values: tuple[object, object], other: Device) -> None:
    here, there = (_written(value) for value in values)
    place = other.connection.serial_port or f"{other.connection.host}:{other.connection.port}"
    problems.note(
        "line-conflict",
        ("device", position, "connection", key),
        f"{here} here, but {there} for “{other.key}” on the same line {place}",
        f"{there}, as for “{other.key}”: a line has one setting for all its devices",
    )


def _endpoint(backup: tuple[str, int]) -> str:
    return f"{backup[0]}:{backup[1]}" if backup[0] else "none"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"
