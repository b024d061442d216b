"""One line or connection: one master on it, its devices in turn, opened again after each loss."""

from __future__ import annotations

import asyncio
import random
import time

from vitrine.installation import Connection
from vitrine_gateway.modbus.client import Client, LineDown
from vitrine_gateway.modbus.plan import Request

_SHORTEST_WAIT, _LONGEST_WAIT = 0.5, 15.0
#: Silence after a serial line was closed for a time-out, so that a late answer dies out.
_QUIET = 0.1


def line_key(connection: Connection) -> tuple[str, str, int]:
    """Return what devices on the same line have in common."""
    if connection.transport == "rtu":
        return ("rtu", connection.serial_port, 0)
    return ("tcp", connection.host, connection.port)


class Line:
    """Sends requests one after the other, whichever device they are for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client: Client | None = None
        self._turn = asyncio.Lock()
        self._wait = _SHORTEST_WAIT
        self._closed_until = 0.0
        self._reason = ""

    async def read(self, request: Request, unit: int, timeout: float) -> tuple[list[int], float]:
        """Return the registers and the instant in the middle of the request; NoAnswer or Refused otherwise."""
        async with self._turn:
            client = await self._open(timeout)
            before = time.monotonic()
            words = await client.read(request.table, request.first, request.count, unit, timeout)
            return words, (before + time.monotonic()) / 2

    def close(self) -> None:
        """Close the line for good."""
        if self._client:
            self._client.close()
            self._client = None

    async def _open(self, timeout: float) -> Client:
        if self._client and self._client.connected:
            return self._client
        if time.monotonic() < self._closed_until:
            raise LineDown(self._reason)
        reopened = self._client is not None
        self.close()
        client = Client(self._connection)
        if reopened and self._connection.transport == "rtu":
            await asyncio.sleep(_QUIET)
        try:
            await client.open(timeout)
        except LineDown as error:
            client.close()
            self._reason = str(error)
            self._closed_until = time.monotonic() + self._wait * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
            self._wait = min(_LONGEST_WAIT, self._wait * 2)
            raise
        self._wait = _SHORTEST_WAIT
        self._client = client
        return client
