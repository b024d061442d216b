"""The bounded place between the network and the database: when it is full, the network has to wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Incoming(NamedTuple):
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

    def put(self, items: Sequence[Item], patience_s: float = 0.0) -> int:
        """Add items, waiting for room so long for each where there is none; return how many there was room for."""
        size = sum(map(_size, items))
        with self._changed:
            if len(self._items) + len(items) < self._max_messages and self._bytes + size < self._max_bytes:
                self._add(items, size)
                return len(items)
            for place, item in enumerate(items):
                if self._full() and not self._changed.wait_for(lambda: not self._full(), patience_s):
                    return place
                self._add([item], _size(item))
        return len(items)

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

    def _add(self, items: Sequence[Item], size: int) -> None:
        was_empty = not self._items
        self._items.extend(items)
        self._bytes += size
        if was_empty:
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)

    def _full(self) -> bool:
        # A message larger than the whole limit passes when it is alone.
        return len(self._items) >= self._max_messages or (self._bytes >= self._max_bytes)


def _size(item: Item) -> int:
    return len(item.payload) if isinstance(item, Incoming) else 0
