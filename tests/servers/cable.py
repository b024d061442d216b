"""A network cable between a client and a server on loopback, which a test may pull out or let go dead."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from .process import free_port


class Cable:
    """Carries TCP connections from its own port to another one; `port` stays the same over `cut` and `mend`.

    Cut, it refuses connections and resets those that there are. Dead, it takes connections and bytes, and nothing
    comes out at the other end until it is mended.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"cable-{self.port}", daemon=True)
        self._thread.start()
        self.mend()

    def cut(self) -> None:
        """Pull it out."""
        self._do(self._cut)

    def die(self) -> None:
        """Let nothing through, and tell nobody."""
        self._do(self._die)

    def mend(self) -> None:
        """Carry again."""
        self._do(self._mend)

    def close(self) -> None:
        """Take it away."""
        self._do(self._cut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _cut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        self._flows.set()  # who waits to pass bytes on finds its connection gone
        await self._gone()

    async def _die(self) -> None:
        self._flows.clear()

    async def _mend(self) -> None:
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def _gone(self) -> None:
        while self._writers:
            await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            answers, far = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(far)
            await asyncio.gather(self._pass(reader, far), self._pass(answers, writer))
        except OSError:
            pass  # one end has gone; the other learns it below
        finally:
            for end in (writer, far):
                if end is not None:
                    end.transport.abort()
                    self._writers.discard(end)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()
