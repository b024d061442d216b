"""The batch that grows while messages come, and what became of each of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import psycopg

from vitrine.errors import PayloadError
from vitrine.logs import logger
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Record, Refused
from vitrine_collector.decoding import Data
from vitrine_collector.faults import reason_of
from vitrine_collector.inbox import Incoming
from vitrine_collector.limits import Limits
from vitrine_collector.store import Stopped
from vitrine_collector.templates import Packed

_log = logger("collector")
#: A batch grows to so many times its size while the writer is busy.
_GROWTH = 4


class Gathering:
    """Gathers what messages hold into batches, and gives each batch that is complete to `hand_over`."""

    def __init__(
        self, hand_over: Callable[[Batch], None], limits: Limits, writer_waits: Callable[[], bool], arrival: Arrival
    ) -> None:
        self._hand_over, self._limits, self._writer_waits = hand_over, limits, writer_waits
        self._arrival = arrival
        self._batch, self._opened = Batch(), 0.0
        #: What became of the messages: their sum is the number received, but for those held behind a hole.
        self.counts: Counter[str] = Counter()

    def guarded(self, incoming: Incoming, work: Callable[[Incoming], None]) -> None:
        """Do what a message asks for; whatever is wrong with it, it is kept with the reason."""
        try:
            work(incoming)
        except Stopped:
            raise
        except PayloadError as error:
            self.refuse(incoming, error.code, error.message)
        except psycopg.Error as error:
            self.refuse(incoming, "database", reason_of(error))
        except UnicodeError as error:
            self.refuse(incoming, "payload-invalid", f"a text in it is not UTF-8: {error}")
        except Exception as error:
            # A mistake of ours must not stop the messages of others; it is kept with the message that shows it.
            _log.exception("message not understood", topic=incoming.topic)
            self.refuse(incoming, "internal", f"{type(error).__name__}: {error}")

    def add(self, record: Record, data: Data | None = None, packed: Packed | None = None) -> None:
        """Take a record with its measurements; of one that is held already only the acknowledgement is due."""
        self.counts["repeated" if record.repeated else "records"] += 1
        if record.repeated:
            self.acknowledge(record)
        else:
            self._open()
            self._batch.add(record, data, packed)

    def acknowledge(self, record: Record) -> None:
        """Take a record of which nothing is written."""
        self._open()
        self._batch.add(record)

    def refuse(self, incoming: Incoming, code: str, reason: str) -> None:
        """Keep a message as refused."""
        self.counts["refused"] += 1
        self.refuse_part(incoming, code, reason)

    def refuse_part(self, incoming: Incoming, code: str, reason: str) -> None:
        """Keep a message that was taken, but for a part of it."""
        self._open()
        self._batch.refused.append(Refused(incoming, code, reason))

    def hand_over_when_full(self) -> None:
        """Hand the batch over if it has its size; the question costs little."""
        if self._batch.size() >= self._limits.batch_rows:
            self.hand_over_when_complete()

    def hand_over_when_complete(self) -> None:
        """Hand the batch over if it has its size or its age."""
        batch, limits = self._batch, self._limits
        if not batch:
            return
        size = batch.size()
        complete = size >= limits.batch_rows or time.monotonic() - self._opened >= limits.batch_s
        # While the writer is busy a batch may grow: fewer and larger transactions are what it needs then.
        if complete and (self._writer_waits() or size >= _GROWTH * limits.batch_rows):
            self.hand_over_now()

    def hand_over_now(self) -> None:
        """Hand the batch over as it is."""
        batch, self._batch = self._batch, Batch()
        if batch:
            batch.judge(self._arrival)
            self._hand_over(batch)

    def _open(self) -> None:
        if not self._batch:
            self._opened = time.monotonic()
