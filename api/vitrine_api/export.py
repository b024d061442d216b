"""Measurements as a stream of bytes, made by the database and passed on in blocks: memory does not grow with rows.

The database formats the rows (COPY … TO STDOUT); a thread gathers them into blocks, so that the event loop wakes once
for some thousand rows.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal, Protocol

import psycopg
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from vitrine_api.instants import Period, stamp
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
#: How PostgreSQL ends a time in UTC. No number looks like this: it writes exponents from 15 on.
_ZONE = b"+00,"
#: What JSON has no number for; told as a string, as PostgreSQL itself does.
_NO_NUMBER = re.compile(rb"-?Infinity|NaN")
_PLAIN = re.compile(r"[\w./:-]+")
#: Rows in one block: some 250 kB.
_BLOCK_ROWS = 4000
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


class CopyProducer:
    """CSV or JSON, formatted by the database."""

    def __init__(self, url: str, order: Order, form: Literal["csv", "json"]) -> None:
        self._order = order
        self._form = form
        self._connection = psycopg.connect(
            url, autocommit=True, options="-c timezone=UTC", application_name="vitrine-export", connect_timeout=5
        )

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks until the end."""
        return self._csv() if self._form == "csv" else self._json()

    def cancel(self) -> None:
        """Ask the database to stop."""
        self._connection.cancel_safe(timeout=2)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _csv(self) -> Iterator[bytes]:
        first, *others = self._order.columns
        yield ",".join([first, "channel", *others]).encode() + b"\n"
        for channel in self._order.channels:
            path = channel.path if channel.path.isascii() and _PLAIN.fullmatch(channel.path) else _quoted(channel.path)
            ending = b"Z," + path.encode() + b","
            for block in self._copied(channel):
                yield block.replace(b" ", b"T").replace(_ZONE, ending)

    def _json(self) -> Iterator[bytes]:
        yield _json_head(self._order)
        for number, channel in enumerate(self._order.channels):
            yield (b"," if number else b"") + _json_series(self._order, channel)
            separator = b'\n["'
            for block in self._copied(channel):
                rows = block[:-1].replace(b" ", b"T").replace(_ZONE, b'Z",').replace(b"\n", b'],\n["')
                yield separator + _NO_NUMBER.sub(rb'"\g<0>"', rows) + b"]"
                separator = b',\n["'
            yield b"]}"
        yield b"]}\n"

    def _copied(self, channel: ExportedChannel) -> Iterator[bytes]:
        sql, values = self._order.statement(self._form, channel)
        with self._connection.cursor() as cursor, cursor.copy(sql, values) as copy:
            rows = iter(copy)
            while block := b"".join(islice(rows, _BLOCK_ROWS)):
                yield block


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


def _quoted(text: str) -> str:
    """Quote a field of CSV."""
    return '"' + text.replace('"', '""') + '"'


def _json_head(order: Order) -> bytes:
    values = {
        "installation": order.installation,
        "resolution": order.resolution,
        "from": stamp(order.period.first),
        "to": stamp(order.period.last),
    }
    return json.dumps(values, ensure_ascii=False)[:-1].encode() + b', "series": ['


def _json_series(order: Order, channel: ExportedChannel) -> bytes:
    values = {"channel": channel.path, "unit": channel.unit, "columns": order.columns}
    return b"\n" + json.dumps(values, ensure_ascii=False)[:-1].encode() + b', "rows": ['
