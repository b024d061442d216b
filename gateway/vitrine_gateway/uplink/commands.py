"""What hosts ask of the node: births, and taking records off the queue; everything else is read-only here."""

from __future__ import annotations

import math

from vitrine.logs import logger
from vitrine.sparkplug import decode
from vitrine.uplink import ACK, REBIRTH, Ack
from vitrine_gateway.queue import Queue
from vitrine_gateway.uplink.identity import Identity
from vitrine_gateway.uplink.outbox import Outbox

_log = logger("gateway")
_NAMES_KEPT = 100


class Commands:
    """Carries out node commands. Times are of the monotonic clock."""

    def __init__(self, outbox: Outbox, queue: Queue, identity: Identity, rebirth_every_s: float) -> None:
        self._outbox, self._queue, self._identity = outbox, queue, identity
        self._every, self._wanted, self._last = rebirth_every_s, False, -math.inf
        self._unknown: set[str] = set()
        #: Acknowledgements of another queue, and births that were asked for and given.
        self.foreign_acks = self.rebirths = 0

    def take(self, payload: bytes, now: float) -> None:
        """Take an NCMD; PayloadError where it is none."""
        for metric in decode(payload).metrics:
            if metric.name == REBIRTH:
                self._wanted |= metric.value is True and self._outbox.session is not None
            elif metric.name == ACK and isinstance(metric.value, str):
                self._acknowledge(Ack.from_json(metric.value), now)
            elif metric.name not in self._unknown and len(self._unknown) < _NAMES_KEPT:
                self._unknown.add(metric.name)
                _log.warning("command refused: the gateway only measures", metric=metric.name, alias=metric.alias)

    @property
    def rebirth_wanted(self) -> bool:
        """Tell whether a birth was asked for that is not given yet."""
        return self._wanted

    def rebirth_due(self, now: float) -> bool:
        """Tell whether to give birth now; what was asked for too soon is given a little later."""
        if not self._wanted or now - self._last < self._every:
            return False
        self._wanted, self._last = False, now
        self.rebirths += 1
        _log.info("rebirth asked for")
        return True

    def _acknowledge(self, ack: Ack, now: float) -> None:
        if ack.epoch != self._queue.epoch:
            self.foreign_acks += 1
            if self.foreign_acks & (self.foreign_acks - 1) == 0:  # the 1st, 2nd, 4th, 8th …
                _log.warning("acknowledgement of another queue", epoch=str(ack.epoch), so_far=self.foreign_acks)
            return
        highest = max((last for _, last in ack.records), default=0)
        sign = self._identity.hear_ack(highest, self._queue.last_number, now)
        if sign:
            _log.warning("another gateway seems to have this identity", sign=sign)
        self._outbox.confirmed(ack.records)
