"""The bounded place between the network and the database: when it is full, the network has to wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as the broker gave it."""

    topic: str
    payload: bytes
    #: Wall clock at its arrival, in seconds since 1970.
    received_s: float


@dataclass(frozen=True, slots=True)
class SessionBegun:
    """A new connection to the broker: what was said in between was not heard."""


Item = Incoming | SessionBegun


class Inbox:
    """Messages in the order of their arrival; holds no more than so many messages and bytes."""

    def __init__(self, *, max_messages: int = 50_000, max_bytes: int = 64_000_000) -> None:
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._changed = threading.Condition()

    def put(self, item: Item, patience_s: float = 0.0) -> bool:
        """Add an item, wait for room if there is none; False when there was none in time."""
        deadline = time.monotonic() + patience_s
        with self._changed:
            while self._full():
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
            self._items.append(item)
            self._bytes += _size(item)
            if len(self._items) == 1:
                self._changed.notify_all()
        return True

    def take(self, timeout_s: float, most: int = 500) -> list[Item]:
        """Return the oldest items, as many as there are up to `most`; an empty list when none came in time."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout_s)
            was_full = self._full()
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._bytes -= sum(map(_size, taken))
            if was_full:
                self._changed.notify_all()
        return taken

    def __len__(self) -> int:
        return len(self._items)

    def _full(self) -> bool:
        # A message larger than the whole limit passes when it is alone.
        return len(self._items) >= self._max_messages or (self._bytes >= self._max_bytes)


def _size(item: Item) -> int:
    return len(item.payload) if isinstance(item, Incoming) else 0
