"""Measurements as a stream of bytes, made by the database and passed on in blocks: memory does not grow with rows.

A thread makes the blocks (`copying.py`, `parquet.py`), so that the event loop wakes once for some thousand rows.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from vitrine_api.instants import Period
from vitrine_api.problems import ApiError
from vitrine_api.statements import EXPORT

Resolution = Literal["raw", "1min", "1h", "1d"]
Format = Literal["csv", "json", "parquet"]
MEDIA_TYPES: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
RAW_COLUMNS = ("time", "value", "quality", "tests")
ROLLUP_COLUMNS = ("time", "mean", "min", "max", "last", "count", "good")
#: Exports that one server makes at the same time; each has a connection of its own.
LIMIT = 4
#: Seconds after which a client that takes nothing is let go.
_STALLED_S = 60


@dataclass(frozen=True, slots=True)
class ExportedChannel:
    """A channel to be exported."""

    channel_id: int
    path: str
    unit: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported."""

    installation: str
    channels: Sequence[ExportedChannel]
    period: Period
    resolution: Resolution

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values of one row."""
        return RAW_COLUMNS if self.resolution == "raw" else ROLLUP_COLUMNS

    def statement(self, kind: Literal["csv", "json", "rows"], channel: ExportedChannel) -> tuple[str, dict[str, Any]]:
        """Return the SQL of one channel and its parameters."""
        name = f"{'raw' if self.resolution == 'raw' else f'r{self.resolution}'}_{kind}"
        first, last = self.period.first, self.period.last
        values = {"channel_id": channel.channel_id, "path": channel.path, "first": first, "last": last}
        return EXPORT[name], values


class Producer(Protocol):
    """Makes the blocks of an export in a thread."""

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks until the end."""

    def cancel(self) -> None:
        """Make `blocks` end soon; called from another thread."""

    def close(self) -> None:
        """Give everything back; called when `blocks` no longer runs."""


class Export:
    """One export under way: a producer in a thread, its blocks on the event loop."""

    def __init__(self, producer: Producer, slots: ExportSlots) -> None:
        self._producer = producer
        self._slots = slots
        self._blocks = producer.blocks()
        # Held while the thread works, so that nothing is closed under its feet.
        self._working = threading.Lock()
        self._closed = False
        self._first: bytes | None = None

    async def begin(self) -> None:
        """Make the first rows, so that what fails at once is told as a problem and not as a broken file."""
        self._first = await asyncio.to_thread(self._opening)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the blocks."""
        block = self._first
        while block is not None:
            # The thread makes the next block while this one is on its way.
            following = asyncio.create_task(asyncio.to_thread(self._next))
            try:
                yield block
                block = await following
            finally:
                following.cancel()

    async def close(self) -> None:
        """Stop the thread where it still works, and give everything back; does nothing the second time."""
        if not self._closed:
            self._closed = True
            try:
                await asyncio.shield(asyncio.to_thread(self._stop))
            finally:
                self._slots.free()

    def _opening(self) -> bytes:
        # Head of the file, head of the first series, first rows.
        return b"".join(block for block in (self._next(), self._next(), self._next()) if block)

    def _next(self) -> bytes | None:
        with self._working:
            return None if self._closed else next(self._blocks, None)

    def _stop(self) -> None:
        if not self._working.acquire(blocking=False):
            self._producer.cancel()
            self._working.acquire()
        try:
            self._producer.close()
        finally:
            self._working.release()


class ExportSlots:
    """How many exports are under way."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._used = 0

    def take(self) -> None:
        """Take a slot; problem 503 where none is free."""
        if self._used >= self._limit:
            raise ApiError("too-many-exports", 503, headers={"Retry-After": "5"}, limit=self._limit)
        self._used += 1

    def free(self) -> None:
        """Give a slot back."""
        self._used -= 1


class ExportResponse(StreamingResponse):
    """The answer that carries an export; lets go of a client that takes nothing."""

    def __init__(self, export: Export, form: Format, file_name: str) -> None:
        # Already compressed, or faster than compression would be.
        headers = {
            "Content-Encoding": "identity",
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Cache-Control": "no-cache",
        }
        super().__init__(export.stream(), media_type=MEDIA_TYPES[form], headers=headers)
        self._export = export

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the export, then give back what it held, however it ended."""

        async def patiently(message: Message) -> None:
            await asyncio.wait_for(send(message), _STALLED_S)

        try:
            await super().__call__(scope, receive, patiently)
        finally:
            await self._export.close()


def file_name(order: Order, form: Format) -> str:
    """Return a name that says what the file holds, in letters that every system takes."""

    def day(instant: datetime) -> str:
        return instant.strftime("%Y%m%dT%H%M%SZ")

    period = f"{day(order.period.first)}-{day(order.period.last)}"
    return f"{order.installation}_{order.resolution}_{period}.{form}"
