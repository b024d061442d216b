"""Batches on their way into the database, one after another; what is committed is acknowledged."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vitrine.logs import logger
from vitrine.uplink import Ack
from vitrine_collector.batch import Batch
from vitrine_collector.commit import Commit
from vitrine_collector.deliveries import deliveries
from vitrine_collector.host import Host
from vitrine_collector.store import Stopped, Store

_log = logger("collector")


@dataclass(slots=True)
class Totals:
    """What was written since the start."""

    batches: int = 0
    messages: int = 0
    rows: int = 0
    acknowledged: int = 0
    refused: int = 0
    #: Seconds from arrival to commit of the oldest message of the last batch.
    age_s: float = 0.0


class Outbox:
    """Takes batches from one thread, with room for one, and writes them in another."""

    def __init__(self, store: Store, host: Host, abandon: threading.Event) -> None:
        """Take where to write, who acknowledges, and what is set when the end may not wait for the database."""
        self._store, self._host, self._abandon = store, host, abandon
        self._handed: queue.Queue[Batch | None] = queue.Queue(maxsize=1)
        self.totals = Totals()
        #: Told of each batch once it is committed.
        self.written: Callable[[Batch], None] = lambda _: None

    @property
    def waits(self) -> bool:
        """Tell whether it has no batch to go on with."""
        return self._handed.empty()

    def hand_over(self, batch: Batch | None) -> None:
        """Give a batch, waiting until there is room for it; None is the last. Stopped where there will be none."""
        while True:
            try:
                self._handed.put(batch, timeout=0.5)
            except queue.Full:
                if self._abandon.is_set():
                    raise Stopped from None
            else:
                return

    def run(self) -> None:
        """Write until the last."""
        while (batch := self._take_over()) is not None:
            commit = Commit(batch)
            self._store.run(commit.proceed)
            self.written(batch)
            self._acknowledge(batch)
            self._count(batch, commit)

    def _take_over(self) -> Batch | None:
        while True:
            try:
                return self._handed.get(timeout=0.5)
            except queue.Empty:
                if self._abandon.is_set():  # the intake may have failed, and hands nothing over any more
                    raise Stopped from None

    def _acknowledge(self, batch: Batch) -> None:
        for (_, epoch), delivery in deliveries(batch.records).items():
            held = delivery.held
            if self._host.acknowledge(delivery.node, Ack(epoch, held)):
                self.totals.acknowledged += len(held)

    def _count(self, batch: Batch, commit: Commit) -> None:
        totals = self.totals
        totals.batches += 1
        totals.messages += len(batch.records) + len(batch.refused)
        totals.rows += commit.written
        totals.refused += len(batch.refused) + commit.refused
        if batch.records:
            totals.age_s = time.time() - batch.records[0].message.received_s
        _log.debug("batch written", records=len(batch.records), rows=commit.written, age_s=round(totals.age_s, 3))
