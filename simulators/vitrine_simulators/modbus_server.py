"""A Modbus TCP server in front of simulated instruments, several unit ids on one port.

Frames follow “MODBUS Messaging on TCP/IP Implementation Guide V1.0b” and “MODBUS Application Protocol V1.1b3”. The
server is our own, and small, because a simulated field must also be able to answer wrongly, which a library's server
rightly refuses to do.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from vitrine.errors import ConfigurationError

READ_HOLDING, READ_INPUT, WRITE = 3, 4, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_ANSWER_BEHIND = 1, 2, 3, 11
MAX_REGISTERS = 125

_HEADER = struct.Struct(">HHHB")  # transaction, protocol (0), bytes that follow, unit id
_READ = struct.Struct(">BHH")  # function, first address, count
_WRITE = struct.Struct(">BHHB")  # the same, and the bytes that follow


class Refusal(Exception):  # noqa: N818  # the standard calls it an exception response; it is no error of ours
    """A Modbus exception response."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception response {code}")
        self.code = code


class Instrument(Protocol):
    """What stands behind one unit id."""

    def registers(self, function: int, first: int, count: int, now: float) -> list[int]:
        """Return the registers asked for; Refusal where there are none."""


@runtime_checkable
class Startable(Protocol):
    """An instrument that may be started by a read of no register."""

    def start(self, first: int, now: float) -> None:
        """Measure; Refusal where that is not how it is started."""


@runtime_checkable
class Writable(Protocol):
    """An instrument that takes a write."""

    def write(self, first: int, words: tuple[int, ...], now: float) -> None:
        """Take the registers; Refusal where it does not."""


class ModbusServer:
    """One listening port."""

    def __init__(self, host: str, port: int, instruments: Mapping[int, Instrument]) -> None:
        self._host, self._port = host, port
        self._instruments = instruments
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def port(self) -> int:
        """Return the port in use, also when it was asked for as 0."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen; ConfigurationError where the port is taken."""
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
        except OSError as error:
            raise ConfigurationError(
                f"no simulated instrument can listen on {self._host}:{self._port}: {error.strerror}",
                hint="Stop what listens there, or write another port into the installation file.",
            ) from error

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server:
            self._server.close()
            clients = dict(self._clients)
            for writer in clients.values():
                writer.close()
            await asyncio.gather(*clients)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = writer
        try:
            while True:
                transaction, protocol, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                if protocol != 0 or not 2 <= length <= 254:
                    break  # not Modbus: nothing after it can be trusted
                request = await reader.readexactly(length - 1)
                answer = self._answer(unit, request)
                writer.write(_HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone; there is nobody to tell
        finally:
            del self._clients[task]
            writer.close()

    def _answer(self, unit: int, request: bytes) -> bytes:
        function = request[0]
        try:
            return self._write(unit, request) if function == WRITE else self._read(unit, request)
        except Refusal as refusal:
            return bytes([function | 0x80, refusal.code])

    def _write(self, unit: int, request: bytes) -> bytes:
        instrument = self._instruments.get(unit)
        if instrument is None:
            raise Refusal(NO_ANSWER_BEHIND)
        if not isinstance(instrument, Writable):
            raise Refusal(ILLEGAL_FUNCTION)
        count = request[4] if len(request) > _WRITE.size else 0
        if not count or len(request) != _WRITE.size + 2 * count:
            raise Refusal(ILLEGAL_VALUE)
        _, first, _, _ = _WRITE.unpack(request[: _WRITE.size])
        instrument.write(first, struct.unpack(f">{count}H", request[_WRITE.size :]), time.time())
        return request[: _READ.size]

    def _read(self, unit: int, request: bytes) -> bytes:
        if request[0] not in (READ_HOLDING, READ_INPUT):
            raise Refusal(ILLEGAL_FUNCTION)
        if len(request) != _READ.size:
            raise Refusal(ILLEGAL_VALUE)
        function, first, count = _READ.unpack(request)
        instrument = self._instruments.get(unit)
        if not count and isinstance(instrument, Startable):
            instrument.start(first, time.time())
            return bytes([function, 0])
        if not 1 <= count <= MAX_REGISTERS:
            raise Refusal(ILLEGAL_VALUE)
        if instrument is None:
            raise Refusal(NO_ANSWER_BEHIND)
        words = instrument.registers(function, first, count, time.time())
        return struct.pack(f">BB{count}H", function, 2 * count, *words)
