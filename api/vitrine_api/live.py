"""Live values: one look at the database a second for each installation that someone watches, shared by all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

import psycopg

from vitrine.logs import logger
from vitrine.quality import names
from vitrine_api.database import Pool, lend
from vitrine_api.instants import stamp
from vitrine_api.problems import ApiError
from vitrine_api.statements import CATALOGUE

#: Seconds between two looks at the table `latest`.
PERIOD_S = 1.0
#: Seconds of silence after which a comment line keeps proxies from closing the connection.
HEARTBEAT_S = 15.0
#: Listeners of one server.
LIMIT = 500
#: Looks that a slow listener may lag behind before it is let go; its browser connects again by itself.
_LAG = 30
_BEGIN = b"retry: 2000\n\n"
_HEARTBEAT = b": alive\n\n"

log = logger("api")


class LiveValues:
    """The installations that are being watched."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._watches: dict[int, _Watch] = {}
        self._stopped = False

    def check(self) -> None:
        """Refuse one listener more with problem 503 where there are too many."""
        if sum(len(watch.listeners) for watch in self._watches.values()) >= LIMIT:
            raise ApiError("too-many-listeners", 503, headers={"Retry-After": "30"}, limit=LIMIT)

    async def events(self, installation_id: int) -> AsyncGenerator[bytes]:
        """Yield server-sent events: every last value at once, then those that change; ends when the server stops."""
        yield _BEGIN
        if self._stopped:
            return
        watch = self._watches.get(installation_id)
        if watch is None:
            watch = self._watches[installation_id] = _Watch(self._pool, installation_id)
        queue = watch.join()
        try:
            async with aclosing(_drain(queue)) as events:
                async for event in events:
                    yield event
        finally:
            watch.leave(queue)
            if not watch.listeners:
                self._watches.pop(installation_id, None)
                watch.stop()

    def stop(self) -> None:
        """End every stream; from now on new ones end at once."""
        self._stopped = True
        for watch in self._watches.values():
            watch.stop()
            watch.send(None)


class _Watch:
    """One installation: looks, and tells its listeners what is new."""

    def __init__(self, pool: Pool, installation_id: int) -> None:
        self.listeners: set[asyncio.Queue[bytes | None]] = set()
        self._pool = pool
        self._installation_id = installation_id
        self._known: dict[int, dict[str, Any]] = {}
        self._failing = False
        self._task = asyncio.create_task(self._look_for_ever())

    def join(self) -> asyncio.Queue[bytes | None]:
        """Add a listener; it begins with what is known."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=_LAG)
        if self._known:
            queue.put_nowait(_told(self._known.values()))
        self.listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[bytes | None]) -> None:
        """Forget a listener."""
        self.listeners.discard(queue)

    def stop(self) -> None:
        """Look no more."""
        self._task.cancel()

    def send(self, event: bytes | None) -> None:
        """Hand an event to every listener; None ends the stream, also of one that lags too far behind."""
        for queue in list(self.listeners):
            if event is None or queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    async def _look_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._look()
            # A late look is not made up for.
            due = max(due + PERIOD_S, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _look(self) -> None:
        try:
            async with lend(self._pool) as connection:
                cursor = await connection.execute(CATALOGUE["latest"], {"installation_id": self._installation_id})
                rows = await cursor.fetchall()
        except (psycopg.Error, ApiError) as error:
            if not self._failing:
                log.warning("live values interrupted", reason=str(error), installation_id=self._installation_id)
            self._failing = True
            return
        self._failing = False
        fresh = [row for row in rows if self._known.get(row["channel_id"]) != row]
        self._known = {row["channel_id"]: row for row in rows}
        if fresh:
            self.send(_told(fresh))


async def _drain(queue: asyncio.Queue[bytes | None]) -> AsyncGenerator[bytes]:
    while True:
        try:
            event = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
        except TimeoutError:
            yield _HEARTBEAT
            continue
        if event is None:
            return
        yield event


def _told(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(b"event: latest\ndata: " + json.dumps(_value(row)).encode() + b"\n\n" for row in rows)


def _value(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "channel_id": row["channel_id"],
        "path": row["path"],
        "time": stamp(row["time"]),
        "value": row["value"],
        "quality": row["quality"],
        "tests": names(row["tests"]),
        "received_at": stamp(row["received_at"]),
    }
