"""From messages to batches: births, deaths, data, and what becomes of each message that cannot be used."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from uuid import UUID

import psycopg

from vitrine.errors import PayloadError
from vitrine.logs import logger
from vitrine.ranges import Ranges
from vitrine.sparkplug import Message, Topic, decode
from vitrine.sparkplug.topics import NAMESPACE
from vitrine_collector import registry, witness
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Record, Refused
from vitrine_collector.births import device_birth, node_birth
from vitrine_collector.decoding import UnknownMetric, find_record, parse, read_data
from vitrine_collector.faults import reason_of
from vitrine_collector.inbox import Incoming, Item
from vitrine_collector.kept import proves
from vitrine_collector.members import Members
from vitrine_collector.node_data import bd_seq_of, read_node_data
from vitrine_collector.nodes import Metrics, Nodes, NodeState, Parsed, device_metrics
from vitrine_collector.rebirths import Node, Rebirths
from vitrine_collector.store import Stopped, Store
from vitrine_collector.succession import Succession
from vitrine_quality.rules import from_json

_log = logger("collector")
_STATE = f"{NAMESPACE}/STATE/"
_REMEMBERED = 10_000
#: A batch grows to so many times its size while the writer is busy.
_GROWTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a batch is complete, and how patient the collector is."""

    batch_rows: int = 20_000
    batch_s: float = 0.25
    #: How long a hole in a node's sequence may last.
    reorder_s: float = 2.0
    rebirth_spread_s: float = 1.0
    rebirth_interval_s: float = 10.0


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
        self._store, self._hand_over, self._limits = store, hand_over, limits
        self._writer_waits = writer_waits
        self._members = members or Members()
        self._nodes = Nodes(reorder_s=limits.reorder_s)
        self.rebirths = Rebirths(spread_s=limits.rebirth_spread_s, interval_s=limits.rebirth_interval_s)
        self._arrival = Arrival()
        self._succession = Succession(store, self._members, self._arrival)
        self._taken: dict[tuple[int, UUID], Ranges] = {}
        self._sends_again: dict[Node, bool] = {}
        self._batch, self._opened = Batch(), 0.0
        #: What became of the messages: their sum is the number received, but for those held behind a hole.
        self.counts: Counter[str] = Counter()

    def handle(self, item: Item) -> None:
        """Handle one message; whatever is wrong with it, the next one is handled too."""
        if not isinstance(item, Incoming):
            self._missed(self._nodes.forget_all())
            self._succession.session_begun()
            self._succession.doubt(self._nodes)
            return
        self.counts["received"] += 1
        self._guarded(item, self._dispatch)
        if self._batch.size() >= self._limits.batch_rows:
            self._hand_over_when_complete()

    def tick(self) -> list[Node]:
        """Do what time demands; return the nodes to ask for their births."""
        if self._succession.is_due:
            self._share_anew()
        for state in self._nodes.overdue(time.monotonic()):
            _log.info("sequence broken", node="/".join(state.node))
            self.rebirths.want(state.node, time.monotonic())
            self._missed(self._nodes.forget(state.node))
        self._hand_over_when_complete()
        return self.rebirths.due(time.monotonic())

    def finish(self) -> None:
        """Hand over what is left."""
        self._hand_over_now()

    def _share_anew(self) -> None:
        """Leave the nodes that are another's business now, and take up those that have become this one's."""
        for state in self._nodes.leave(lambda node: not self._members.mine(node)):
            self.counts["others"] += len(state.sequence.abandon())
            for queue in [queue for queue in self._taken if queue[0] == state.gateway_id]:
                del self._taken[queue]
        for node, overheard in self._succession.taken_over(self._nodes):
            for topic, incoming in overheard:
                self.counts["others"] -= 1
                self._guarded(incoming, partial(self._succeed, topic=topic))
            if self._nodes.get(node) is None:
                self.rebirths.want(node, time.monotonic())
        self._succession.doubt(self._nodes)

    def _succeed(self, incoming: Incoming, topic: Topic) -> None:
        """Take a birth or a death that was heard when its node was another's; its data meanwhile were passed over."""
        node, parsed = (topic.group, topic.node), Parsed(incoming, topic, parse(incoming.payload))
        state = self._nodes.get(node)
        if topic.message is Message.NBIRTH:
            self._node_birth(parsed)
        elif topic.message is Message.NDEATH:
            self._node_death(parsed)
        elif state is not None:
            self._of_node(parsed, state)
        else:
            self._unheard(incoming, node, "no-birth", "the node's birth was not heard")
        if (state := self._nodes.get(node)) is not None:
            state.sequence.resume()

    def _mistrust(self, parsed: Parsed, state: NodeState) -> None:
        self._missed(self._nodes.forget(state.node))
        self._succession.useless(state.node)
        self._unheard(parsed.incoming, state.node, "no-birth", "the births that are kept are not those in force")

    def _guarded(self, incoming: Incoming, work: Callable[[Incoming], None]) -> None:
        try:
            work(incoming)
        except Stopped:
            raise
        except PayloadError as error:
            self._refuse(incoming, error.code, error.message)
        except psycopg.Error as error:
            self._refuse(incoming, "database", reason_of(error))
        except UnicodeError as error:
            self._refuse(incoming, "payload-invalid", f"a text in it is not UTF-8: {error}")
        except Exception as error:
            # A mistake of ours must not stop the messages of others; it is kept with the message that shows it.
            _log.exception("message not understood", topic=incoming.topic)
            self._refuse(incoming, "internal", f"{type(error).__name__}: {error}")

    def _dispatch(self, incoming: Incoming) -> None:
        if incoming.topic.startswith(_STATE):
            self.counts["ignored"] += 1
            return
        topic = _topic(incoming.topic)
        if topic.message in (Message.NCMD, Message.DCMD):
            self.counts["ignored"] += 1
            return
        node = (topic.group, topic.node)
        if not self._members.mine(node):
            self.counts["others"] += 1
            self._succession.overheard.note(topic, incoming)
            return
        if topic.message is Message.DDATA and self._is_usual(incoming, self._nodes.get(node), topic.device):
            return
        parsed = self._parsed(incoming, topic)
        if topic.message is Message.NBIRTH:
            self._node_birth(parsed)
        elif topic.message is Message.NDEATH:
            self._node_death(parsed)
        else:
            self._in_sequence(parsed)

    def _is_usual(self, incoming: Incoming, state: NodeState | None, device: str) -> bool:
        """Take a message that is in its place and like those before it, as nearly all are; False where it is not."""
        if state is None or (metrics := state.devices.get(device)) is None or metrics.proof is not None:
            return False
        template = metrics.templates.find(incoming.payload)
        told = template and template.read(incoming.payload)
        if not told or not state.sequence.passes(told[1].seq):
            return False
        packed, ending = told
        record = Record.of(incoming, state, ending.number)
        record.time_source, record.repeated = ending.time_source, self._is_repeated(state, ending.number)
        self._add(record)
        self._batch.add(record, packed=() if record.repeated else packed)
        return True

    def _parsed(self, incoming: Incoming, topic: Topic) -> Parsed:
        """Read a message, in the quick way where its device has sent its like before."""
        if topic.message is Message.DDATA and (state := self._nodes.get((topic.group, topic.node))):
            metrics = state.devices.get(topic.device)
            if metrics is not None and (template := metrics.templates.find(incoming.payload)):
                packed, rest = template.split(incoming.payload)
                return Parsed(incoming, topic, parse(rest), packed, metrics)
        return Parsed(incoming, topic, parse(incoming.payload))

    def _in_sequence(self, parsed: Parsed) -> None:
        node = (parsed.topic.group, parsed.topic.node)
        state = self._nodes.get(node) or self._succession.resumed(self._nodes, node)
        if state is None:
            self._unheard(parsed.incoming, node, "no-birth", "the node's birth was not heard")
            return
        if not parsed.message.HasField("seq") or parsed.message.seq > 255:
            raise PayloadError("the message has no seq from 0 to 255")
        for ready in state.sequence.take(parsed.message.seq, parsed, time.monotonic()):
            self._guarded(ready.incoming, lambda _, ready=ready: self._of_node(ready, state))  # type: ignore[misc]

    def _of_node(self, parsed: Parsed, state: NodeState) -> None:
        work = {
            Message.DDATA: self._device_data,
            Message.NDATA: self._node_data,
            Message.DBIRTH: self._device_birth,
            Message.DDEATH: self._device_death,
        }[parsed.topic.message]
        work(parsed, state)

    def _node_birth(self, parsed: Parsed) -> None:
        payload = parsed.incoming.payload
        birth = node_birth(decode(payload))
        node = (parsed.topic.group, parsed.topic.node)
        now = _moment(parsed.incoming.received_s)
        self._sends_again[node] = birth.epoch is not None
        # Whatever becomes of this birth, the one before it is no longer in force.
        self._missed(self._nodes.forget(node))
        registered = self._store.run(
            lambda connection: registry.register_node(connection, node, birth, payload, now), witness.born
        )
        self._succession.born(node)
        self._nodes.born(node, birth, registered, asked_for=self.rebirths.born(node))
        self.counts["births"] += 1
        _log.info("node born", node="/".join(node), epoch=str(birth.epoch or ""))

    def _device_birth(self, parsed: Parsed, state: NodeState) -> None:
        payload = parsed.incoming.payload
        # Whatever becomes of this birth, the one before it is no longer in force.
        state.devices.pop(parsed.topic.device, None)
        said = decode(payload)
        if not state.certain and not proves(state, parsed.topic.device, said):
            self._mistrust(parsed, state)
            return
        state.certain = True
        birth = device_birth(said)
        rules = {channel.metric.name: from_json(channel.rules) for channel in birth.channels}
        device, now = parsed.topic.device, _moment(parsed.incoming.received_s)
        gateway = registry.Registered(state.gateway_id, state.installation_id)
        channels = self._store.run(
            lambda connection: registry.register_device(
                connection, gateway, device, birth, payload, file_sha256=state.file_sha256, now=now
            ),
            witness.born,
        )
        if channels.changed:
            # What came before is judged by the rules before.
            self._hand_over_now()
        for name, channel_id in channels.ids.items():
            self._arrival.learn(channel_id, rules[name])
        state.devices[device] = device_metrics(birth, channels.ids)
        self.counts["births"] += 1
        if birth.refused:
            # The birth itself is taken, and so are its numbers.
            self._open()
            self._batch.refused.append(Refused(parsed.incoming, "metric-refused", birth.refused))

    def _node_death(self, parsed: Parsed) -> None:
        node = (parsed.topic.group, parsed.topic.node)
        state, bd_seq = self._nodes.get(node), bd_seq_of(decode(parsed.incoming.payload))
        if state is None or (state.bd_seq is not None and state.bd_seq != bd_seq):
            self.counts["ignored"] += 1
            return
        gateway, now = state.gateway_id, _moment(parsed.incoming.received_s)
        self._missed(self._nodes.forget(node))
        self._store.run(lambda connection: registry.node_died(connection, gateway, now), witness.born)
        self.counts["deaths"] += 1
        _log.info("node died", node="/".join(node))

    def _device_death(self, parsed: Parsed, state: NodeState) -> None:
        stated = parsed.message.timestamp / 1000
        moment = _moment(stated if 0 < stated <= parsed.incoming.received_s else parsed.incoming.received_s)
        gateway, device = state.gateway_id, parsed.topic.device
        self._store.run(lambda connection: registry.device_died(connection, gateway, device, moment), witness.born)
        state.devices.pop(device, None)
        self.counts["deaths"] += 1

    def _device_data(self, parsed: Parsed, state: NodeState) -> None:
        metrics = state.devices.get(parsed.topic.device)
        if metrics is None:
            self._unheard(parsed.incoming, state.node, "no-birth", "the device's birth was not heard")
            return
        if parsed.metrics is not None and parsed.metrics is not metrics:
            # It waited behind a hole in the sequence, and a birth came before it.
            parsed = Parsed(parsed.incoming, parsed.topic, parse(parsed.incoming.payload))
        if not self._succession.proven(parsed, state, metrics):
            self._mistrust(parsed, state)
            return
        try:
            data = read_data(parsed.message, metrics, parsed.packed)
        except PayloadError as error:
            self._unreadable(parsed, state, metrics, error)
            return
        if parsed.metrics is None:
            metrics.templates.learn(parsed.incoming.payload, parsed.message, metrics.doubles, metrics.ending)
        record = Record.measured(parsed.incoming, state, data)
        record.repeated = self._is_repeated(state, data.record)
        self._add(record)
        self._batch.add(record, None if record.repeated else data)

    def _node_data(self, parsed: Parsed, state: NodeState) -> None:
        if not state.certain:
            # The first record of a device will tell; a report of loss comes again.
            self.counts["awaited"] += 1
            return
        try:
            said = read_node_data(decode(parsed.incoming.payload), state.metrics)
        except PayloadError as error:
            self._unreadable(parsed, state, state.metrics, error)
            return
        record = Record.of(parsed.incoming, state, said.record)
        record.repeated = self._is_repeated(state, said.record)
        if not record.repeated:
            record.loss, record.health = said.loss, said.health
        self._add(record)
        self._batch.add(record)

    def _add(self, record: Record) -> None:
        self._open()
        self.counts["repeated" if record.repeated else "records"] += 1

    def _is_repeated(self, state: NodeState, number: int | None) -> bool:
        """Tell whether a record is held already, or on its way; if not, it is on its way now."""
        if state.epoch is None or number is None:
            return False
        if state.taken is None:
            queue = (state.gateway_id, state.epoch)
            if queue not in self._taken:
                self._taken[queue] = self._store.run(
                    lambda connection: registry.held_records(connection, *queue), witness.born
                )
            state.taken = self._taken[queue]
        if number in state.taken:
            return True
        state.taken.add(number)
        return False

    def _unreadable(self, parsed: Parsed, state: NodeState, metrics: Metrics, error: PayloadError) -> None:
        """Wait for a birth that may explain the record; else keep and acknowledge it, so that it is not sent again."""
        if isinstance(error, UnknownMetric) and not state.asked_for:
            self._unheard(parsed.incoming, state.node, error.code, error.message)
            return
        self._refuse(parsed.incoming, error.code, error.message)
        number = find_record(parsed.message, metrics)
        if number is not None:
            record = Record.of(parsed.incoming, state, number)
            record.repeated = self._is_repeated(state, number)
            self._batch.add(record)

    def _missed(self, held: list[Parsed]) -> None:
        """Account for what waited behind a hole that nothing will fill any more."""
        for parsed in held:
            node = (parsed.topic.group, parsed.topic.node)
            give_up = partial(self._given_up, node=node, code="sequence", reason="a message before it did not come")
            self._guarded(parsed.incoming, give_up)

    def _unheard(self, incoming: Incoming, node: Node, code: str, reason: str) -> None:
        """Ask for births, and give the message up."""
        self.rebirths.want(node, time.monotonic())
        self._given_up(incoming, node, code, reason)

    def _given_up(self, incoming: Incoming, node: Node, code: str, reason: str) -> None:
        """Keep as refused what the node does not send again by itself."""
        if node not in self._sends_again:
            if len(self._sends_again) >= _REMEMBERED:
                self._sends_again.clear()
            self._sends_again[node] = self._store.run(
                lambda connection: registry.sends_again(connection, node), witness.born
            )
        if self._sends_again[node]:
            self.counts["awaited"] += 1
        else:
            self._refuse(incoming, code, reason)

    def _refuse(self, incoming: Incoming, code: str, reason: str) -> None:
        self._open()
        self.counts["refused"] += 1
        self._batch.refused.append(Refused(incoming, code, reason))

    def _open(self) -> None:
        if not self._batch:
            self._opened = time.monotonic()

    def _hand_over_when_complete(self) -> None:
        batch, limits = self._batch, self._limits
        if not batch:
            return
        size = batch.size()
        complete = size >= limits.batch_rows or time.monotonic() - self._opened >= limits.batch_s
        # While the writer is busy a batch may grow: fewer and larger transactions are what it needs then.
        if complete and (self._writer_waits() or size >= _GROWTH * limits.batch_rows):
            self._hand_over_now()

    def _hand_over_now(self) -> None:
        batch, self._batch = self._batch, Batch()
        if batch:
            batch.judge(self._arrival)
            self._hand_over(batch)


@lru_cache(maxsize=65_536)
def _topic(text: str) -> Topic:
    return Topic.parse(text)


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
