"""Messages that cannot be read since a birth, or a message before them, was not heard."""

from __future__ import annotations

import time
from functools import partial

from vitrine_collector import registry, witness
from vitrine_collector.gathering import Gathering
from vitrine_collector.inbox import Incoming
from vitrine_collector.nodes import Parsed
from vitrine_collector.rebirths import Node, Rebirths
from vitrine_collector.store import Store

_REMEMBERED = 10_000


class Unheard:
    """Asks for births, and gives up what it must: what a node does not send again by itself is kept as refused."""

    def __init__(self, store: Store, rebirths: Rebirths, gathering: Gathering) -> None:
        self._store, self._rebirths, self._gathering = store, rebirths, gathering
        self._sends_again: dict[Node, bool] = {}

    def born(self, node: Node, *, sends_again: bool) -> None:
        """Note whether a node sends again what is not acknowledged."""
        self._sends_again[node] = sends_again

    def ask(self, incoming: Incoming, node: Node, code: str, reason: str) -> None:
        """Ask for births, and give the message up."""
        self._rebirths.want(node, time.monotonic())
        self.give_up(incoming, node, code, reason)

    def missed(self, held: list[Parsed]) -> None:
        """Account for what waited behind a hole that nothing will fill any more."""
        for parsed in held:
            node = (parsed.topic.group, parsed.topic.node)
            give_up = partial(self.give_up, node=node, code="sequence", reason="a message before it did not come")
            self._gathering.guarded(parsed.incoming, give_up)

    def give_up(self, incoming: Incoming, node: Node, code: str, reason: str) -> None:
        """Keep as refused what the node does not send again by itself."""
        if node not in self._sends_again:
            if len(self._sends_again) >= _REMEMBERED:
                self._sends_again.clear()
            self._sends_again[node] = self._store.run(
                lambda connection: registry.sends_again(connection, node), witness.born
            )
        if self._sends_again[node]:
            self._gathering.counts["awaited"] += 1
        else:
            self._gathering.refuse(incoming, code, reason)
