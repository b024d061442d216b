"""The only place that knows pymodbus: reading registers, and telling apart what can go wrong."""

from __future__ import annotations

import asyncio
import logging

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from vitrine.installation import Connection
from vitrine_gateway.profiles.model import Table

_FUNCTIONS = {"holding": 3, "input": 4}
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}
#: The instrument refuses these registers, or so many of them; asking for fewer may help.
REFUSALS = frozenset({2, 3})
#: Answers that a converter gives for an instrument that is not there.
_ABSENT = frozenset({10, 11})

# pymodbus logs each time-out as an error; we tell them with the device's name instead
logging.getLogger("pymodbus").addHandler(logging.NullHandler())
logging.getLogger("pymodbus").propagate = False


class NoAnswer(Exception):  # noqa: N818  # it says what happened
    """The instrument did not answer, or the line is not there."""


class LineDown(NoAnswer):
    """The line is not there, which says nothing of the instrument."""


class Refused(Exception):  # noqa: N818
    """The instrument answered that it will not give these registers."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the instrument refuses: {_EXCEPTIONS.get(code, f'exception {code}')}")
        self.code = code


class Client:
    """One connection, with one request at a time."""

    def __init__(self, connection: Connection) -> None:
        self._place = connection.serial_port or f"{connection.host}:{connection.port}"
        self._framed_by_time = connection.transport != "tcp"
        self._client = _make(connection)

    @property
    def connected(self) -> bool:
        """Tell whether the line is open."""
        return bool(self._client.connected)

    async def open(self, timeout: float) -> None:
        """Open the line; LineDown where that is not possible."""
        self._client.ctx.comm_params.timeout_connect = timeout
        try:
            opened = await self._client.connect()
        except (OSError, ModbusException) as error:
            raise LineDown(f"cannot connect to {self._place}: {error}") from error
        if not opened:
            raise LineDown(f"cannot connect to {self._place}")

    async def read(self, table: Table, first: int, count: int, unit: int, timeout: float) -> list[int]:
        """Read registers; NoAnswer or Refused where they do not come."""
        self._client.ctx.comm_params.timeout_connect = timeout
        ask = self._client.read_holding_registers if table == "holding" else self._client.read_input_registers
        try:
            answer = await asyncio.wait_for(ask(first, count=count, device_id=unit), timeout * 1.5 + 0.5)
        except (ModbusException, OSError, TimeoutError) as error:
            self._quieten()
            raise NoAnswer(f"no answer within {timeout:g} s") from error
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            if code in _ABSENT:
                raise NoAnswer(_EXCEPTIONS[code])
            raise Refused(code)
        registers = list(answer.registers)
        # pymodbus compares unit and transaction only, and a serial line has no transactions
        if answer.function_code != _FUNCTIONS[table] or len(registers) != count:
            self.close()
            raise NoAnswer(
                f"the answer is another request's: {len(registers)} registers instead of {count}, "
                f"function {answer.function_code}"
            )
        return registers

    def close(self) -> None:
        """Close the line."""
        self._client.close()

    def _quieten(self) -> None:
        """Close a line on which a late answer could be taken for the next one."""
        if self._framed_by_time:
            self.close()


def _make(connection: Connection) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
    if connection.transport == "rtu":
        return AsyncModbusSerialClient(
            connection.serial_port,
            baudrate=connection.baudrate,
            parity=connection.parity,
            stopbits=connection.stop_bits,
            retries=0,
            reconnect_delay=0,
            timeout=connection.timeout_s,
        )
    return AsyncModbusTcpClient(
        connection.host,
        port=connection.port,
        framer=FramerType.RTU if connection.transport == "rtu_over_tcp" else FramerType.SOCKET,
        retries=0,
        reconnect_delay=0,
        timeout=connection.timeout_s,
    )
