"""The table of messages that could not be used."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from vitrine.errors import PayloadError, VitrineError
from vitrine.sparkplug import Metric, decode
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/rejections.sql")


@dataclass(frozen=True, slots=True)
class Rejection:
    """One message that could not be used, and why."""

    rejected_id: int
    received_at: datetime.datetime
    topic: str
    payload: bytes
    code: str
    reason: str


def newest(connection: psycopg.Connection, most: int) -> list[Rejection]:
    """Return the newest ones, the newest first."""
    with connection.cursor(row_factory=class_row(Rejection)) as cursor:
        return cursor.execute(_SQL["newest"], {"most": most}).fetchall()


def count(connection: psycopg.Connection) -> int:
    """Count those that are kept."""
    return _number(connection, "count")


def dropped(connection: psycopg.Connection) -> int:
    """Count those that had to go, as too many newer ones came."""
    return _number(connection, "dropped")


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(_SQL[query]).fetchone()
    assert row is not None
    return int(row[0])


def one(connection: psycopg.Connection, rejected_id: int) -> Rejection:
    """Return one; VitrineError where there is none of that number."""
    with connection.cursor(row_factory=class_row(Rejection)) as cursor:
        found = cursor.execute(_SQL["one"], {"id": rejected_id}).fetchone()
    if found is None:
        raise VitrineError(
            f"there is no refused message number {rejected_id}",
            hint="See the numbers with: vitrine collector rejected list",
        )
    return found


def numbers(connection: psycopg.Connection, code: str = "") -> list[int]:
    """Return the numbers of those of one code, or of all, the oldest first."""
    return [number for (number,) in connection.execute(_SQL["numbers"], {"code": code})]


def remove(connection: psycopg.Connection, item: Rejection) -> None:
    """Take one off the list, as it is written now."""
    connection.execute(_SQL["remove"], {"id": item.rejected_id})


def readable(payload: bytes) -> str:
    """Return what a payload holds as text: its metrics where it is Sparkplug B, else its bytes."""
    try:
        metrics = decode(payload).metrics
    except (PayloadError, UnicodeDecodeError):
        metrics = ()
    return "\n".join(map(_line, metrics)) if metrics else _dump(payload)


def _line(metric: Metric) -> str:
    name = metric.name or f"alias {metric.alias}"
    properties = "".join(f"  {key}={item.value!r}" for key, item in metric.properties.items())
    return f"{name} @ {metric.timestamp}: {metric.refused or repr(metric.value)}{properties}"


def _dump(payload: bytes) -> str:
    lines = []
    for start in range(0, len(payload), 16):
        part = payload[start : start + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<47}  {shown}")
    return "\n".join(lines)
