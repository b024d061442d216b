"""The agent: instruments → queue on disk → uplink, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from vitrine.errors import ConfigurationError, VitrineError
from vitrine.logs import logger
from vitrine_gateway.clock import Clock
from vitrine_gateway.flushing import Flushing
from vitrine_gateway.health.page import Page
from vitrine_gateway.health.snapshot import Snapshot
from vitrine_gateway.health.vitals import Vitals
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.modbus.proxy import ModbusProxy
from vitrine_gateway.mqtt.deliveries import Deliveries
from vitrine_gateway.mqtt.memory import Memory
from vitrine_gateway.mqtt.subscriptions import Subscriptions
from vitrine_gateway.queue import Queue
from vitrine_gateway.reading import Sample
from vitrine_gateway.record import record_of
from vitrine_gateway.record_bytes import encode
from vitrine_gateway.service_manager import ServiceManager
from vitrine_gateway.site import Site, load_site, runnable_site
from vitrine_gateway.uplink.delivery import Pace
from vitrine_gateway.uplink.edge_node import EdgeNode, Health

_log = logger("gateway")


class Agent:
    """One gateway. A device that does not answer is no reason not to start."""

    def __init__(
        self, site: Site, data_dir: Path, *, pace: Pace | None = None, left_out: Mapping[str, str] | None = None
    ) -> None:
        installation = site.installation
        self._site, self.left_out = site, dict(left_out or {})
        settings = installation.gateway.queue
        folder = data_dir / f"{installation.slug}.{installation.gateway.node}"
        self._clock = Clock()
        hurry = asyncio.Event()
        self._deliveries = Deliveries(hurry.set, Subscriptions(folder / "subscriptions.json"))
        self._memory = Memory(folder / "sensors.json", folder / "queue", self._deliveries, site.sensors)
        self._queue = Queue(
            folder / "queue",
            max_bytes=settings.max_bytes,
            boot=self._clock.boot.hex(),
            max_age_s=settings.max_age_s,
            keep_free=settings.keep_free,
            before_removal=self._memory.keep,
        )
        self._flushing = Flushing(self._queue, self._deliveries, self._clock, settings.flush_s, hurry)
        self._instruments = Instruments(site, self._take, deliveries=self._deliveries)
        proxy = installation.gateway.proxy
        self._proxy = ModbusProxy(proxy, installation.devices, self._instruments.line_of) if proxy else None
        self._node = EdgeNode(site, self._queue, self._clock, folder, self._health, pace)
        self._folder, self._place = folder, installation.gateway.health
        self._vitals = Vitals(site, self._instruments, self._queue, self._clock, folder)
        self._vitals.faults.update(self.left_out)
        self._page = Page(self.snapshot)
        self._manager = ServiceManager()
        self._unwritten = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then make everything safe."""
        await self._open_page()
        reading = asyncio.create_task(self._instruments.run())
        flushing = asyncio.create_task(self._flushing.run())
        serving = asyncio.create_task(self._serve())
        uplink_ = asyncio.create_task(self._node.run(stop))
        stopping = asyncio.create_task(stop.wait())
        watching = asyncio.create_task(self._manager.watch(self._instruments.stuck, self._word))
        try:
            await asyncio.wait({reading, flushing, serving, uplink_, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            self._manager.tell("STOPPING=1")
            for task in (reading, flushing, serving, watching):
                task.cancel()
            for task in (reading, flushing, serving, watching, uplink_):
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        finally:
            stopping.cancel()
            self._page.close()
            self._queue.close()
            _log.info("gateway stopped", waiting=len(self._queue.pending))

    async def _serve(self) -> None:
        """Let the owner's own programs read through our lines, where the installation says so."""
        if self._proxy:
            await self._proxy.run()
        else:
            await asyncio.get_running_loop().create_future()

    def _take(self, sample: Sample) -> bool:
        """Keep a sample; False where the disk does not take it."""
        if not sample.answered and self._node.is_lost(sample.device):
            return True  # the device's death was told; its silence says nothing more
        record = record_of(sample, self._clock)
        try:
            frame = self._queue.append(encode(record), record.last_ms)
        except OSError as error:
            self._unwritten += 1
            if self._unwritten & (self._unwritten - 1) == 0:  # the 1st, 2nd, 4th, 8th …
                _log.error("the disk does not take a record", reason=str(error), so_far=self._unwritten)
            return False
        self._memory.upto = frame.number
        self._node.offer(frame, record)
        return True

    def _health(self) -> Health:
        if self._proxy and self._proxy.failure:
            self._vitals.faults["gateway.proxy"] = self._proxy.failure
        else:
            self._vitals.faults.pop("gateway.proxy", None)
        return self._vitals.metrics()

    def _word(self) -> str:
        failing = self._instruments.failing()
        told = f"{len(self._queue.pending)} records waiting"
        return f"{told}; failing: {', '.join(failing)}" if failing else told

    def reload(self, path: Path) -> None:
        """Read the installation file again; devices that stay as they are notice nothing. Mistakes change nothing."""
        self._manager.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            site = load_site(path)
            self._check_same(site)
        except VitrineError as error:
            _log.error("the file is not taken", reason=error.message, mistakes=[str(one) for one in error.problems])
        else:
            changed = self._instruments.change(site)
            self._vitals.change(site)
            self._node.devices_changed(site)
            for key in self.left_out:
                self._vitals.faults.pop(key, None)
            _log.info("file read again", changed=changed)
        self._manager.tell("READY=1")

    def _check_same(self, site: Site) -> None:
        """Raise where more than devices changed: that needs another start."""
        ours, theirs = self._site.installation, site.installation
        if (ours.slug, ours.gateway) != (theirs.slug, theirs.gateway):
            raise ConfigurationError(
                "[installation] slug or [gateway] changed, which a reload cannot follow",
                hint="Start the gateway again: systemctl restart vitrine-gateway",
            )

    def snapshot(self) -> Snapshot:
        """Return everything that is known at this moment."""
        return self._vitals.snapshot(self._node.status())

    async def _open_page(self) -> None:
        """Show the health; a port that is taken is no reason not to measure."""
        await self._page.listen_locally(self._folder)
        if where := self._place:
            try:
                await self._page.listen(where.host, where.port)
            except ConfigurationError as error:
                self._vitals.faults["gateway.health"] = error.message
                _log.error("no health page", reason=error.message, hint=error.hint)


async def run_agent(path: Path, data_dir: Path) -> None:
    """Run a gateway until SIGTERM or SIGINT; SIGHUP makes it read its file again.

    A device with mistakes is left out and named; the others are measured.
    """
    site, problems = runnable_site(path)
    left_out = {problem.key.split(".")[0]: problem.message for problem in reversed(problems)}
    for problem in problems:
        _log.error("device left out", mistake=str(problem))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    agent = Agent(site, data_dir, left_out=left_out)
    loop.add_signal_handler(signal.SIGHUP, agent.reload, path)
    _log.info("gateway started", installation=site.installation.slug, devices=len(site.devices))
    await agent.run(stop)
