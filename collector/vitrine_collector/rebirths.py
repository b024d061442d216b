"""Requests for rebirth: not too many for one node, and not all nodes at once."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: Group and edge node id.
Node = tuple[str, str]

_LONGEST_S = 300.0
_FORGET_S = 600.0
#: Nodes that are remembered; invented ones must not fill the memory.
_MOST = 10_000


@dataclass(slots=True)
class _Request:
    #: Earliest time of the next request.
    due: float
    #: Time between that one and the one after.
    wait_s: float
    wanted: bool = True
    asked: bool = False


class Rebirths:
    """Knows when to ask which node for its births.

    A request goes out after a random part of `spread_s`, so that the nodes of a region do not all answer at once. A
    node is asked again after `interval_s` at the earliest; while it stays silent, after twice as long each time.
    """

    def __init__(self, *, spread_s: float = 1.0, interval_s: float = 10.0, seed: int | None = None) -> None:
        self._spread_s, self._interval_s = spread_s, interval_s
        # Spreading load needs no secret.
        self._random = random.Random(seed)  # noqa: S311
        self._requests: dict[Node, _Request] = {}

    def want(self, node: Node, now: float) -> None:
        """Note that a node's births are needed."""
        due = now + self._random.uniform(0, self._spread_s)
        request = self._requests.get(node)
        if request is None:
            if len(self._requests) >= _MOST:
                del self._requests[next(iter(self._requests))]
            self._requests[node] = _Request(due, self._interval_s)
        elif not request.wanted:
            request.wanted = True
            request.due = max(request.due, due)

    def born(self, node: Node) -> bool:
        """Note that its births have come, and tell whether they were asked for.

        The next request still keeps its distance from the last.
        """
        request = self._requests.get(node)
        if request is None:
            return False
        request.wanted = False
        request.wait_s = self._interval_s
        return request.asked

    def __len__(self) -> int:
        return len(self._requests)

    def due(self, now: float) -> list[Node]:
        """Return the nodes to ask now, and note that they were asked."""
        asked = []
        for node, request in list(self._requests.items()):
            if request.wanted and now >= request.due:
                asked.append(node)
                request.wanted, request.asked = False, True
                request.due = now + request.wait_s
                request.wait_s = min(2 * request.wait_s, _LONGEST_S)
            elif not request.wanted and now >= request.due + _FORGET_S:
                del self._requests[node]
        return asked
