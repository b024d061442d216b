"""Reading how a device is reached."""

from __future__ import annotations

from typing import Any, Literal, cast

from vitrine.installation import SERIAL_TRANSPORTS, TRANSPORTS, Connection, Transport
from vitrine.table_reader import TableReader

#: Ports registered for Modbus: 802 for Modbus/TCP Security, 502 for all others.
_PORTS = {"tls": 802}


def read_connection(table: TableReader) -> Connection:
    """Read a ``connection`` by its transport."""
    transport = table.choice("transport", TRANSPORTS, required=True)
    reads = {"mqtt": _read_mqtt, **dict.fromkeys(SERIAL_TRANSPORTS, _read_serial)}
    read = reads.get(transport, _read_network)
    connection = read(table, cast(Transport, transport or "tcp"))
    table.finish()
    return connection


def _read_network(table: TableReader, transport: Transport) -> Connection:
    secure = transport == "tls"
    port = table.integer("port", low=1, high=65535, default=_PORTS.get(transport, 502))
    backup_host, backup_port = _read_backup(table, port)
    connection = Connection(
        transport=transport,
        host=table.text("host", required=True),
        port=port,
        backup_host=backup_host,
        backup_port=backup_port,
        unit=table.integer("unit", low=0, high=255, default=1),
        timeout_s=table.duration("timeout", default=1.0),
        pause_s=table.duration("pause"),
        keep_open=table.take("keep_open", bool) is not False,
        ca=table.text("ca") if secure else "",
        certificate=table.text("certificate") if secure else "",
        key=table.text("key") if secure else "",
        server_name=table.text("server_name") if secure else "",
    )
    if bool(connection.key) != bool(connection.certificate):
        missing, given = ("certificate", "key") if connection.key else ("key", "certificate")
        table.note("missing-key", missing, f"“{given}” is given without “{missing}”", "both, or neither")
    return connection


def _read_backup(table: TableReader, port: int) -> tuple[str, int]:
    backup = table.table("backup")
    if backup is None:
        return "", 0
    found = backup.text("host", required=True), backup.integer("port", low=1, high=65535, default=port)
    backup.finish()
    return found


def _read_serial(table: TableReader, transport: Transport) -> Connection:
    # Modbus over Serial Line V1.02, 2.5.2.1: ASCII characters have 7 bits and even parity where nothing else is said
    ascii_ = transport == "ascii"
    return Connection(
        transport=transport,
        serial_port=table.text("port", required=True),
        baudrate=table.integer("baudrate", low=300, high=4_000_000, default=9600),
        parity=cast(Literal["N", "E", "O"], table.choice("parity", ("N", "E", "O"), default="E" if ascii_ else "N")),
        data_bits=table.integer("data_bits", low=7, high=8, default=7) if ascii_ else 8,
        stop_bits=table.integer("stop_bits", low=1, high=2, default=1),
        unit=table.integer("unit", low=1, high=247, required=True, default=1),
        timeout_s=table.duration("timeout", default=1.0),
        pause_s=table.duration("pause"),
        keep_open=table.take("keep_open", bool) is not False,
    )


def _read_mqtt(table: TableReader, transport: Transport) -> Connection:
    if table.choice("broker", ("site", "platform"), default="site") == "platform":
        # How the platform's broker is reached is the collector's affair: any such key here is a mistake.
        return Connection(transport=transport, central=True, **_read_topics(table))
    tls = table.take("tls", bool) or table.has("ca") or table.has("certificate")
    return Connection(
        transport=transport,
        host=table.text("host", required=True),
        port=table.integer("port", low=1, high=65535, default=8883 if tls else 1883),
        tls=tls,
        ca=table.text("ca"),
        certificate=table.text("certificate"),
        key=table.text("key"),
        rebirth=table.take("rebirth", bool) or False,
        username=table.text("username"),
        password_file=table.text("password_file"),
        **_read_topics(table),
    )


def _read_topics(table: TableReader) -> dict[str, Any]:
    """Read what is said of a sensor wherever its broker is."""
    return {
        "topic": table.text("topic"),
        "names": tuple(table.mapping("names", lambda inner, name: (name, inner.text(name, required=True))).values()),
        "zone": table.text("zone"),
        "time": table.choice("time", ("sensor", "arrival"), default="sensor"),
    }
