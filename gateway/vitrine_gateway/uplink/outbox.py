"""What goes out in one session: births, live records, the backlog beside them, losses, health and deaths."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Protocol

from vitrine import uplink
from vitrine.errors import PayloadError
from vitrine.logs import logger
from vitrine.ranges import Ranges
from vitrine_gateway.clock import Clock
from vitrine_gateway.queue import Frame, Kind, Queue
from vitrine_gateway.record import Record, Value, marked, restamped
from vitrine_gateway.record_bytes import decode as decode_record
from vitrine_gateway.site import Site
from vitrine_gateway.uplink.delivery import Delivery
from vitrine_gateway.uplink.hopeless import Hopeless
from vitrine_gateway.uplink.identity import Identity
from vitrine_gateway.uplink.messages import Messages
from vitrine_gateway.uplink.metrics import Catalogue
from vitrine_gateway.uplink.pace import Pace
from vitrine_gateway.uplink.presence import Presence
from vitrine_gateway.uplink.session import SessionLost

_log = logger("gateway")
#: Seconds for which live records are gathered, so that those of one moment leave together.
_GATHER_S = 0.05

Health = dict[str, str | int | float | None]


class Carrier(Protocol):
    """What takes messages away: a session with a broker."""

    @property
    def busy(self) -> bool:
        """Tell whether the backlog should wait."""

    @property
    def stuck(self) -> bool:
        """Tell whether live records should wait too."""

    def publish(self, topic: str, payload: bytes, qos: int = 0, number: int = 0) -> object:
        """Take a message; SessionLost where that is not possible."""


class Outbox:
    """Sends in the session that it is given, in one order: the sequence number of a message is its place."""

    def __init__(
        self, site: Site, queue: Queue, clock: Clock, pace: Pace, identity: Identity, *, by_broker: bool
    ) -> None:
        self._catalogue = Catalogue(site, queue.epoch)
        self.messages = Messages(self._catalogue, site.installation.slug, site.installation.gateway.node)
        self.delivery, self.presence = Delivery(pace), Presence()
        self._queue, self._clock, self._pace, self._identity = queue, clock, pace, identity
        #: Whether the broker's word takes a record off the queue; its messages are then sent at QoS 1.
        self._qos = 1 if by_broker else 0
        self.session: Carrier | None = None
        self._bdseq, self._told = 0, Health()
        self._latest: dict[str, dict[str, Value]] = {}
        self._born: dict[str, float] = {}
        self._quiet_until = 0.0
        self._held: list[tuple[Frame, Record]] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._hopeless = Hopeless(queue)

    def begin(self, session: Carrier, bdseq: int, health: Health) -> None:
        """Give birth in a new session."""
        self._bdseq = bdseq
        self.birth(session, health)
        self.session = session
        self.delivery.start(time.monotonic())

    def birth(self, session: Carrier, health: Health) -> None:
        """Send NBIRTH and the DBIRTH of every device that is not lost; data follow a moment later."""
        self._told = health
        now, epoch = self._clock.now_ms(), str(self._queue.epoch)
        topic, payload = self.messages.node_birth(now, self._bdseq, epoch, health)
        self._identity.born(payload)
        session.publish(topic, payload)
        self._born.clear()
        for key in self._catalogue.devices:
            if not self.presence.is_lost(key):
                self._bear(session, key)
        self._quiet_until = time.monotonic() + self._pace.quiet_s

    def forget(self) -> None:
        """The session is over; what was held for it is in the queue."""
        self.session = None
        self._release()
        self._born.clear()

    def offer(self, frame: Frame, record: Record) -> None:
        """Send a record that was just queued, where that is possible at once."""
        self._latest.setdefault(record.device, {}).update({value.channel: value for value in record.values})
        lost_now = self.presence.note(record)
        if self.session and not self._clock.may_improve() and (lost_now or not self.presence.is_lost(record.device)):
            self._held.append((frame, record))
            if self._gathering is None and time.monotonic() >= self._quiet_until:
                self._gathering = asyncio.get_running_loop().call_later(_GATHER_S, self._release)
        if lost_now and record.device in self._born:
            self._born[record.device] = 0.0

    @property
    def hurried(self) -> bool:
        """Tell whether something waits to be sent that is not under way."""
        quiet = time.monotonic() < self._quiet_until
        return quiet or bool(self._held) or len(self._queue.pending) > self.delivery.in_flight

    def tick(self, *, host_away: bool) -> None:
        """Send what is due."""
        session, now = self.session, time.monotonic()
        if session is None or now < self._quiet_until:
            return
        self._release()
        if not host_away and not session.busy and not self._clock.may_improve():
            numbers = self.delivery.due(self._queue.pending, now)
            for frame in self._queue.read(numbers) if numbers else ():
                self._send_again(session, frame)
            self._hopeless.give_up()
        self._bury(session, now)

    def tell(self, health: Health) -> None:
        """Send the node's metrics that changed."""
        changed = {name: value for name, value in health.items() if self._told.get(name) != value}
        if changed and self.session:
            self.session.publish(*self.messages.node_data(changed, self._clock.now_ms()))
            self._told = {**self._told, **changed}

    def change(self, site: Site) -> None:
        """Take the site as it is now: a death for what is gone or changed, a birth for what is new or changed."""
        before, after = self._catalogue.devices, {device.key: device for device in site.devices}
        other = [key for key, device in before.items() if after.get(key) != device]
        fresh = [key for key, device in after.items() if before.get(key) != device]
        if self.session:
            self._release()
        for key in other:
            if self.session and self._born.pop(key, None) is not None:
                self.session.publish(*self.messages.device_death(key, self._clock.now_ms()))
            self._latest.pop(key, None)
            self.presence.forget(key)
        self._catalogue.take(site)
        if self.session is None:
            return
        self.tell({**self._told, uplink.CONFIGURATION: site.installation.sha256})
        for key in fresh:
            self._bear(self.session, key)

    def end(self) -> None:
        """Tell the death of every device that is born."""
        if self.session:
            self._release()
            for key in self._born:
                self.session.publish(*self.messages.device_death(key, self._clock.now_ms()))

    def confirmed(self, records: Ranges) -> None:
        """Take records off the queue: host or broker has them."""
        self._queue.settle(records)
        self.delivery.acknowledged(records, time.monotonic())

    # --- devices -----------------------------------------------------------------------------------------------------

    def _bear(self, session: Carrier, key: str) -> None:
        device, latest = self._catalogue.devices[key], self._latest.get(key, {})
        session.publish(*self.messages.device_birth(device, self._clock.now_ms(), latest))
        self._born[key] = time.monotonic()

    def _bury(self, session: Carrier, now: float) -> None:
        """Tell the death of lost devices, once their old records have been quiet for a while."""
        late = [key for key in self.presence.lost if now - self._born.get(key, now) >= self._pace.linger_s]
        for key in late:
            session.publish(*self.messages.device_death(key, self._clock.now_ms()))
            del self._born[key]
            _log.info("device lost", device=key)

    # --- records -----------------------------------------------------------------------------------------------------

    def _release(self) -> None:
        """Send the live records that were gathered; without a session they stay in the queue."""
        if self._gathering:
            self._gathering.cancel()
            self._gathering = None
        held, self._held = self._held, []
        with contextlib.suppress(SessionLost):  # the session ends by itself, and the records are in the queue
            for frame, record in held:
                if self.session and not self.session.stuck:
                    self._send(self.session, frame, record, historical=False)

    def _send(self, session: Carrier, frame: Frame, record: Record, *, historical: bool) -> None:
        if record.device not in self._catalogue.devices:
            self._hopeless.add(frame, "its device is no longer in the installation file")
            return
        if record.device not in self._born:
            self._bear(session, record.device)
        message = self.messages.data(frame, marked(record), self._clock.now_ms(), historical=historical)
        if message is None:
            self._hopeless.add(frame, "none of its channels is still in the installation file")
            return
        now = time.monotonic()
        session.publish(*message, qos=self._qos, number=frame.number)
        self.delivery.sent(frame.number, now)
        if historical or not self.presence.is_lost(record.device):
            self._born[record.device] = now

    def _send_again(self, session: Carrier, frame: Frame) -> None:
        if frame.kind is Kind.LOSS:
            message = self.messages.loss(frame, self._clock.now_ms(), historical=False)
            session.publish(*message, qos=self._qos, number=frame.number)
            self.delivery.sent(frame.number, time.monotonic())
            return
        try:
            record = restamped(decode_record(frame.body), self._clock)
        except PayloadError as error:
            self._hopeless.add(frame, str(error))
            return
        self._send(session, frame, record, historical=True)


def ranges(numbers: Iterable[int]) -> Ranges:
    """Return numbers as ranges."""
    return Ranges((number, number) for number in numbers)
