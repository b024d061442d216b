"""The order of a node's messages: `seq` counts 0 to 255 and begins again (specification 6.4.3 and 5.15)."""

from __future__ import annotations

from typing import Generic, TypeVar

from vitrine.errors import PayloadError

T = TypeVar("T")


class Reordering(Generic[T]):
    """Gives a node's messages back in their order; what comes after a hole is held until the hole is filled.

    Whether the hole lasts too long, `overdue` says: the node must then be born again.
    """

    def __init__(self, reorder_s: float) -> None:
        self._reorder_s = reorder_s
        #: None: whatever comes first is in order.
        self._expected: int | None = 0
        self._held: dict[int, T] = {}
        self._since = 0.0

    def begin(self, seq: int) -> None:
        """Start with the number of an NBIRTH."""
        self._expected = (seq + 1) % 256

    def resume(self) -> None:
        """Start anew with whatever comes."""
        self._expected = None

    def take(self, seq: int, item: T, now: float) -> list[T]:
        """Return what may be handled now, in order; PayloadError where another message waits under its number."""
        if self._expected is not None and seq != self._expected:
            if seq in self._held:
                raise PayloadError(f"two messages bear the seq {seq} while one before them is missing")
            if not self._held:
                self._since = now
            self._held[seq] = item
            return []
        ready = [item]
        self._expected = (seq + 1) % 256
        while self._held and self._expected in self._held:
            ready.append(self._held.pop(self._expected))
            self._expected = (self._expected + 1) % 256
        self._since = now
        return ready

    def passes(self, seq: int) -> bool:
        """Take a message if it is the next one and nothing waits, which `take` says at greater length."""
        if seq != self._expected or self._held:
            return False
        self._expected = (seq + 1) % 256
        return True

    def overdue(self, now: float) -> bool:
        """Tell whether a hole has lasted longer than the reorder timeout."""
        return bool(self._held) and now - self._since >= self._reorder_s

    def abandon(self) -> list[T]:
        """Give up waiting: return what was held, in no order that can be trusted."""
        held = list(self._held.values())
        self._held.clear()
        return held
