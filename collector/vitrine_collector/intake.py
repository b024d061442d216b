"""From messages to batches: which node each message is of, and its place in the sequence."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache, partial

from vitrine.errors import PayloadError
from vitrine.logs import logger
from vitrine.sparkplug import Message, Topic
from vitrine.sparkplug.topics import NAMESPACE
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Record
from vitrine_collector.contents import Contents
from vitrine_collector.decoding import parse
from vitrine_collector.gathering import Gathering
from vitrine_collector.inbox import Incoming, Item
from vitrine_collector.limits import Limits
from vitrine_collector.lives import Lives
from vitrine_collector.members import Members
from vitrine_collector.nodes import Metrics, Nodes, NodeState, Parsed
from vitrine_collector.rebirths import Node, Rebirths
from vitrine_collector.store import Store
from vitrine_collector.succession import Succession
from vitrine_collector.taken import Taken
from vitrine_collector.templates import Packed
from vitrine_collector.unheard import Unheard

_log = logger("collector")
_STATE = f"{NAMESPACE}/STATE/"
_DATA, _SAID_TO_NODES = Message.DDATA, (Message.NCMD, Message.DCMD)


class Intake:
    """Handles messages one by one, in one thread; gives complete batches to `hand_over`."""

    def __init__(
        self,
        store: Store,
        hand_over: Callable[[Batch], None],
        limits: Limits,
        writer_waits: Callable[[], bool] = lambda: True,
        members: Members | None = None,
    ) -> None:
        self._members = members or Members()
        self._nodes = Nodes(reorder_s=limits.reorder_s)
        self.rebirths = Rebirths(spread_s=limits.rebirth_spread_s, interval_s=limits.rebirth_interval_s)
        arrival = Arrival()
        self._succession = Succession(store, self._members, arrival)
        self._gathering = Gathering(hand_over, limits, writer_waits, arrival)
        self._taken = Taken(store)
        self._unheard = Unheard(store, self.rebirths, self._gathering)
        self._lives = Lives(
            store, self._nodes, self.rebirths, self._succession, arrival, self._gathering, self._unheard
        )
        self._contents = Contents(self._succession, self._lives, self._unheard, self._taken, self._gathering)
        #: What became of the messages: their sum is the number received, but for those held behind a hole.
        self.counts = self._gathering.counts

    def handle(self, item: Item) -> None:
        """Handle one message; whatever is wrong with it, the next one is handled too."""
        if not isinstance(item, Incoming):
            self._unheard.missed(self._nodes.forget_all())
            self._succession.session_begun()
            self._succession.doubt(self._nodes)
            return
        self.counts["received"] += 1
        self._gathering.guarded(item, self._dispatch)
        self._gathering.hand_over_when_full()

    def tick(self) -> list[Node]:
        """Do what time demands; return the nodes to ask for their births."""
        if self._succession.is_due:
            self._share_anew()
        for state in self._nodes.overdue(time.monotonic()):
            _log.info("sequence broken", node="/".join(state.node))
            self.rebirths.want(state.node, time.monotonic())
            self._unheard.missed(self._nodes.forget(state.node))
        self._gathering.hand_over_when_complete()
        return self.rebirths.due(time.monotonic())

    def finish(self) -> None:
        """Hand over what is left."""
        self._gathering.hand_over_now()

    def _share_anew(self) -> None:
        """Leave the nodes that are another's business now, and take up those that have become this one's."""
        for state in self._nodes.leave(lambda node: not self._members.mine(node)):
            self.counts["others"] += len(state.sequence.abandon())
            self._taken.leave(state.gateway_id)
        for node, overheard in self._succession.taken_over(self._nodes):
            for topic, incoming in overheard:
                self.counts["others"] -= 1
                self._gathering.guarded(incoming, partial(self._succeed, topic=topic))
            if self._nodes.get(node) is None:
                self.rebirths.want(node, time.monotonic())
        self._succession.doubt(self._nodes)

    def _succeed(self, incoming: Incoming, topic: Topic) -> None:
        """Take a birth or a death that was heard when its node was another's; its data meanwhile were passed over."""
        node, parsed = (topic.group, topic.node), Parsed(incoming, topic, parse(incoming.payload))
        state = self._nodes.get(node)
        if topic.message is Message.NBIRTH:
            self._lives.node_birth(parsed)
        elif topic.message is Message.NDEATH:
            self._lives.node_death(parsed)
        elif state is not None:
            self._contents.take(parsed, state)
        else:
            self._unheard.ask(incoming, node, "no-birth", "the node's birth was not heard")
        if (state := self._nodes.get(node)) is not None:
            state.sequence.resume()

    def _dispatch(self, incoming: Incoming) -> None:
        if incoming.topic.startswith(_STATE):
            self.counts["ignored"] += 1
            return
        topic, node, kind = _address(incoming.topic)
        if kind in _SAID_TO_NODES:
            self.counts["ignored"] += 1
            return
        if not self._members.mine(node):
            self.counts["others"] += 1
            self._succession.overheard.note(topic, incoming)
            return
        if kind is _DATA and (state := self._nodes.get(node)) is not None:
            self._data(incoming, topic, state)
            return
        parsed = Parsed(incoming, topic, parse(incoming.payload))
        if kind is Message.NBIRTH:
            self._lives.node_birth(parsed)
        elif kind is Message.NDEATH:
            self._lives.node_death(parsed)
        else:
            self._in_sequence(parsed)

    def _data(self, incoming: Incoming, topic: Topic, state: NodeState) -> None:
        """Take the data of a device, in the quick way where it has sent their like before."""
        metrics = state.devices.get(topic.device)
        packed = None if metrics is None else metrics.templates.find(incoming.payload)
        if metrics is None or packed is None:
            self._in_sequence(Parsed(incoming, topic, parse(incoming.payload)))
        elif not self._is_usual(incoming, state, metrics, packed):
            rest = packed[0].rest(incoming.payload)
            self._in_sequence(Parsed(incoming, topic, parse(rest), packed, metrics))

    def _is_usual(self, incoming: Incoming, state: NodeState, metrics: Metrics, packed: Packed) -> bool:
        """Take a message that ends as usual and is in its place, as nearly all are; False where it is not."""
        ending = None if metrics.proof is not None else packed[0].ending(incoming.payload)
        if ending is None or not state.sequence.passes(ending[2]):
            return False
        number, source, _ = ending
        record = Record(incoming, state.origin, number, self._taken.is_repeated(state, number), source)
        self._gathering.add(record, packed=packed)
        return True

    def _in_sequence(self, parsed: Parsed) -> None:
        node = (parsed.topic.group, parsed.topic.node)
        state = self._nodes.get(node) or self._succession.resumed(self._nodes, node)
        if state is None:
            self._unheard.ask(parsed.incoming, node, "no-birth", "the node's birth was not heard")
            return
        if not parsed.message.HasField("seq") or parsed.message.seq > 255:
            raise PayloadError("the message has no seq from 0 to 255")
        for ready in state.sequence.take(parsed.message.seq, parsed, time.monotonic()):
            self._gathering.guarded(ready.incoming, lambda _, ready=ready: self._contents.take(ready, state))  # type: ignore[misc]


@lru_cache(maxsize=65_536)
def _address(text: str) -> tuple[Topic, Node, Message]:
    topic = Topic.parse(text)
    return topic, (topic.group, topic.node), topic.message
