"""Messages that were taken and not yet acknowledged to their broker, and those that come a second time."""

from __future__ import annotations

import hashlib
import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vitrine_gateway.mqtt.subscriptions import Subscriptions

#: Messages without an acknowledgement at which the disk is told to keep them at once: half of Mosquitto's window.
HURRY = 10
_ORIGIN = struct.Struct(">H8s")
_REMEMBERED = 1000
#: Deliveries that are known after a restart even where the queue holds them no more.
_RECENT = 100


def origin_of(client: str, packet: int, topic: str, payload: bytes) -> bytes:
    """Return the identity of a delivery: packet identifier, and a digest of session, topic and payload.

    A broker sends an unacknowledged message again under the same packet identifier, marked DUP (MQTT 3.1.1, 4.4).
    """
    digest = hashlib.blake2b(b"\0".join([client.encode(), topic.encode(), payload]), digest_size=8).digest()
    return _ORIGIN.pack(packet, digest)


@dataclass(slots=True)
class Deliveries:
    """What all sources of a gateway share. Not for several threads.

    The identity of a message lies in its record, in one frame of the queue: killed between the two, a gateway
    has both or none. `known` are those that the queue holds at the start.
    """

    #: Tells that the queue should be flushed without waiting for its turn.
    hurry: Callable[[], None] = lambda: None
    #: What each session was subscribed to before; None where that is not kept.
    subscriptions: Subscriptions | None = None
    #: The newest own time of each sensor that is kept, in milliseconds since 1970 UTC.
    newest: dict[str, int] = field(default_factory=dict)
    #: Deliveries that came again and were already kept.
    repeated: int = 0
    _latest: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _order: deque[tuple[str, int]] = field(default_factory=deque)
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    def remember(self, known: Iterable[tuple[str, bytes]]) -> None:
        """Note deliveries (device, identity) that are kept; of each packet identifier the latest counts."""
        for device, origin in known:
            place = (device, _ORIGIN.unpack(origin)[0])
            self._latest[place] = origin
            self._order.append(place)
        while len(self._order) > _REMEMBERED:
            place = self._order.popleft()
            if place not in self._order:
                self._latest.pop(place, None)

    def recent(self) -> list[tuple[str, bytes]]:
        """Return the latest deliveries, more than a broker sends without an acknowledgement."""
        return [(place[0], self._latest[place]) for place in list(self._order)[-_RECENT:] if place in self._latest]

    def is_kept(self, device: str, origin: bytes) -> bool:
        """Tell, and count, whether a message marked DUP is one that is kept already."""
        kept = self._latest.get((device, _ORIGIN.unpack(origin)[0])) == origin
        self.repeated += kept
        return kept

    def await_commit(self, acknowledge: Callable[[], None]) -> None:
        """Acknowledge a message once the disk holds it."""
        self._waiting.append(acknowledge)
        if len(self._waiting) >= HURRY:
            self.hurry()

    def committing(self) -> Callable[[], None]:
        """Return what to call when the flush that begins now is done."""
        waiting, self._waiting = self._waiting, []

        def done() -> None:
            for acknowledge in waiting:
                acknowledge()

        return done
