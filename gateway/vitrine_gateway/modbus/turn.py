"""Whose turn it is on a line: the gateway's own requests in the order they came, guests in between."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Own requests that may go before a guest who waits, so that a busy line does not shut guests out.
_BEFORE_GUEST = 4


class Turn:
    """A lock with two queues. Devices that wait are served one request each in turn."""

    def __init__(self) -> None:
        self._busy = False
        self._own: deque[asyncio.Future[None]] = deque()
        self._guests: deque[asyncio.Future[None]] = deque()
        self._passed = 0

    @property
    def idle(self) -> bool:
        """Tell whether nobody holds the line or waits for it."""
        return not self._busy

    @asynccontextmanager
    async def taken(self, *, own: bool) -> AsyncIterator[None]:
        """Hold the line for one request."""
        if self._busy:
            await self._wait(self._own if own else self._guests)
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, queue: deque[asyncio.Future[None]]) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in queue:
                queue.remove(place)
            elif not place.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give the line to the next; it stays busy meanwhile, so that nobody slips in."""
        guest_first = self._guests and (not self._own or self._passed >= _BEFORE_GUEST)
        queue = self._guests if guest_first else self._own
        while queue:
            place = queue.popleft()
            if not place.done():
                self._passed = 0 if guest_first or not self._guests else self._passed + 1
                place.set_result(None)
                return
        if self._own or self._guests:
            self._pass_on()
            return
        self._busy = False
