"""The edge node: connects, is born, sends live records first and the backlog beside them, and ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitrine.errors import PayloadError, VitrineError
from vitrine.logs import logger
from vitrine.ranges import Ranges
from vitrine.sparkplug import Message, decode, state_topic
from vitrine.uplink import ACK, HOST, REBIRTH, Ack
from vitrine_gateway.clock import Clock
from vitrine_gateway.queue import Frame, Kind, Queue
from vitrine_gateway.record import Record, Value, marked, restamped
from vitrine_gateway.record import decode as decode_record
from vitrine_gateway.site import Site
from vitrine_gateway.uplink.bdseq import BirthDeathSequence
from vitrine_gateway.uplink.delivery import Delivery, Pace
from vitrine_gateway.uplink.messages import Messages
from vitrine_gateway.uplink.metrics import Catalogue
from vitrine_gateway.uplink.session import Session, SessionLost

_log = logger("gateway")
_TICK = 0.1
_HEALTH_EVERY = 5.0
_LONGEST_WAIT = 5.0

Health = dict[str, str | int | float | None]


class EdgeNode:
    """Sends what the queue holds until it is acknowledged. All of it happens in one event loop."""

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
        self._queue, self._clock, self._health = queue, clock, health
        self._messages = Messages(Catalogue(site), site.installation.slug, gateway.node)
        self._bdseq = BirthDeathSequence(folder / "bdseq")
        self._delivery = Delivery(pace or Pace())
        self._topics = [
            self._messages.topic(Message.NCMD),
            *(self._messages.topic(Message.DCMD, device.key) for device in site.devices),
            state_topic(HOST),
        ]
        self._latest: dict[str, dict[str, Value]] = {}
        self._session: Session | None = None
        self._number = 0
        self._told: Health = {}
        self._host_online: bool | None = None
        self._state_ms = 0

    @property
    def born(self) -> bool:
        """Tell whether the node may send data now."""
        return self._session is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until `stop`."""
        reason = ""
        while not stop.is_set():
            try:
                await self._serve(stop)
            except (SessionLost, OSError, VitrineError) as error:
                if str(error) != reason:
                    reason = str(error)
                    _log.warning("uplink lost", broker=f"{self._uplink.host}:{self._uplink.port}", reason=reason)
            else:
                reason = ""
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), random.uniform(0.5, _LONGEST_WAIT))  # noqa: S311  # jitter

    def offer(self, frame: Frame, record: Record) -> None:
        """Send a record that was just queued, where that is possible at once."""
        self._latest.setdefault(record.device, {}).update({value.channel: value for value in record.values})
        if self._session and not self._clock.may_improve():
            with contextlib.suppress(SessionLost):  # the session ends by itself, and the record is in the queue
                self._send(frame, record, historical=False)

    async def _serve(self, stop: asyncio.Event) -> None:
        self._number = self._bdseq.take()
        will = self._messages.death(self._number)
        session = Session(self._uplink, f"vitrine-{self._name}", self._arrived)
        farewell = None
        try:
            try:
                await session.open(*will, self._topics)
            except OSError:
                self._bdseq.give_back(self._number)
                raise
            self._birth(session)
            self._delivery.start(time.monotonic())
            _log.info("uplink born", broker=f"{self._uplink.host}:{self._uplink.port}", bdseq=self._number)
            await self._stay(session, stop)
            for message in self._messages.device_deaths(self._clock.now_ms()):
                session.publish(*message)
            farewell = will
        finally:
            self._session = None
            await session.close(farewell)

    async def _stay(self, session: Session, stop: asyncio.Event) -> None:
        ending = asyncio.ensure_future(stop.wait())
        either: set[asyncio.Future[Any]] = {session.ended, ending}
        next_health = time.monotonic() + _HEALTH_EVERY
        try:
            while not stop.is_set():
                await asyncio.wait(either, timeout=_TICK, return_when=asyncio.FIRST_COMPLETED)
                session.check()
                self._send_backlog()
                if time.monotonic() >= next_health:
                    next_health = time.monotonic() + _HEALTH_EVERY
                    self._send_health(session)
        finally:
            ending.cancel()

    def _birth(self, session: Session) -> None:
        self._told = self._health()
        births = self._messages.births(
            self._clock.now_ms(), self._number, str(self._queue.epoch), self._told, self._latest
        )
        for message in births:
            session.publish(*message)
        self._session = session

    def _send(self, frame: Frame, record: Record, *, historical: bool) -> None:
        assert self._session is not None
        message = self._messages.data(frame, marked(record), self._clock.now_ms(), historical=historical)
        if message is None:
            self._give_up(frame, "its device is no longer in the installation file")
            return
        self._session.publish(*message)
        self._delivery.sent(frame.number, time.monotonic())

    def _send_backlog(self) -> None:
        if self._session is None or self._host_online is False or self._clock.may_improve():
            return
        numbers = self._delivery.due(self._queue.pending, time.monotonic())
        for frame in self._queue.read(numbers) if numbers else ():
            self._send_again(frame)

    def _send_again(self, frame: Frame) -> None:
        assert self._session is not None
        if frame.kind is Kind.LOSS:
            self._session.publish(*self._messages.loss(frame, self._clock.now_ms(), historical=False))
            self._delivery.sent(frame.number, time.monotonic())
            return
        try:
            record = restamped(decode_record(frame.body), self._clock)
        except PayloadError as error:
            self._give_up(frame, str(error))
            return
        self._send(frame, record, historical=True)

    def _give_up(self, frame: Frame, reason: str) -> None:
        _log.warning("record cannot be sent", record=frame.number, reason=reason)
        self._queue.report_lost(Ranges([(frame.number, frame.number)]), (frame.time_ms, frame.time_ms), reason)

    def _send_health(self, session: Session) -> None:
        now = self._health()
        changed = {name: value for name, value in now.items() if self._told.get(name) != value}
        if changed:
            session.publish(*self._messages.node_data(changed, self._clock.now_ms()))
            self._told = now

    # --- what arrives ------------------------------------------------------------------------------------------------

    def _arrived(self, topic: str, payload: bytes) -> None:
        try:
            if topic == state_topic(HOST):
                self._host_said(payload)
            elif topic == self._messages.topic(Message.NCMD):
                self._commanded(payload)
        except (PayloadError, SessionLost) as error:
            _log.warning("message not understood", topic=topic, reason=str(error))

    def _host_said(self, payload: bytes) -> None:
        try:
            document = json.loads(payload)
            online, at = bool(document["online"]), int(document["timestamp"])
        except (ValueError, KeyError, TypeError) as error:
            raise PayloadError("the host's state is not as Sparkplug wants it") from error
        if at < self._state_ms:
            return
        returned = online and self._host_online is False
        self._host_online, self._state_ms = online, at
        if returned:
            self._delivery.host_returned(time.monotonic())

    def _commanded(self, payload: bytes) -> None:
        for metric in decode(payload).metrics:
            if metric.name == REBIRTH and metric.value is True and self._session:
                _log.info("rebirth asked for")
                self._birth(self._session)
            elif metric.name == ACK and isinstance(metric.value, str):
                self._acknowledged(Ack.from_json(metric.value))

    def _acknowledged(self, ack: Ack) -> None:
        if ack.epoch == self._queue.epoch:
            self._queue.settle(ack.records)
            self._delivery.acknowledged(ack.records)
