"""The instruments of the gateway's benchmark: a process that answers Modbus TCP as fast as it can, and counts.

No two answers are alike, so that nothing which is written of them becomes small by being always the same.
"""

import asyncio
import json
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_REGISTERS = 126
_NOISE = random.Random(1)
_VALUES = struct.pack(">2000f", *(_NOISE.uniform(0, 400) for _ in range(2000)))
_STARTS = range(0, len(_VALUES) - 2 * _REGISTERS, 4)
_HEAD = struct.Struct(">HHHBBHH")


class _Instrument(asyncio.Protocol):
    requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            transaction, _, _, unit, function, _, count = _HEAD.unpack(self._buffer[: _HEAD.size])
            self._buffer = self._buffer[_HEAD.size :]
            _Instrument.requests += 1
            head = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count)
            start = _STARTS[_Instrument.requests * 7 % len(_STARTS)]
            self._transport.write(head + _VALUES[start : start + 2 * count])  # type: ignore[attr-defined]


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Instrument, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(_Instrument.requests), flush=True)


class Instruments:
    """Every unit holds 32-bit floats that change; `requests` tells how many were answered."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port = int(self._line())

    @property
    def requests(self) -> int:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


@contextmanager
def instruments() -> Iterator[Instruments]:
    """Run them until the end of the block."""
    command = [sys.executable, "-m", "benchmarks._instruments"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Instruments(process)
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
