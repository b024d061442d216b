"""A network between two ends: TCP connections handed on, as long as the weather lets them.

Portable, and without root. A way that is cut in silence holds what comes, as the retransmissions of TCP do, and lets it
go when the way is there again; one that is cut with a reset ends every connection, and each new one at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from vitrine_simulators.modbus_server import ModbusServer, taken
from vitrine_simulators.weather import Weather

_MOST_BYTES = 16_384
#: Seconds between two looks at the weather.
_LOOK_S = 0.02


class Distant:
    """A server that is reached through a network with faults."""

    def __init__(self, listen: tuple[str, int], server: ModbusServer, weather: Weather) -> None:
        self._server = server
        self._relay = Relay(listen, lambda: ("127.0.0.1", server.port), weather)

    async def start(self) -> None:
        """Start the server, then the network before it."""
        await self._server.start()
        await self._relay.start()

    async def stop(self) -> None:
        """Stop both."""
        await self._relay.stop()
        await self._server.stop()


class Relay:
    """Listens at one address and hands everything on to another."""

    def __init__(self, listen: tuple[str, int], target: Callable[[], tuple[str, int]], weather: Weather) -> None:
        """Prepare to listen; `target` tells where to hand on to, once it is known."""
        self._listen, self._target, self._weather = listen, target, weather
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Return the port in use, also when it was asked for as 0."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen; ConfigurationError where the port is taken."""
        try:
            self._server = await asyncio.start_server(self._accept, *self._listen)
        except OSError as error:
            raise taken(*self._listen, error) from error
        self._watching = asyncio.create_task(self._watch())

    async def run_until(self, stop: asyncio.Event) -> None:
        """Hand on until `stop` is set."""
        await self.start()
        try:
            await stop.wait()
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End every connection."""
        if self._watching:
            self._watching.cancel()
        if self._server:
            self._server.close()
        await self._end_all()
        if self._server:
            await self._server.wait_closed()

    async def _watch(self) -> None:
        while True:
            link = self._weather()
            if link.resets and not link.up:
                await self._end_all()
            await asyncio.sleep(_LOOK_S)

    async def _end_all(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._hand_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one of the ends has gone, or the way has been cut: the other end is told by the reset below
        finally:
            self._connections.discard(task)
            if self._weather().resets:
                _reset(writer)
            writer.transport.abort()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passable()
        there, back = await asyncio.open_connection(*self._target())
        try:
            ways = {asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(there, writer))}
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what comes, each part as late as the way is long when it comes; the order stays."""
        loop = asyncio.get_running_loop()
        parts: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(parts, writer))
        try:
            while data := await reader.read(_MOST_BYTES):
                parts.put_nowait((loop.time() + self._weather().delay_s, data))
            parts.put_nowait((loop.time() + self._weather().delay_s, b""))
            await delivering
        finally:
            delivering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await delivering

    async def _deliver(self, parts: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await parts.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self._passable()
            if not data:
                return
            writer.write(data)
            await writer.drain()

    async def _passable(self) -> None:
        """Wait until the way is there; ConnectionResetError where it says that it is not."""
        while not (link := self._weather()).up:
            if link.resets:
                raise ConnectionResetError
            await asyncio.sleep(_LOOK_S)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Let the end of a connection be a reset (RST), not an orderly one."""
    end: socket.socket = writer.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
