"""An edge node with its queue, fed by a test, over a real broker."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from vitrine import uplink
from vitrine.installation import Uplink
from vitrine.quality import Test
from vitrine_gateway.clock import Clock
from vitrine_gateway.kernel_clock import KernelClock
from vitrine_gateway.queue import Queue
from vitrine_gateway.reading import Reading, Sample
from vitrine_gateway.record import record_of
from vitrine_gateway.record_bytes import encode
from vitrine_gateway.site import Site
from vitrine_gateway.uplink.edge_node import EdgeNode, Health
from vitrine_gateway.uplink.pace import Pace

from .host import Host, until
from .sites import device, site, tcp, write_profile

GROUP, NODE = "essai", "pi-1"
PACE = Pace(timeout_s=1.0, delay_s=0.2, reconnect_s=1.0, longest_reconnect_s=2.0, rebirth_s=0.5, linger_s=1.0)
Connect = Callable[..., Awaitable[Host]]


class Rig:
    """An edge node with its queue, fed by a test."""

    def __init__(self, folder: Path, site_: Site, pace: Pace = PACE) -> None:
        self.site = site_
        self.clock = Clock(kernel=lambda: KernelClock(True, 0.5))
        self.queue = Queue(folder / "queue", max_bytes=10_000_000, boot="b")
        self.health: Health = {uplink.QUEUE_DEPTH: 1}
        self.node = EdgeNode(site_, self.queue, self.clock, folder, lambda: dict(self.health), pace)
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(self.node.run(self.stop))

    def measure(self, value: float | None = 1.5, tests: int = 0, device_: str = "d") -> int:
        sample = Sample(device_, (Reading("a", time.monotonic(), value, tests),))
        record = record_of(sample, self.clock)
        frame = self.queue.append(encode(record), record.last_ms)
        self.node.offer(frame, record)
        return frame.number

    def be_silent(self, times: int = 1, device_: str = "d") -> None:
        for _ in range(times):
            self.measure(None, int(Test.NO_ANSWER), device_)

    async def end(self) -> None:
        self.stop.set()
        await self.task
        self.queue.close()


def two_devices(folder: Path, port: int, **changes: object) -> Site:
    """Return a site with the devices d and e, and an uplink that differs in some fields."""
    write_profile(folder, ("a", 0, "float32", "holding"), ("b", 2, "float32", "holding"))
    return with_uplink(site(folder, device("d", tcp(1)), device("e", tcp(1)), port=port), **changes)


def with_uplink(site_: Site, **changes: object) -> Site:
    gateway = site_.installation.gateway
    changed: Uplink = dataclasses.replace(gateway.uplink, **changes)  # type: ignore[arg-type]  # the test's own fields
    gateway = dataclasses.replace(gateway, uplink=changed)
    return dataclasses.replace(site_, installation=dataclasses.replace(site_.installation, gateway=gateway))


@asynccontextmanager
async def rig(folder: Path, port: int, pace: Pace = PACE, **changes: object) -> AsyncIterator[Rig]:
    one = Rig(folder, two_devices(folder, port, **changes), pace)
    try:
        yield one
    finally:
        await one.end()


async def soon(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(until, condition)
