"""Births and deaths of nodes and devices: what the database and the collector learn from them."""

from __future__ import annotations

import datetime

from vitrine.logs import logger
from vitrine.sparkplug import decode
from vitrine_collector import registry, witness
from vitrine_collector.arrival import Arrival
from vitrine_collector.births import device_birth, node_birth
from vitrine_collector.gathering import Gathering
from vitrine_collector.kept import proves
from vitrine_collector.node_data import bd_seq_of
from vitrine_collector.nodes import Nodes, NodeState, Parsed, device_metrics
from vitrine_collector.rebirths import Rebirths
from vitrine_collector.store import Store
from vitrine_collector.succession import Succession
from vitrine_collector.unheard import Unheard
from vitrine_quality.rules import from_json

_log = logger("collector")


class Lives:
    """Handles one birth or death at a time."""

    def __init__(
        self,
        store: Store,
        nodes: Nodes,
        rebirths: Rebirths,
        succession: Succession,
        arrival: Arrival,
        gathering: Gathering,
        unheard: Unheard,
    ) -> None:
        self._store, self._nodes, self._rebirths, self._succession = store, nodes, rebirths, succession
        self._arrival, self._gathering, self._unheard = arrival, gathering, unheard

    def node_birth(self, parsed: Parsed) -> None:
        """Take a node's birth, which ends all that was known of it."""
        payload = parsed.incoming.payload
        birth = node_birth(decode(payload))
        node = (parsed.topic.group, parsed.topic.node)
        now = _moment(parsed.incoming.received_s)
        self._unheard.born(node, sends_again=birth.epoch is not None)
        # Whatever becomes of this birth, the one before it is no longer in force.
        self._unheard.missed(self._nodes.forget(node))
        registered = self._store.run(
            lambda connection: registry.register_node(connection, node, birth, payload, now), witness.born
        )
        self._succession.born(node)
        self._nodes.born(node, birth, registered, asked_for=self._rebirths.born(node))
        self._gathering.counts["births"] += 1
        _log.info("node born", node="/".join(node), epoch=str(birth.epoch or ""))

    def device_birth(self, parsed: Parsed, state: NodeState) -> None:
        """Take a device's birth."""
        payload = parsed.incoming.payload
        # Whatever becomes of this birth, the one before it is no longer in force.
        state.devices.pop(parsed.topic.device, None)
        said = decode(payload)
        if not state.certain and not proves(state, parsed.topic.device, said):
            self.mistrust(parsed, state)
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
            self._gathering.hand_over_now()
        for name, channel_id in channels.ids.items():
            self._arrival.learn(channel_id, rules[name])
        state.devices[device] = device_metrics(birth, channels.ids)
        self._gathering.counts["births"] += 1
        if birth.refused:
            # The birth itself is taken, and so are its numbers.
            self._gathering.refuse_part(parsed.incoming, "metric-refused", birth.refused)

    def node_death(self, parsed: Parsed) -> None:
        """Take a node's death, unless it is that of an earlier session."""
        node = (parsed.topic.group, parsed.topic.node)
        state, bd_seq = self._nodes.get(node), bd_seq_of(decode(parsed.incoming.payload))
        if state is None or (state.bd_seq is not None and state.bd_seq != bd_seq):
            self._gathering.counts["ignored"] += 1
            return
        gateway, now = state.gateway_id, _moment(parsed.incoming.received_s)
        self._unheard.missed(self._nodes.forget(node))
        self._store.run(lambda connection: registry.node_died(connection, gateway, now), witness.born)
        self._gathering.counts["deaths"] += 1
        _log.info("node died", node="/".join(node))

    def device_death(self, parsed: Parsed, state: NodeState) -> None:
        """Take a device's death."""
        stated = parsed.message.timestamp / 1000
        moment = _moment(stated if 0 < stated <= parsed.incoming.received_s else parsed.incoming.received_s)
        gateway, device = state.gateway_id, parsed.topic.device
        self._store.run(lambda connection: registry.device_died(connection, gateway, device, moment), witness.born)
        state.devices.pop(device, None)
        self._gathering.counts["deaths"] += 1

    def mistrust(self, parsed: Parsed, state: NodeState) -> None:
        """Forget a node whose kept births have turned out not to be those in force."""
        self._unheard.missed(self._nodes.forget(state.node))
        self._succession.useless(state.node)
        self._unheard.ask(parsed.incoming, state.node, "no-birth", "the births that are kept are not those in force")


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
