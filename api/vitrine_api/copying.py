"""CSV and JSON from the database's COPY … TO STDOUT: the database formats the numbers, the rest is done in blocks."""

from __future__ import annotations

import json
import re
import selectors
from collections.abc import Iterator
from typing import Literal

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from vitrine_api.export import ExportedChannel, Order
from vitrine_api.instants import stamp

#: How PostgreSQL ends a time in UTC. No number looks like this: it writes exponents from 15 on.
_ZONE = b"+00,"
#: What JSON has no number for; told as a string, as PostgreSQL itself does.
_NO_NUMBER = re.compile(rb"-?Infinity|NaN")
_PLAIN = re.compile(r"[\w./:-]+")
#: Size of one block, at least.
_BLOCK_BYTES = 256 * 1024


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
                if b"N" in rows or b"I" in rows:
                    rows = _NO_NUMBER.sub(rb'"\g<0>"', rows)
                yield separator + rows + b"]"
                separator = b',\n["'
            yield b"]}"
        yield b"]}\n"

    def _copied(self, channel: ExportedChannel) -> Iterator[bytes]:
        sql, values = self._order.statement(self._form, channel)
        return copied(self._connection, psycopg.ClientCursor(self._connection).mogrify(sql, values))


def copied(connection: psycopg.Connection, statement: str) -> Iterator[bytes]:
    """Yield what a COPY … TO STDOUT gives, in blocks of whole rows.

    On libpq's own calls: psycopg's iterator costs as much as everything else together.
    """
    libpq = connection.pgconn
    started = libpq.exec_(statement.encode())
    if started.status != ExecStatus.COPY_OUT:
        raise error_from_result(started)
    with selectors.DefaultSelector() as arrival:
        arrival.register(libpq.socket, selectors.EVENT_READ)
        # Rows are copied at once: kept one by one until the block is full, they would cost twice the time.
        block = bytearray()
        while (row := libpq.get_copy_data(1))[0] >= 0:
            if row[0] == 0:
                arrival.select()
                libpq.consume_input()
                continue
            block += row[1]
            if len(block) >= _BLOCK_BYTES:
                yield bytes(block)
                block.clear()
    ended = libpq.get_result()
    if ended is not None and ended.status != ExecStatus.COMMAND_OK:
        raise error_from_result(ended)
    while libpq.get_result() is not None:
        pass  # libpq takes the next statement only after the last result
    if block:
        yield bytes(block)


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
