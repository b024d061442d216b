"""A read-only Modbus TCP server, so that the owner's own programs keep reading while the gateway holds the line."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vitrine.installation import Device, Proxy
from vitrine.logs import logger
from vitrine_gateway.modbus.asked import asked_of
from vitrine_gateway.modbus.failures import LineDown, NoAnswer, Refused
from vitrine_gateway.modbus.line import Line

_log = logger("gateway.proxy")
#: Functions that read, with the most that one request may ask for (Modbus Application Protocol V1.1b3, 6.1 to 6.4).
_READS = {1: 2000, 2: 2000, 3: 125, 4: 125}
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE, _NO_PATH, _NO_ANSWER = 1, 2, 3, 10, 11
#: Time-outs in a row after which a unit is asked for guests this seldom (seconds), since each try holds up the line.
_PATIENCE, _SELDOM = 3, 10.0
_REOPEN = 10.0


@dataclass(slots=True)
class ProxyStatistics:
    """What the proxy has done since the start."""

    clients: int = 0
    requests: int = 0
    #: Requests that would have written, or that ask for units which are not let through.
    refused: int = 0
    #: Connections closed at once because there were as many as are allowed.
    turned_away: int = 0


@dataclass(frozen=True, slots=True)
class _Target:
    line: Line
    unit: int
    timeout_s: float


class ModbusProxy:
    """Serves reads of the units that the installation names. `failure` says why it does not listen, '' if it does."""

    def __init__(self, settings: Proxy, devices: Iterable[Device], line_of: Callable[[str], Line | None]) -> None:
        """Prepare to serve; `line_of` gives the line of a device's key."""
        self._settings = settings
        self._devices = {device.key: device for device in devices}
        self._line_of = line_of
        self._tried: dict[int, float] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self.statistics = ProxyStatistics()
        self.failure = ""
        #: Port that is listened on; 0 while there is none.
        self.port = 0

    async def run(self) -> None:
        """Serve until cancelled; a port that is taken is tried again."""
        while True:
            try:
                server = await asyncio.start_server(self._serve, self._settings.address, self._settings.port)
            except OSError as error:
                self._failed(f"cannot listen on {self._settings.address}:{self._settings.port}: {error.strerror}")
                await asyncio.sleep(_REOPEN)
                continue
            self._failed("")
            self.port = server.sockets[0].getsockname()[1]
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                server.close()
                self.port = 0
                for writer in tuple(self._writers):
                    writer.transport.abort()

    def _failed(self, reason: str) -> None:
        if reason and reason != self.failure:
            _log.warning("the proxy does not listen", reason=reason)
        self.failure = reason

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._writers) >= self._settings.max_clients:
            self.statistics.turned_away += 1
            writer.close()
            return
        self._writers.add(writer)
        self.statistics.clients = len(self._writers)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._converse(reader, writer)
        finally:
            self._writers.discard(writer)
            self.statistics.clients = len(self._writers)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            if protocol or not 2 <= length <= 254:
                return  # not Modbus TCP, and no way to find its next request
            answer = await self._answer(unit, await reader.readexactly(length - 1))
            writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
            await writer.drain()

    async def _answer(self, unit: int, request: bytes) -> bytes:
        function = request[0]
        self.statistics.requests += 1
        target = self._target(unit)
        if function not in _READS or target is None:
            self.statistics.refused += 1
            return _refusal(function, _ILLEGAL_FUNCTION if function not in _READS else _NO_PATH)
        if len(request) != 5:
            return _refusal(function, _ILLEGAL_VALUE)
        first, count = struct.unpack(">HH", request[1:])
        if not 1 <= count <= _READS[function]:
            return _refusal(function, _ILLEGAL_VALUE)
        if first + count > 1 << 16:
            return _refusal(function, _ILLEGAL_ADDRESS)
        return await self._read(unit, target, function, first, count)

    async def _read(self, number: int, target: _Target, function: int, first: int, count: int) -> bytes:
        if self._given_up(number, target):
            return _refusal(function, _NO_ANSWER)
        try:
            payload, _ = await target.line.ask(
                asked_of(target.unit, function, first, count), target.timeout_s, own=False
            )
        except Refused as refusal:
            return _refusal(function, refusal.code)
        except LineDown:
            return _refusal(function, _NO_PATH)
        except NoAnswer:
            return _refusal(function, _NO_ANSWER)
        return bytes([function]) + payload

    def _given_up(self, number: int, target: _Target) -> bool:
        """Tell whether a silent unit was asked a short while ago."""
        now = time.monotonic()
        silent = target.line.statistics.unit(target.unit).silent >= _PATIENCE
        if silent and now - self._tried.get(number, -_SELDOM) < _SELDOM:
            return True
        self._tried[number] = now
        return False

    def _target(self, number: int) -> _Target | None:
        """Find what a unit of the proxy stands for: a device, or a place on a device's line."""
        for units in self._settings.units:
            device, line = self._devices.get(units.device), self._line_of(units.device)
            if units.first <= number <= units.last and device and line:
                unit = device.connection.unit if units.first == units.last else number
                return _Target(line, unit, device.connection.timeout_s)
        return None


def _refusal(function: int, code: int) -> bytes:
    return bytes([function | 0x80, code])
