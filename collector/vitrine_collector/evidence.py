"""What is kept beside the measurements: last values, hours to compute again, which records are held, lost, refused."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from vitrine.ranges import Ranges
from vitrine_collector.batch import Part, Record, Refused
from vitrine_collector.deliveries import Delivery, Queue, deliveries
from vitrine_collector.rows import Rows
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/commit.sql")
_HOUR_US = 3_600_000_000
#: A value from further ahead is no last value: it would hide those that come until then.
_AHEAD_US = _HOUR_US
#: Refused messages that are kept; a flood of them must not fill the disk.
REJECTED_MOST = 100_000
#: Installation ids and, beside each, an hour since 1970.
Hours = tuple[NDArray[np.int32], NDArray[np.int64]]


class Evidence:
    """Writes it, in the transaction of the batch."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def measured(self, records: list[Record], rows: Rows, hours: Hours) -> None:
        """Note what follows from new measurements, which are ordered by channel and time, and touch these hours."""
        if len(rows):
            received_us = int(max(record.message.received_s for record in records) * 1e6)
            self._latest(rows, received_us)
            self._connection.execute(_SQL["add_stale_hours"], {"installations": hours[0], "hours": hours[1]})
        self._many(
            "add_loss",
            [
                {
                    "gateway": record.origin.gateway_id,
                    "epoch": record.loss.epoch,
                    "records": multirange(record.loss.records),
                    "first": record.loss.first_ms,
                    "last": record.loss.last_ms,
                    "reason": record.loss.reason,
                    "statistics": Jsonb(record.loss.statistics) if record.loss.statistics else None,
                }
                for record in records
                if record.loss is not None
            ],
        )
        health: dict[int, dict[str, object]] = {}
        for record in records:
            if record.health:
                health.setdefault(record.origin.gateway_id, {}).update(record.health)
        self._many(
            "update_health",
            [{"gateway": gateway, "health": Jsonb(values)} for gateway, values in sorted(health.items())],
        )

    def came_late(self, part: Part) -> None:
        """Count, by channel and hour, what came late or was dated afterwards; nearly always there is nothing of it."""
        late, restamped = part.late, part.restamped
        chosen = late | restamped
        if not chosen.any():
            return
        rows = part.rows[chosen]
        pairs, places = np.unique(
            rows.channel_id.astype(np.int64) << 32 | rows.time_us // _HOUR_US, return_inverse=True
        )
        self._connection.execute(
            _SQL["add_late"],
            {
                "channels": (pairs >> 32).astype(np.int32),
                "hours": pairs & 0xFFFFFFFF,
                "late": np.bincount(places, late[chosen]).astype(np.int64),
                "restamped": np.bincount(places, restamped[chosen]).astype(np.int64),
            },
        )

    def delivered(self, records: list[Record]) -> None:
        """Note which records are held, and that their gateways live; in one order, so that two writers lock alike."""
        seen: dict[int, float] = {}
        lost: dict[Queue, Ranges] = {}
        for record in records:
            gateway, received_s = record.origin.gateway_id, record.message.received_s
            if received_s > seen.get(gateway, 0.0):
                seen[gateway] = received_s
            if record.loss is not None:
                _add_all(lost.setdefault((record.origin.gateway_id, record.loss.epoch), Ranges()), record.loss.records)
        came = deliveries(records)
        self._held(came, lost)
        self._dated(came)
        if seen:
            gateways = sorted(seen)
            self._connection.execute(
                _SQL["update_seen"], {"gateways": gateways, "seen": [_moment(seen[gateway]) for gateway in gateways]}
            )

    def _held(self, came: Mapping[Queue, Delivery], lost: Mapping[Queue, Ranges]) -> None:
        queues = sorted(came.keys() | lost.keys())
        if not queues:
            return
        self._connection.execute(
            _SQL["add_delivery"],
            {
                "gateways": [gateway for gateway, _ in queues],
                "epochs": [epoch for _, epoch in queues],
                "held": [multirange(came[queue].held if queue in came else ()) for queue in queues],
                "lost": [multirange(lost.get(queue, ())) for queue in queues],
                "repeated": [came[queue].repeated if queue in came else 0 for queue in queues],
            },
        )

    def _dated(self, came: Mapping[Queue, Delivery]) -> None:
        rows = sorted(
            (*queue, source, multirange(Ranges.of(numbers)))
            for queue, delivery in came.items()
            for source, numbers in delivery.by_source.items()
        )
        if rows:
            names = ("gateways", "epochs", "sources", "records")
            self._connection.execute(
                _SQL["add_time_source"], dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
            )

    def refused(self, messages: Iterable[Refused]) -> None:
        """Keep what cannot be used; of more than `REJECTED_MOST`, the newest, and the number of the others."""
        kept = [
            {
                "received": _moment(refused.message.received_s),
                "topic": _storable(refused.message.topic),
                "payload": refused.message.payload,
                "code": refused.code,
                "reason": _storable(refused.reason),
            }
            for refused in messages
        ]
        self._many("add_rejected", kept)
        if kept:
            self._connection.execute(_SQL["drop_rejected"], {"most": REJECTED_MOST})

    def _latest(self, rows: Rows, received_us: int) -> None:
        rows = rows[rows.time_us <= received_us + _AHEAD_US]
        if not len(rows):
            return
        rows = rows[np.append(rows.channel_id[1:] != rows.channel_id[:-1], True)]
        self._connection.execute(
            _SQL["update_latest"],
            {
                "channels": rows.channel_id,
                "times": rows.time_us,
                "values": rows.value,
                "qualities": rows.quality,
                "tests": rows.tests,
                "received": received_us,
            },
        )

    def _many(self, query: str, parameters: list[dict[str, Any]]) -> None:
        if parameters:
            with self._connection.cursor() as cursor:
                cursor.executemany(_SQL[query], parameters)


def hours_of(rows: Rows, installations: NDArray[np.int64]) -> Hours:
    """Return the installations and hours that measurements touch, each pair once."""
    # Both in one number: sorting numbers is quicker than sorting pairs.
    found = np.unique(installations << 32 | rows.time_us // _HOUR_US)
    return (found >> 32).astype(np.int32), found & 0xFFFFFFFF


def multirange(ranges: Iterable[tuple[int, int]]) -> str:
    """Write a set of numbers as PostgreSQL's ``int8multirange``."""
    return "{" + ",".join(f"[{first},{last}]" for first, last in ranges) + "}"


def _add_all(target: Ranges, ranges: Ranges) -> None:
    for first, last in ranges:
        target.add(first, last)


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _storable(text: str) -> str:
    """Write out what PostgreSQL's text cannot hold."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
