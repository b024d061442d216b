"""Reading how a device is reached."""

from __future__ import annotations

from typing import Literal, cast

from vitrine.installation import TRANSPORTS, Connection, Transport
from vitrine.table_reader import TableReader


def read_connection(table: TableReader) -> Connection:
    """Read a ``connection`` by its transport."""
    transport = table.choice("transport", TRANSPORTS, required=True)
    read = {"rtu": _read_serial, "mqtt": _read_mqtt}.get(transport, _read_network)
    connection = read(table, cast(Transport, transport or "tcp"))
    table.finish()
    return connection


def _read_network(table: TableReader, transport: Transport) -> Connection:
    return Connection(
        transport=transport,
        host=table.text("host", required=True),
        port=table.integer("port", low=1, high=65535, default=502),
        unit=table.integer("unit", low=0, high=255, default=1),
        timeout_s=table.duration("timeout", default=1.0),
    )


def _read_serial(table: TableReader, transport: Transport) -> Connection:
    return Connection(
        transport=transport,
        serial_port=table.text("port", required=True),
        baudrate=table.integer("baudrate", low=300, high=4_000_000, default=9600),
        parity=cast(Literal["N", "E", "O"], table.choice("parity", ("N", "E", "O"), default="N")),
        stop_bits=table.integer("stop_bits", low=1, high=2, default=1),
        unit=table.integer("unit", low=1, high=247, required=True, default=1),
        timeout_s=table.duration("timeout", default=1.0),
    )


def _read_mqtt(table: TableReader, transport: Transport) -> Connection:
    return Connection(
        transport=transport,
        host=table.text("host", required=True),
        port=table.integer("port", low=1, high=65535, default=1883),
        topic=table.text("topic", required=True),
        username=table.text("username"),
        password_file=table.text("password_file"),
    )
