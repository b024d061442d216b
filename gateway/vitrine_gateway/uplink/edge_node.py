"""The edge node: connects, waits for its host where it must, is born, listens, and ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from vitrine.errors import VitrineError
from vitrine.logs import logger
from vitrine.uplink import HOST
from vitrine_gateway.clock import Clock
from vitrine_gateway.queue import Frame, Queue
from vitrine_gateway.record import Record
from vitrine_gateway.site import Site
from vitrine_gateway.uplink.bdseq import BirthDeathSequence
from vitrine_gateway.uplink.commands import Commands
from vitrine_gateway.uplink.host_state import HostState
from vitrine_gateway.uplink.identity import Identity
from vitrine_gateway.uplink.inbox import Inbox, warn
from vitrine_gateway.uplink.outbox import Health, Outbox, ranges
from vitrine_gateway.uplink.pace import Pace
from vitrine_gateway.uplink.session import Session, SessionLost
from vitrine_gateway.uplink.status import HostWord, UplinkStatus

__all__ = ["EdgeNode", "Health"]

_log = logger("gateway")
#: Seconds between two looks at what is due, while something waits to be sent, and while nothing does.
_TICK, _IDLE = 0.1, 1.0
_HEALTH_EVERY = 5.0
_SHORTEST_WAIT = 0.5
#: Connections that lasted so many seconds are no failure.
_LONG_ENOUGH = 30.0
_WORDS: dict[bool | None, HostWord] = {True: "online", False: "offline", None: "unknown"}


class HostGone(Exception):  # noqa: N818  # it says what happened
    """The primary host is not online on this broker."""


class EdgeNode:
    """Sends what the queue holds until it is confirmed. All of it happens in one event loop."""

    def __init__(
        self,
        site: Site,
        queue: Queue,
        clock: Clock,
        folder: Path,
        health: Callable[[], Health],
        pace: Pace | None = None,
    ) -> None:
        gateway = site.installation.gateway
        self._uplink, self._name = gateway.uplink, f"{site.installation.slug}.{gateway.node}"
        self._queue, self._health = queue, health
        self._pace = pace or Pace.of(gateway.uplink)
        self._by_broker = gateway.uplink.delivery == "broker"
        self._identity = Identity()
        self._outbox = Outbox(site, queue, clock, self._pace, self._identity, by_broker=self._by_broker)
        self._commands = Commands(self._outbox, queue, self._identity, self._pace.rebirth_s)
        self._bdseq = BirthDeathSequence(folder / "bdseq")
        self._host = HostState(gateway.uplink.primary_host or HOST)
        #: Set when something happened that should be looked at before the next turn.
        self._wake = asyncio.Event()
        self._inbox = Inbox(self._outbox, self._commands, self._identity, self._host, self._look_at_it)
        self._server, self._longest_wait = 0, self._pace.reconnect_s
        self._births, self._reason, self._since = 0, "not connected yet", datetime.now(UTC)

    @property
    def born(self) -> bool:
        """Tell whether the node may send data now."""
        return self._outbox.session is not None

    @property
    def broker(self) -> str:
        """The broker in use, or tried last, as ``host:port``."""
        host, port = self._uplink.servers[self._server]
        return f"{host}:{port}"

    def status(self) -> UplinkStatus:
        """Return how the uplink stands now."""
        now, delivery = time.monotonic(), self._outbox.delivery
        return UplinkStatus(
            connected=self.born,
            broker=self.broker,
            since=self._since,
            reconnects=max(0, self._births - 1),
            in_flight=delivery.in_flight,
            unacked=len(self._queue.pending),
            last_ack_age_s=None if delivery.last_ack is None else now - delivery.last_ack,
            acks=delivery.acks,
            resent=delivery.resent,
            foreign_acks=self._commands.foreign_acks,
            rebirths=self._commands.rebirths,
            host_state=_WORDS[self._host.online],
            devices_lost=self._outbox.presence.lost,
            reason=self._reason,
            conflict=self._identity.sign(now),
        )

    def is_lost(self, device: str) -> bool:
        """Tell whether a device's death was told, or is to be: its silence says nothing new."""
        return self._outbox.presence.is_lost(device)

    def offer(self, frame: Frame, record: Record) -> None:
        """Send a record that was just queued, where that is possible at once."""
        self._outbox.offer(frame, record)

    def devices_changed(self, site: Site) -> None:
        """Take the site's devices as they are now; those that stay as they are notice nothing."""
        with contextlib.suppress(SessionLost):  # the next session is born with them
            self._outbox.change(site)

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until `stop`."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        try:
            while not stop.is_set():
                await self._connect(stop)
        finally:
            stopping.cancel()

    async def _connect(self, stop: asyncio.Event) -> None:
        births = self._births
        try:
            await self._serve(stop)
        except (HostGone, SessionLost, OSError, VitrineError) as error:
            self._note_loss(str(error))
            self._server = (self._server + 1) % len(self._uplink.servers)
            if not (isinstance(error, HostGone) and self._births > births):
                await self._rest(stop)

    def _note_loss(self, reason: str) -> None:
        if reason != self._reason:
            _log.warning("uplink lost", broker=self.broker, reason=reason)
        if self._births and not self._reason:
            self._since = datetime.now(UTC)
        self._reason = reason

    async def _rest(self, stop: asyncio.Event) -> None:
        wait = random.uniform(min(_SHORTEST_WAIT, self._longest_wait), self._longest_wait)  # noqa: S311  # jitter
        self._longest_wait = min(self._longest_wait * 1.5, self._pace.longest_reconnect_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait)

    async def _serve(self, stop: asyncio.Event) -> None:
        number = self._bdseq.take()
        self._identity.use(number)
        will = self._outbox.messages.death(number)
        server = self._uplink.servers[self._server]
        confirmed = (lambda one: self._outbox.confirmed(ranges([one]))) if self._by_broker else None
        session = Session(self._uplink, server, f"vitrine-{self._name}", self._inbox.take, confirmed)
        session.ended.add_done_callback(lambda _: self._wake.set())
        self._host.connected(self.broker)
        farewell = None
        try:
            try:
                refused = await session.open(*will, self._inbox.topics)
            except OSError:
                self._bdseq.give_back(number)
                raise
            self._inbox.check(refused)
            if await self._host_is_there(session, stop):
                farewell = will
                await self._live(session, number, stop)
        except SessionLost:
            farewell = None
            raise
        finally:
            self._outbox.forget()
            await session.close(farewell)

    async def _live(self, session: Session, number: int, stop: asyncio.Event) -> None:
        """Be born, and send until the end; HostGone where the primary host has left."""
        began = time.monotonic()
        self._outbox.begin(session, number, self._health())
        self._births, self._reason, self._since = self._births + 1, "", datetime.now(UTC)
        _log.info("uplink born", broker=self.broker, bdseq=number)
        try:
            await self._stay(session, stop)
            self._outbox.end()
        except SessionLost:
            self._note_end(session, time.monotonic() - began)
            raise
        finally:
            if time.monotonic() - began >= _LONG_ENOUGH:
                self._longest_wait = self._pace.reconnect_s

    async def _stay(self, session: Session, stop: asyncio.Event) -> None:
        next_health = time.monotonic() + _HEALTH_EVERY
        while not stop.is_set():
            await self._turn(_TICK if self._outbox.hurried or self._commands.rebirth_wanted else _IDLE)
            session.tend()
            self._inbox.end_where_another_was_born()
            if self._uplink.primary_host and self._host.online is False:
                raise HostGone(f"the primary host “{self._host.host}” is offline")
            self._give_birth(time.monotonic())
            self._outbox.tick(host_away=self._host.online is False)
            if time.monotonic() >= next_health:
                next_health = time.monotonic() + _HEALTH_EVERY
                self._outbox.tell(self._health())

    async def _turn(self, seconds: float) -> None:
        """Wait for so long, or until something happens."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _host_is_there(self, session: Session, stop: asyncio.Event) -> bool:
        """Wait for the primary host, where there is one; False at `stop`, HostGone to try another broker."""
        several, began = len(self._uplink.servers) > 1, time.monotonic()
        while self._uplink.primary_host and not self._host.online:
            if stop.is_set():
                return False
            if self._reason != (waiting := f"waits for the primary host “{self._host.host}”"):
                _log.info("waits for the primary host", host=self._host.host, broker=self.broker)
                self._reason = waiting
            await self._turn(_TICK)
            session.tend()
            if several and (self._host.online is False or time.monotonic() - began > self._pace.host_wait_s):
                raise HostGone(f"the primary host “{self._host.host}” is not online on {self.broker}")
        return True

    def _note_end(self, session: Session, lasted_s: float) -> None:
        now = time.monotonic()
        warn(self._identity.taken_over(now) if session.taken_over else self._identity.ended(lasted_s, now))

    def _look_at_it(self) -> None:
        self._give_birth(time.monotonic())
        self._wake.set()

    def _give_birth(self, now: float) -> None:
        """Give the birth that a host asked for, where it is time."""
        if self._outbox.session and self._commands.rebirth_due(now):
            self._outbox.birth(self._outbox.session, self._health())
