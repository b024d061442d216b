"""What the messages of a node hold, read in their order: measurements, reports, births and deaths."""

from __future__ import annotations

from vitrine.errors import PayloadError
from vitrine.sparkplug import Message, decode
from vitrine_collector.batch import Record
from vitrine_collector.decoding import UnknownMetric, find_record, parse, read_data
from vitrine_collector.gathering import Gathering
from vitrine_collector.lives import Lives
from vitrine_collector.node_data import read_node_data
from vitrine_collector.nodes import Metrics, NodeState, Parsed
from vitrine_collector.succession import Succession
from vitrine_collector.taken import Taken
from vitrine_collector.unheard import Unheard


class Contents:
    """Reads the messages of nodes whose births are known, in the ordinary way."""

    def __init__(
        self, succession: Succession, lives: Lives, unheard: Unheard, taken: Taken, gathering: Gathering
    ) -> None:
        self._succession, self._lives, self._unheard = succession, lives, unheard
        self._taken, self._gathering = taken, gathering

    def take(self, parsed: Parsed, state: NodeState) -> None:
        """Take a message that is in its place; whatever it holds is kept, or refused with the reason."""
        work = {
            Message.DDATA: self._device_data,
            Message.NDATA: self._node_data,
            Message.DBIRTH: self._lives.device_birth,
            Message.DDEATH: self._lives.device_death,
        }[parsed.topic.message]
        work(parsed, state)

    def _device_data(self, parsed: Parsed, state: NodeState) -> None:
        metrics = state.devices.get(parsed.topic.device)
        if metrics is None:
            self._unheard.ask(parsed.incoming, state.node, "no-birth", "the device's birth was not heard")
            return
        if parsed.metrics is not None and parsed.metrics is not metrics:
            # It waited behind a hole in the sequence, and a birth came before it.
            parsed = Parsed(parsed.incoming, parsed.topic, parse(parsed.incoming.payload))
        if not self._succession.proven(parsed, state, metrics):
            self._lives.mistrust(parsed, state)
            return
        try:
            data = read_data(parsed.message, metrics, parsed.packed)
        except PayloadError as error:
            self._unreadable(parsed, state, metrics, error)
            return
        if parsed.metrics is None:
            metrics.templates.learn(parsed.incoming.payload, parsed.message, metrics.doubles, metrics.ending)
        record = Record.measured(parsed.incoming, state.origin, data)
        record.repeated = self._taken.is_repeated(state, data.record)
        self._gathering.add(record, data)

    def _node_data(self, parsed: Parsed, state: NodeState) -> None:
        if not state.certain:
            # The first record of a device will tell; a report of loss comes again.
            self._gathering.counts["awaited"] += 1
            return
        try:
            said = read_node_data(decode(parsed.incoming.payload), state.metrics)
        except PayloadError as error:
            self._unreadable(parsed, state, state.metrics, error)
            return
        record = Record(parsed.incoming, state.origin, said.record)
        record.repeated = self._taken.is_repeated(state, said.record)
        if not record.repeated:
            record.loss, record.health = said.loss, said.health
        self._gathering.add(record)

    def _unreadable(self, parsed: Parsed, state: NodeState, metrics: Metrics, error: PayloadError) -> None:
        """Wait for a birth that may explain the record; else keep and acknowledge it, so that it is not sent again."""
        if isinstance(error, UnknownMetric) and not state.asked_for:
            self._unheard.ask(parsed.incoming, state.node, error.code, error.message)
            return
        self._gathering.refuse(parsed.incoming, error.code, error.message)
        number = find_record(parsed.message, metrics)
        if number is not None:
            record = Record(parsed.incoming, state.origin, number)
            record.repeated = self._taken.is_repeated(state, number)
            self._gathering.acknowledge(record)
