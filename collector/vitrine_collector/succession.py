"""Taking up nodes without asking for their births: after a restart of one's own, and after the death of another."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg

from vitrine.logs import logger
from vitrine.sparkplug import Topic
from vitrine_collector import registry, witness
from vitrine_collector.arrival import Arrival
from vitrine_collector.faults import reason_of
from vitrine_collector.inbox import Incoming
from vitrine_collector.kept import Kept
from vitrine_collector.members import Members, doubt, online
from vitrine_collector.nodes import Metrics, Nodes, NodeState, Parsed
from vitrine_collector.overheard import Overheard
from vitrine_collector.rebirths import Node
from vitrine_collector.store import Store

_log = logger("collector")
_REMEMBERED = 10_000


class Succession:
    """Knows whose births are kept, which of them are of no use, and what was heard of the nodes of others."""

    def __init__(self, store: Store, members: Members, arrival: Arrival) -> None:
        self._store, self._members, self._arrival = store, members, arrival
        self._alive = members.alive
        self.overheard = Overheard()
        self._useless: set[Node] = set()
        self._listens_since = self._alive_since = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Tell whether another collector has come or gone."""
        return self._members.alive != self._alive

    def session_begun(self) -> None:
        """Note that what was said until now was perhaps not heard."""
        self.overheard.forget_all()
        self._useless.clear()
        self._listens_since = time.monotonic()

    def born(self, node: Node) -> None:
        """Note that a node's births are known again."""
        self._useless.discard(node)

    def useless(self, node: Node) -> None:
        """Note that the kept births of a node are not those in force, so that they are not looked at again."""
        if len(self._useless) >= _REMEMBERED:
            self._useless.clear()
        self._useless.add(node)

    def doubt(self, nodes: Nodes) -> None:
        """Note of the nodes that are this collector's, and that it does not know, that they may not be there."""
        unknown = self._unknown(nodes)
        self._store.run(lambda connection: doubt(connection, list(unknown.values())))

    def taken_over(self, nodes: Nodes) -> Iterator[tuple[Node, list[tuple[Topic, Incoming]]]]:
        """Take up, where that can be, the nodes that have become this collector's; yield what was heard of each."""
        # Who listened all the while that another had a node has heard every birth since those that it kept.
        certain = self._listens_since <= self._alive_since
        self._alive, self._alive_since = self._members.alive, time.monotonic()
        for node in self._unknown(nodes):
            self.resumed(nodes, node, certain=certain)
            yield node, self.overheard.take(node)

    def resumed(self, nodes: Nodes, node: Node, *, certain: bool = False) -> NodeState | None:
        """Take a node up by the births that are kept; None where they are of no use."""
        if node in self._useless:
            return None

        def take_up(connection: psycopg.Connection) -> NodeState | None:
            kept = Kept.of(connection, node)
            return kept.state(connection, self._arrival, certain=certain) if kept else None

        try:
            state = self._store.run(take_up, witness.born)
        except psycopg.Error as error:
            _log.warning("kept births not read", node="/".join(node), reason=reason_of(error))
            state = None
        if state is None:
            self.useless(node)
            return None
        nodes.resume(state)
        _log.info("births taken up again", node="/".join(node), devices=len(state.devices))
        return state

    def proven(self, parsed: Parsed, state: NodeState, metrics: Metrics) -> bool:
        """Tell whether a record is written by the births that its node was taken up by."""
        if metrics.proof is None:
            return True
        if all(metric.alias != metrics.proof for metric in parsed.message.metrics):
            return False
        metrics.proof, state.certain = None, True
        device = parsed.topic.device
        self._store.run(lambda connection: registry.resumed(connection, state.gateway_id, device), witness.born)
        return True

    def _unknown(self, nodes: Nodes) -> dict[Node, int]:
        """Return the nodes that are said to be there and are this collector's business, but that it does not know."""
        said = self._store.run(online)
        return {node: said[node] for node in said if self._members.mine(node) and nodes.get(node) is None}
