"""Which records to send again, and when: a window of unanswered ones, a rate, and patience that grows."""

from __future__ import annotations

import random
from itertools import islice

from vitrine.ranges import Ranges
from vitrine_gateway.uplink.pace import Pace

__all__ = ["Delivery", "Pace"]


class Delivery:
    """Keeps account of what was sent in this session. All times are of the monotonic clock."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._sent: dict[int, float] = {}
        self._timeout = pace.timeout_s
        self._begin = 0.0
        self._credit = 0.0
        self._last = 0.0
        self._answered = False
        #: Answers, records sent again, and when the last answer came.
        self.acks = self.resent = 0
        self.last_ack: float | None = None

    @property
    def in_flight(self) -> int:
        """Count the records sent in this session and not yet confirmed."""
        return len(self._sent)

    def start(self, now: float) -> None:
        """Begin a session: nothing of an older one is under way."""
        self._sent.clear()
        self._timeout = self._pace.timeout_s
        self._begin = now + random.uniform(min(0.5, self._pace.delay_s), self._pace.delay_s)  # noqa: S311  # jitter
        self._last, self._credit = now, 0.0

    def sent(self, number: int, now: float) -> None:
        """Note a record that was sent; beyond the window it is simply sent again later."""
        if len(self._sent) < self._pace.window:
            self._sent[number] = now + self._timeout

    def acknowledged(self, records: Ranges, now: float) -> None:
        """Note an answer; one that comes twice or late does no harm."""
        self._timeout, self._answered = self._pace.timeout_s, True
        self.acks, self.last_ack = self.acks + 1, now
        if len(records) == 1:
            self._sent.pop(next(iter(records))[0], None)
            return
        for number in [number for number in self._sent if number in records]:
            del self._sent[number]

    def host_returned(self, now: float) -> None:
        """Send everything again soon: the host has lost what it had not committed."""
        self.start(now)

    def due(self, pending: Ranges, now: float) -> list[int]:
        """Return the oldest records that should be sent now."""
        elapsed, self._last = now - self._last, now
        if now < self._begin:
            return []
        self._expire(now)
        self._credit = min(self._credit + elapsed * self._pace.rate, self._pace.rate / 4)
        room = min(self._pace.window - len(self._sent), int(self._credit))
        if room <= 0 or len(self._sent) >= len(pending):
            return []
        numbers = (number for first, last in pending for number in range(first, last + 1))
        chosen = list(islice((number for number in numbers if number not in self._sent), room))
        self._credit -= len(chosen)
        return chosen

    def _expire(self, now: float) -> None:
        late = [number for number, deadline in self._sent.items() if deadline <= now]
        for number in late:
            del self._sent[number]
        self.resent += len(late)
        if late and not self._answered:
            self._timeout = min(self._timeout * 2, self._pace.longest_timeout_s)
        if late:
            self._answered = False
