"""Births that the database keeps, taken up again by a collector that has not heard them itself."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from vitrine import uplink
from vitrine.birth_mark import birth_mark
from vitrine.errors import VitrineError
from vitrine.sparkplug import Message, Payload, Topic, decode
from vitrine_collector.arrival import Arrival
from vitrine_collector.births import DeviceBirth, NodeBirth, device_birth, node_birth
from vitrine_collector.certificates import Certificates, device_table, node_state
from vitrine_collector.nodes import NodeState
from vitrine_collector.rebirths import Node
from vitrine_collector.registry import Registered
from vitrine_database.queries import Queries
from vitrine_quality.rules import from_json

_SQL = Queries("vitrine_collector", "queries/certificates.sql")


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest births of a node and of its devices since then."""

    node: Node
    gateway: Registered
    birth: NodeBirth
    certificate: Payload
    devices: dict[str, tuple[DeviceBirth, Payload]]

    @classmethod
    def of(cls, connection: psycopg.Connection, node: Node) -> Kept | None:
        """Read what is kept of a node; None where that is no birth, or one that cannot be read any more."""
        row = connection.execute(_SQL["gateway"], {"slug": node[0], "node": node[1]}).fetchone()
        if row is None:
            return None
        rows = connection.execute(_SQL["newest_births"], {"gateway": row[0]}).fetchall()
        found = {device: (time, decode(payload)) for device, time, payload in rows}
        if "" not in found:
            return None
        born, certificate = found.pop("")
        try:
            devices = {key: (device_birth(said), said) for key, (time, said) in found.items() if time >= born}
            return cls(node, Registered(*row), node_birth(certificate), certificate, devices)
        except VitrineError:
            return None

    def state(self, connection: psycopg.Connection, arrival: Arrival, *, certain: bool) -> NodeState | None:
        """Return the node by these births; None where there is nothing to begin with.

        Records that bear a mark have to prove that they are written by these births. Devices whose records bear none
        come with it only where it is certain that no birth went unheard.
        """
        topic = Topic(self.node[0], Message.NDATA, self.node[1])
        state = node_state(topic, Certificates(self.gateway, self.birth, None))
        state.asked_for, state.certain, state.certificate = False, certain, self.certificate
        if not certain:
            # It may have been born again, of the same kind, in a later session.
            state.bd_seq = None
        for key, (birth, said) in self.devices.items():
            mark = proof(self.certificate, key, said)
            if mark is None and not certain:
                continue
            topic = Topic(self.node[0], Message.DDATA, self.node[1], key)
            try:
                table = device_table(connection, topic, Certificates(self.gateway, self.birth, birth))
            except VitrineError:
                continue
            table.proof = mark
            for channel in birth.channels:
                arrival.learn(table.by_name[channel.metric.name].channel_id, from_json(channel.rules))
            state.devices[key] = table
        return state if state.devices or certain else None


def proof(node: Payload, device: str, said: Payload) -> int | None:
    """Return the alias that proves a record to be written by these births; None where they are a foreign node's."""
    birth = node_birth(node)
    mark = None if birth.epoch is None else birth_mark(birth.epoch, node.metrics, device, said.metrics)
    return mark if any(metric.name == uplink.RECORD and metric.alias == mark for metric in said.metrics) else None


def proves(state: NodeState, device: str, said: Payload) -> bool:
    """Tell whether a device's birth proves that the kept birth of its node is in force."""
    return state.certificate is not None and proof(state.certificate, device, said) is not None
