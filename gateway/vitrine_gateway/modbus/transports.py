"""Opening a line: one pymodbus client for each transport, with the socket options that a field line needs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import termios
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, cast

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, AsyncModbusTlsClient, AsyncModbusUdpClient

from vitrine.installation import SERIAL_TRANSPORTS, Connection
from vitrine_gateway.modbus.failures import LineDown
from vitrine_gateway.vanished_peer import watch

PymodbusClient = AsyncModbusSerialClient | AsyncModbusTcpClient | AsyncModbusTlsClient | AsyncModbusUdpClient

_FRAMERS = {"rtu": FramerType.RTU, "rtu_over_tcp": FramerType.RTU, "ascii": FramerType.ASCII}
_FRAMERS["ascii_over_tcp"] = FramerType.ASCII
#: Major numbers of the slave ends of Unix98 pseudo-terminals (Linux, admin-guide/devices.txt): socat, simulators.
_PSEUDO_TERMINALS = range(136, 144)
#: Seconds after which data that nobody acknowledges end a connection.
_UNACKNOWLEDGED_S = 15.0
_SERIAL_REASONS = {
    2: "there is no such port",
    5: "the adapter is gone",
    6: "the adapter is gone",
    11: "another program has it open",
    13: "this account may not use it; it must be in the group dialout",
    16: "another program has it open",
    19: "the adapter is gone",
}

# pymodbus logs each time-out as an error; we tell them with the device's name instead
logging.getLogger("pymodbus").addHandler(logging.NullHandler())
logging.getLogger("pymodbus").propagate = False


def make(connection: Connection, host: str, port: int, lost: Callable[[bool], None]) -> PymodbusClient:
    """Make the client for one endpoint; `lost` hears False when the line is lost. LineDown: a file is missing."""
    timeout = connection.timeout_s
    framer = _FRAMERS.get(connection.transport, FramerType.SOCKET)
    if connection.transport in SERIAL_TRANSPORTS:
        return AsyncModbusSerialClient(
            connection.serial_port,
            framer=framer,
            baudrate=connection.baudrate,
            **_character(connection),
            stopbits=connection.stop_bits,
            retries=0,
            reconnect_delay=0,
            timeout=timeout,
            trace_connect=lost,
        )
    if connection.transport == "tls":
        client = AsyncModbusTlsClient(
            host, sslctx=_context(connection), port=port, retries=0, reconnect_delay=0, timeout=timeout,
            trace_connect=lost,
        )  # fmt: skip
        if connection.server_name:
            create = cast("Callable[..., Coroutine[Any, Any, Any]]", client.ctx.call_create)
            client.ctx.call_create = partial(create, server_hostname=connection.server_name)
        return client
    kind = AsyncModbusUdpClient if connection.transport == "udp" else AsyncModbusTcpClient
    return kind(host, framer=framer, port=port, retries=0, reconnect_delay=0, timeout=timeout, trace_connect=lost)


def _character(connection: Connection) -> dict[str, Any]:
    """Return data bits and parity; a pseudo-terminal carries whole bytes, and Linux refuses to be told otherwise."""
    with contextlib.suppress(OSError):  # a port that is not there is told when it is opened
        if os.major(Path(connection.serial_port).stat().st_rdev) in _PSEUDO_TERMINALS:
            return {"bytesize": 8, "parity": "N"}
    return {"bytesize": connection.data_bits, "parity": connection.parity}


async def establish(client: PymodbusClient, place: str, timeout: float) -> None:
    """Open the line within so many seconds; LineDown with the reason, which pymodbus' own `connect` keeps to itself."""
    context = client.ctx
    context.is_closing = False
    try:
        context.transport, _ = await asyncio.wait_for(context.call_create(), timeout)
    except TimeoutError as error:
        raise LineDown(f"cannot connect to {place}: no answer") from error
    except (OSError, ValueError, ModbusException) as error:
        raise LineDown(f"cannot connect to {place}: {_reason(error, context.comm_params.baudrate > 0)}") from error
    except termios.error as error:
        raise LineDown(f"cannot connect to {place}: the port refuses its settings: {error.args[-1]}") from error
    watch(cast("socket.socket | None", context.transport.get_extra_info("socket")), _UNACKNOWLEDGED_S)


def _reason(error: Exception, serial: bool) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if not isinstance(error, OSError) or isinstance(error, ssl.SSLError) or not error.errno:
        return str(error)
    if serial:
        return _SERIAL_REASONS.get(error.errno, str(error))
    return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)


def _context(connection: Connection) -> ssl.SSLContext:
    """Build the TLS context; Modbus/TCP Security (V3.6, 5.1) asks for TLS 1.2 at least."""
    try:
        context = ssl.create_default_context(cafile=connection.ca or None)
        if connection.certificate:
            context.load_cert_chain(connection.certificate, connection.key)
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(name for name in (connection.ca, connection.certificate, connection.key) if name)
        raise LineDown(f"the TLS files cannot be read ({names}): {error.strerror or error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
