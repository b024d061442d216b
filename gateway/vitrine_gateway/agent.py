"""The agent: instruments → queue on disk → uplink, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from pathlib import Path

from vitrine import uplink
from vitrine.logs import logger
from vitrine_gateway.clock import Clock
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.queue import Queue
from vitrine_gateway.reading import Sample
from vitrine_gateway.record import encode, record_of
from vitrine_gateway.site import Site
from vitrine_gateway.uplink.delivery import Pace
from vitrine_gateway.uplink.edge_node import EdgeNode, Health

_log = logger("gateway")


class Agent:
    """One gateway. A device that does not answer is no reason not to start."""

    def __init__(self, site: Site, data_dir: Path, *, pace: Pace | None = None) -> None:
        installation = site.installation
        self._settings = installation.gateway.queue
        folder = data_dir / f"{installation.slug}.{installation.gateway.node}"
        self._clock = Clock()
        self._queue = Queue(folder / "queue", max_bytes=self._settings.max_bytes, boot=self._clock.boot.hex())
        self._instruments = Instruments(site, self._take)
        self._node = EdgeNode(site, self._queue, self._clock, folder, self._health, pace)
        self._unwritten = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then make everything safe."""
        reading = asyncio.create_task(self._instruments.run())
        flushing = asyncio.create_task(self._flush())
        uplink_ = asyncio.create_task(self._node.run(stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({reading, flushing, uplink_, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            for task in (reading, flushing):
                task.cancel()
            for task in (reading, flushing, uplink_):
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        finally:
            stopping.cancel()
            self._queue.close()
            _log.info("gateway stopped", waiting=len(self._queue.pending))

    def _take(self, sample: Sample) -> None:
        record = record_of(sample, self._clock)
        try:
            frame = self._queue.append(encode(record), record.last_ms)
        except OSError as error:
            self._unwritten += 1
            if self._unwritten & (self._unwritten - 1) == 0:  # the 1st, 2nd, 4th, 8th …
                _log.error("the disk does not take a record", reason=str(error), so_far=self._unwritten)
            return
        self._node.offer(frame, record)

    async def _flush(self) -> None:
        written = -1
        while True:
            await asyncio.sleep(self._settings.flush_s)
            if self._queue.bytes_written != written:
                written = self._queue.bytes_written
                await asyncio.to_thread(self._queue.flush)
            self._queue.maintain()

    def _health(self) -> Health:
        clock, oldest = self._clock.state(), self._queue.oldest_ms()
        failing = self._instruments.failing()
        if self._unwritten:
            failing[""] = f"{self._unwritten} records could not be written to the disk"
        return {
            uplink.QUEUE_DEPTH: len(self._queue.pending),
            uplink.QUEUE_OLDEST: max(0.0, round(time.time() - oldest / 1000, 1)) if oldest is not None else 0.0,
            uplink.QUEUE_BYTES: self._queue.size,
            uplink.CLOCK_SOURCE: clock.source,
            uplink.CLOCK_OFFSET: clock.offset_ms,
            uplink.DEVICES_FAILING: json.dumps(failing, ensure_ascii=False),
        }


async def run_agent(site: Site, data_dir: Path) -> None:
    """Run a gateway until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    agent = Agent(site, data_dir)
    _log.info("gateway started", installation=site.installation.slug, devices=len(site.devices))
    await agent.run(stop)
