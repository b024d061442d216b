"""Telling the disk to keep what was appended, so that a power cut takes no more than the loss window."""

from __future__ import annotations

import asyncio
import contextlib
import time

from vitrine.logs import logger
from vitrine_gateway.clock import Clock
from vitrine_gateway.mqtt.deliveries import Deliveries
from vitrine_gateway.queue import Queue

_log = logger("gateway")


def pause_s(window_s: float, took_s: float) -> float:
    """Return how long to wait after a flush that took so long; half the window at least, however slow the disk is.

    What comes just after a flush began is safe at the end of the next one: one pause and two flushes later.
    """
    return max(window_s / 2, window_s - 2 * took_s)


class Flushing:
    """Flushes a queue again and again; `hurry` asks for it without waiting."""

    def __init__(
        self, queue: Queue, deliveries: Deliveries, clock: Clock, window_s: float, hurry: asyncio.Event
    ) -> None:
        self._queue, self._deliveries, self._clock = queue, deliveries, clock
        self._window_s, self._hurry = window_s, hurry
        self._flushed = -1

    async def run(self) -> None:
        """Flush until cancelled."""
        pause = self._window_s
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._hurry.wait()
            self._hurry.clear()
            began = time.monotonic()
            committed = self._deliveries.committing()
            if await self._flush():
                committed()
                known = self._clock.state().source != "uncertain"
                self._queue.maintain(self._clock.now_ms() if known else None)
                pause = pause_s(self._window_s, time.monotonic() - began)
            else:
                self._deliveries.await_commit(committed)
                await asyncio.sleep(self._window_s)

    async def _flush(self) -> bool:
        """Wait until the disk has what was written; False where it does not confirm that."""
        if self._queue.bytes_written == self._flushed:
            return True
        self._queue.fill()
        written = self._queue.bytes_written
        try:
            await asyncio.to_thread(self._queue.flush)
        except OSError as error:
            _log.error("the disk does not confirm what was written", reason=str(error))
            return False
        self._flushed = written
        return True
