"""Where a line is opened: the first endpoint, or the backup; again after each loss, with growing and random waits."""

from __future__ import annotations

import random
import time

from vitrine.installation import Connection
from vitrine_gateway.modbus.client import Client
from vitrine_gateway.modbus.failures import LineDown
from vitrine_gateway.modbus.late import LateAnswers
from vitrine_gateway.modbus.statistics import LineStatistics

_SHORTEST_WAIT, _LONGEST_WAIT = 0.5, 15.0
#: Seconds on the backup until the first endpoint is tried again.
_RETURN = 60.0


class Endpoints:
    """The connection of one line. `client` is the open one, or None."""

    def __init__(self, connection: Connection, late: LateAnswers, statistics: LineStatistics) -> None:
        """Prepare the endpoints of a connection."""
        self._connection, self._late, self._statistics = connection, late, statistics
        self._choices = [(connection.host, connection.port)]
        if connection.backup_host:
            self._choices.append((connection.backup_host, connection.backup_port))
        self.client: Client | None = None
        self._at = self._first = 0
        self._lost = False
        self._wait = _SHORTEST_WAIT
        self._closed_until = 0.0
        self._return_at = 0.0
        self._reason = ""

    async def open(self, timeout: float) -> Client:
        """Return the open client, opened now where needed; LineDown with the reason where that is not possible."""
        if self.client and self.client.connected:
            return await self._returned(timeout) if self._at and time.monotonic() >= self._return_at else self.client
        if time.monotonic() < self._closed_until:
            raise LineDown(self._reason)
        if self.client:
            self._lost = True
            self._drop()
        reasons: list[str] = []
        for choice in (self._first, *(at for at in range(len(self._choices)) if at != self._first)):
            try:
                return self._use(await self._connect(choice, timeout), choice)
            except LineDown as error:
                reasons.append(str(error))
        self._reason = "; ".join(reasons)
        self._closed_until = time.monotonic() + self._wait * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
        self._wait = min(_LONGEST_WAIT, self._wait * 2)
        raise LineDown(self._reason)

    def suspect(self) -> None:
        """The line is open and mute: open it anew, at the other endpoint if there is one."""
        self._lost = True
        self._first = (self._at + 1) % len(self._choices)
        self._drop()

    def give_back(self) -> None:
        """Close the connection for now, which is no loss."""
        self._drop()

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    async def _connect(self, choice: int, timeout: float) -> Client:
        try:
            client = Client(
                self._connection, endpoint=self._choices[choice], late=self._late, statistics=self._statistics
            )
            await client.open(timeout)
        except LineDown:
            self._statistics.failed_connections += 1
            raise
        return client

    def _use(self, client: Client, choice: int) -> Client:
        counts = self._statistics
        counts.connections += 1
        counts.reconnections += self._lost
        counts.connected, counts.on_backup, counts.place = True, choice > 0, client.place
        self.client, self._at, self._first, self._lost = client, choice, 0, False
        self._wait = _SHORTEST_WAIT
        self._return_at = time.monotonic() + _RETURN * random.uniform(0.75, 1.25)  # noqa: S311  # jitter
        return client

    async def _returned(self, timeout: float) -> Client:
        """Try the first endpoint while the backup still serves; stay there where that fails."""
        try:
            client = await self._connect(0, timeout)
        except LineDown:
            self._return_at = time.monotonic() + _RETURN * random.uniform(0.75, 1.25)  # noqa: S311  # jitter
            assert self.client is not None
            return self.client
        self._drop()
        return self._use(client, 0)

    def _drop(self) -> None:
        if self.client:
            self.client.close()
            self.client = None
        self._statistics.connected = False
