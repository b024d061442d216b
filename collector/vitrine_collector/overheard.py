"""Births and deaths of nodes that are another collector's business, for the case that it dies over them."""

from __future__ import annotations

from vitrine.sparkplug import Message, Topic
from vitrine_collector.inbox import Incoming
from vitrine_collector.rebirths import Node

#: Whoever has a node keeps its births in the database within seconds, and is missed within seconds.
KEEP_S = 300.0
_OF_NODES = frozenset({Message.NBIRTH, Message.NDEATH})
_OF_DEVICES = frozenset({Message.DBIRTH, Message.DDEATH})


class Overheard:
    """The newest of each node and device, for some minutes."""

    def __init__(self) -> None:
        self._heard: dict[Node, dict[str, tuple[Topic, Incoming]]] = {}
        self._pruned_s = 0.0

    def note(self, topic: Topic, incoming: Incoming) -> None:
        """Keep a message if it is a birth or a death; what a node says of itself ends all that was said before."""
        node = (topic.group, topic.node)
        if topic.message in _OF_NODES:
            self._heard[node] = {"": (topic, incoming)}
        elif topic.message in _OF_DEVICES:
            told = self._heard.setdefault(node, {})
            told.pop(topic.device, None)
            told[topic.device] = (topic, incoming)
        self._prune(incoming.received_s)

    def take(self, node: Node) -> list[tuple[Topic, Incoming]]:
        """Return what was heard of a node, in order, and forget it."""
        return list(self._heard.pop(node, {}).values())

    def forget_all(self) -> None:
        """Forget everything: there was a time in which nothing was heard."""
        self._heard.clear()

    def _prune(self, now_s: float) -> None:
        if 0 <= now_s - self._pruned_s < KEEP_S / 10:
            return
        self._pruned_s = now_s
        for node, told in list(self._heard.items()):
            if all(incoming.received_s < now_s - KEEP_S for _, incoming in told.values()):
                del self._heard[node]
