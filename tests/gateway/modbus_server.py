"""Modbus instruments for tests, over TCP or a pseudo-terminal, that can be made to misbehave."""

import asyncio
import contextlib
import os
import socket
import struct
import termios
import threading
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field


@dataclass
class Unit:
    """One instrument. Registers that it does not hold are refused with exception 2."""

    input: dict[int, int] = field(default_factory=dict)
    holding: dict[int, int] = field(default_factory=dict)
    silent: bool = False
    most: int = 125
    writable: bool = False
    #: What it says of itself, and whether it says one thing at a time.
    said: tuple[bytes, ...] = ()
    piecewise: bool = False
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    #: Exception codes that it answers with, one for each request, before it answers as usual; 0 for silence.
    says: list[int] = field(default_factory=list)
    #: Changes an answer on its way out.
    spoil: Callable[[bytes], bytes] = bytes

    def identify(self, first: int) -> bytes | None:
        if self.silent:
            return None
        if not self.said:
            return b"\xab\x01"
        shown = self.said[first : first + 1] if self.piecewise else self.said[first:]
        more, following = (0xFF, first + 1) if self.piecewise and first + 1 < len(self.said) else (0, 0)
        objects = b"".join(bytes([first + at, len(one)]) + one for at, one in enumerate(shown))
        return bytes([43, 14, 1, 1, more, following, len(shown)]) + objects

    def answer(self, request: bytes) -> bytes | None:
        if request[0] == 43:
            return self.identify(request[3])
        function, first, count = struct.unpack(">BHH", request[:5])
        self.asked.append((function, first, count))
        if self.says:
            code = self.says.pop(0)
            return bytes([function | 0x80, code]) if code else None
        if function == 16:
            return request[:5] if self.writable else b"\x90\x02"
        if self.silent:
            return None
        table = {3: self.holding, 4: self.input}[function]
        words = [table.get(address) for address in range(first, first + count)]
        if count > self.most:
            return bytes([function | 0x80, 3])
        if None in words:
            return bytes([function | 0x80, 2])
        return self.spoil(struct.pack(f">BB{count}H", function, 2 * count, *words))


class Server:
    """Instruments behind one TCP port."""

    def __init__(self) -> None:
        self.units: dict[int, Unit] = {}
        self.port = 0
        self.connections = 0
        #: Seconds until an answer is sent.
        self.think_s = 0.0
        self._writers: list[asyncio.StreamWriter] = []

    def unit(self, number: int) -> Unit:
        return self.units.setdefault(number, Unit())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                transaction, _, length, number = struct.unpack(">HHHB", await reader.readexactly(7))
                body = await reader.readexactly(length - 1)
                answer = self.unit(number).answer(body)
                if self.think_s:
                    await asyncio.sleep(self.think_s)
                if answer is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, number) + answer)
                    await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Cut every connection, as a cable that is pulled out."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@asynccontextmanager
async def modbus_server(port: int = 0, listening: socket.socket | None = None) -> AsyncIterator[Server]:
    server = Server()
    if listening:
        listener = await asyncio.start_server(server.serve, sock=listening)
    else:
        listener = await asyncio.start_server(server.serve, "127.0.0.1", port)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        server.cut()


@contextmanager
def serial_line(units: dict[int, Unit]) -> Iterator[str]:
    """Put instruments on a pseudo-terminal, and return the name of its other end."""
    master, slave = os.openpty()
    tty.setraw(master, termios.TCSANOW)
    tty.setraw(slave, termios.TCSANOW)
    name = os.ttyname(slave)
    thread = threading.Thread(target=_serve_line, args=(master, units), daemon=True)
    thread.start()
    try:
        yield name
    finally:
        os.close(slave)
        os.close(master)
        thread.join(1)


def _serve_line(master: int, units: dict[int, Unit]) -> None:
    buffer = b""
    while True:
        try:
            buffer += os.read(master, 256)
        except OSError:
            return
        while len(buffer) >= (size := 7 if buffer[1:2] == b"\x2b" else 8):
            frame, buffer = buffer[:size], buffer[size:]
            assert _crc(frame[:-2]) == frame[-2:]
            unit = units.get(frame[0])
            answer = unit.answer(frame[1:-2]) if unit else None
            if answer is not None:
                body = frame[:1] + answer
                os.write(master, body + _crc(body))


def _crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)
