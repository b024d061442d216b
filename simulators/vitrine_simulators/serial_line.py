"""Simulated instruments on a serial line: a pseudo-terminal whose bytes take the time that they take at its baud rate.

The installation file's `port` becomes a link to the pseudo-terminal, so that a gateway opens what its file names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from dataclasses import dataclass
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine_simulators.modbus_slaves import Slaves, deliver

_MOST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Character:
    """One character on a serial line."""

    baudrate: int
    #: Start bit, data, parity and stop bits (Modbus over Serial Line V1.02, 2.5.1.1: eleven bits in RTU).
    bits: int = 11

    @property
    def seconds(self) -> float:
        """Return how long it takes."""
        return self.bits / self.baudrate


class SerialLine:
    """One line. Where several requests come at once, they are answered one after the other, as on a real one."""

    def __init__(self, port: str, slaves: Slaves, character: Character) -> None:
        self._port, self._slaves, self._character = Path(port), slaves, character
        self._master = self._slave = -1
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the pseudo-terminal and make the link; ConfigurationError where the name is taken or not allowed."""
        self._master, self._slave = os.openpty()
        for end in (self._master, self._slave):
            tty.setraw(end)
        os.set_blocking(self._master, False)
        try:
            self._link(os.ttyname(self._slave))
        except OSError as error:
            await self.stop()
            raise ConfigurationError(
                f"the serial port {self._port} cannot be simulated: {error.strerror}",
                hint="Write a port into the installation file that this account may make, for example /tmp/ttyPilot.",
            ) from error
        asyncio.get_running_loop().add_reader(self._master, self._hear)
        self._task = asyncio.create_task(self._serve())

    def _link(self, name: str) -> None:
        if self._port.is_symlink() and not self._port.exists():
            self._port.unlink()  # the end of a simulation that was killed
        self._port.symlink_to(name)

    async def stop(self) -> None:
        """Take the link away and close the line."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        if self._port.is_symlink() and self._port.readlink() == Path(os.ttyname(self._slave)):
            self._port.unlink()
        for end in (self._master, self._slave):
            os.close(end)
        self._master = self._slave = -1

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._heard.put_nowait(os.read(self._master, _MOST_BYTES))

    async def _serve(self) -> None:
        heard = b""
        while True:
            data = await self._heard.get()
            # What the other end wrote at once would still be on its way on a real line
            await asyncio.sleep(len(data) * self._character.seconds)
            request, heard = self._slaves.take(heard + data)
            while request is not None:
                if answer := self._slaves.answer(request):
                    frame = self._slaves.frame(request, answer)
                    await deliver(self._send, frame, answer, self._character.seconds)
                request, heard = self._slaves.take(heard)

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody reads the other end: a real line does not wait either
            os.write(self._master, data)
