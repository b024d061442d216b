"""Instruments behind a TCP or UDP port: Modbus TCP, or RTU and ASCII frames as a converter hands them through."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from vitrine.errors import ConfigurationError
from vitrine_simulators.modbus_frames import NotModbus
from vitrine_simulators.modbus_slaves import Slaves, deliver

_MOST_BYTES = 1024


def taken(host: str, port: int, error: OSError) -> ConfigurationError:
    """Return the error of a port that cannot be had."""
    return ConfigurationError(
        f"no simulated instrument can listen on {host}:{port}: {error.strerror}",
        hint="Stop what listens there, or write another port into the installation file.",
    )


class ModbusServer:
    """One listening TCP port."""

    def __init__(
        self, host: str, port: int, slaves: Slaves, *, clients: Callable[[], int | None] = lambda: None
    ) -> None:
        """Prepare to listen; `clients` says how many connections are taken at this moment, None for any number."""
        self._host, self._port, self._slaves = host, port, slaves
        self._most = clients
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
            raise taken(self._host, self._port, error) from error

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
        most = self._most()
        if most is not None and len(self._clients) >= most:
            writer.transport.abort()  # as an instrument with all its sockets in use does
            return
        self._clients[task] = writer
        try:
            await self._converse(reader, writer)
        except (NotModbus, ConnectionError):
            pass  # nothing more can be understood, or there is nobody to tell
        finally:
            del self._clients[task]
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = b""
        while data := await reader.read(_MOST_BYTES):
            request, heard = self._slaves.take(heard + data)
            while request is not None:
                if answer := self._slaves.answer(request):
                    await deliver(writer.write, self._slaves.frame(request, answer), answer)
                    await writer.drain()
                request, heard = self._slaves.take(heard)


class ModbusDatagrams(asyncio.DatagramProtocol):
    """One UDP port; each datagram holds one request of Modbus TCP's form."""

    def __init__(self, host: str, port: int, slaves: Slaves) -> None:
        self._host, self._port, self._slaves = host, port, slaves
        self._transport: asyncio.DatagramTransport | None = None
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Return the port in use, also when it was asked for as 0."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    async def start(self) -> None:
        """Listen; ConfigurationError where the port is taken."""
        try:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self, (self._host, self._port), family=socket.AF_INET
            )
        except OSError as error:
            raise taken(self._host, self._port, error) from error

    async def stop(self) -> None:
        """Close the port."""
        for task in self._answers:
            task.cancel()
        if self._transport:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one request."""
        try:
            request, _ = self._slaves.take(data)
        except NotModbus:
            return
        answer = self._slaves.answer(request) if request else None
        if request is None or answer is None or self._transport is None:
            return
        transport, frame = self._transport, self._slaves.frame(request, answer)
        task = asyncio.ensure_future(deliver(lambda part: transport.sendto(part, addr), frame, answer))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)
