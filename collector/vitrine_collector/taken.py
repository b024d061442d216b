"""Which records of each queue are held by the database, or on their way there."""

from __future__ import annotations

from uuid import UUID

from vitrine.ranges import Ranges
from vitrine_collector import registry, witness
from vitrine_collector.nodes import NodeState
from vitrine_collector.store import Store


class Taken:
    """Asks the database once for each queue, and counts on from there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._taken: dict[tuple[int, UUID], Ranges] = {}

    def is_repeated(self, state: NodeState, number: int | None) -> bool:
        """Tell whether a record is held already, or on its way; if not, it is on its way now."""
        if state.epoch is None or number is None:
            return False
        if state.taken is None:
            state.taken = self._of(state.gateway_id, state.epoch)
        return not state.taken.put(number)

    def _of(self, *queue: *tuple[int, UUID]) -> Ranges:
        taken = self._taken.get(queue)
        if taken is None:
            held = self._store.run(lambda connection: registry.held_records(connection, *queue), witness.born)
            taken = self._taken[queue] = held
        return taken

    def leave(self, gateway_id: int) -> None:
        """Forget the queues of a gateway that has become another collector's."""
        for queue in [queue for queue in self._taken if queue[0] == gateway_id]:
            del self._taken[queue]
