"""A serial bus on a pseudo-terminal whose bytes take the time that they take at a real baud rate."""

import asyncio
import contextlib
import os
import struct
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from vitrine_gateway.modbus.framing import crc16

#: What a slave sends for a request: seconds that it thinks, and the bytes that it then puts on the line.
Say = list[tuple[float, bytes]]


def rtu(unit: int, body: bytes) -> bytes:
    frame = bytes([unit]) + body
    return frame + struct.pack("<H", crc16(frame))


def ascii_frame(unit: int, body: bytes) -> bytes:
    frame = bytes([unit]) + body
    return b":" + (frame + bytes([-sum(frame) & 0xFF])).hex().upper().encode() + b"\r\n"


def held(unit: int, address: int) -> int:
    """What every register holds, so that a value says where it comes from."""
    return (unit << 8 | address) & 0xFFFF


def body_of(unit: int, request: bytes) -> bytes:
    function, first, count = struct.unpack(">BHH", request[:5])
    return struct.pack(f">BB{count}H", function, 2 * count, *(held(unit, first + at) for at in range(count)))


def good(unit: int, request: bytes) -> Say:
    return [(0.0, rtu(unit, body_of(unit, request)))]


@dataclass
class Bus:
    """Slaves on one line. A slave that is not there is silent."""

    baudrate: int
    slaves: dict[int, Callable[[int, bytes], Say]] = field(default_factory=dict)
    framing: str = "rtu"
    port: str = ""
    asked: list[tuple[int, int, int, int]] = field(default_factory=list)
    _master: int = -1
    _heard: bytes = b""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _wire: asyncio.Lock = field(default_factory=asyncio.Lock)

    def character(self) -> float:
        return 10 / self.baudrate

    def hear(self) -> None:
        with contextlib.suppress(OSError):
            self._heard += os.read(self._master, 1024)
        while (frame := self._take()) is not None:
            task = asyncio.create_task(self._reply(*frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take(self) -> tuple[int, bytes, int] | None:
        if self.framing == "ascii":
            line, end, rest = self._heard.partition(b"\r\n")
            if not end:
                return None
            self._heard, frame = rest, bytes.fromhex(line[1:].decode())
            assert sum(frame) & 0xFF == 0
            return frame[0], frame[1:-1], len(line) + 2
        if len(self._heard) < 8:
            return None
        frame, self._heard = self._heard[:8], self._heard[8:]
        assert rtu(frame[0], frame[1:6]) == frame
        return frame[0], frame[1:6], 8

    async def _reply(self, unit: int, request: bytes, length: int) -> None:
        self.asked.append((unit, *struct.unpack(">BHH", request[:5])))
        await asyncio.sleep(length * self.character())
        slave = self.slaves.get(unit)
        for think, data in slave(unit, request) if slave else []:
            await asyncio.sleep(think)
            async with self._wire:
                await self._send(data)

    async def _send(self, data: bytes) -> None:
        """Send as a USB adapter does: what arrived in a few milliseconds at once, not earlier than the line allows."""
        loop = asyncio.get_running_loop()
        begun, sent = loop.time(), 0
        while sent < len(data):
            await asyncio.sleep(0.004)
            ready = min(len(data), int((loop.time() - begun) / self.character()))
            os.write(self._master, data[sent:ready])
            sent = ready

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def paced_bus(
    baudrate: int, slaves: dict[int, Callable[[int, bytes], Say]], framing: str = "rtu"
) -> AsyncIterator[Bus]:
    master, slave = os.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    os.set_blocking(master, False)
    bus = Bus(baudrate, slaves, framing, os.ttyname(slave), _master=master)
    loop = asyncio.get_running_loop()
    loop.add_reader(master, bus.hear)
    try:
        yield bus
    finally:
        loop.remove_reader(master)
        bus.close()
        os.close(slave)
        os.close(master)
