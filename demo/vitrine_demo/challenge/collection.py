"""The collecting side of a challenge: the collector's own intake, quality and commit, into a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psycopg
from numpy.typing import NDArray

from vitrine.errors import VitrineError
from vitrine.ranges import Ranges
from vitrine_collector.batch import Batch
from vitrine_collector.commit import Commit
from vitrine_collector.deliveries import deliveries
from vitrine_collector.inbox import Incoming
from vitrine_collector.intake import Intake
from vitrine_collector.limits import Limits
from vitrine_collector.series_quality import SeriesQuality
from vitrine_collector.store import Store
from vitrine_database.queries import Queries
from vitrine_demo.challenge.virtual_time import VirtualTime
from vitrine_simulators.noise import Array

_SQL = Queries("vitrine_demo", "challenge/queries.sql")
#: Rows of one commit. Its size changes no flag: they end as those of one evaluation of the whole series.
_BATCH_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Judged:
    """One channel as the database holds it. Shapes (n,), by time in seconds since 1970 UTC; NaN: no value."""

    time: Array
    value: Array
    quality: NDArray[np.int16]
    tests: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.time)


class Collection:
    """Takes messages in, writes and judges them; all of it in one thread."""

    def __init__(self, url: str, now: VirtualTime, acknowledged: Callable[[Ranges], None]) -> None:
        stopping = threading.Event()
        self._now, self._acknowledged = now, acknowledged
        self._catalogue = Store(url, stopping, name="vitrine challenge births")
        self._measurements = Store(url, stopping, name="vitrine challenge")
        self._series, self._stopping = SeriesQuality(), stopping
        limits = Limits(batch_rows=_BATCH_ROWS, batch_s=float("inf"))
        self._intake = Intake(self._catalogue, self._write, limits)
        self.rows = 0

    def hear(self, topic: str, payload: bytes) -> None:
        """Take a message as it comes from the broker."""
        self._intake.handle(Incoming(topic, payload, self._now()))

    def finish(self) -> None:
        """Write and judge what is left; VitrineError where a message was refused, which no challenge expects."""
        self._intake.finish()
        self._judge()
        if refused := self._intake.counts["refused"]:
            raise VitrineError(f"the collector refused {refused} messages of the challenge")

    def judged(self, slug: str) -> dict[str, Judged]:
        """Return every channel of an installation with its flags, as they lie in the database."""
        return self._measurements.run(
            lambda connection: {
                path: _read(connection, channel_id)
                for path, channel_id in connection.execute(_SQL["channels"], {"slug": slug}).fetchall()
            }
        )

    def close(self) -> None:
        """Close the connections."""
        self._catalogue.close()
        self._measurements.close()

    def _write(self, batch: Batch) -> None:
        commit = Commit(batch)
        self._measurements.run(commit.proceed)
        self.rows += commit.written
        for delivery in deliveries(batch.records).values():
            self._acknowledged(delivery.held)
        self._judge()

    def _judge(self) -> None:
        self._measurements.run(lambda connection: self._series.work(connection, self._stopping))


def _read(connection: psycopg.Connection, channel_id: int) -> Judged:
    rows = connection.execute(_SQL["flags"], {"channel": channel_id}).fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * 4
    time, value = (np.array(column, dtype=np.float64) for column in columns[:2])
    quality, tests = (np.array(column, dtype=np.int16) for column in columns[2:])
    return Judged(time, value, quality, tests)
