"""The births by which a message of the past is read: those that were in force when it came."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import psycopg

from vitrine.errors import VitrineError
from vitrine.sparkplug import Topic, decode
from vitrine_collector.births import DeviceBirth, NodeBirth, device_birth, node_birth
from vitrine_collector.nodes import Metrics, Nodes, NodeState, device_metrics
from vitrine_collector.registry import Registered
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/certificates.sql")
#: Codes of messages that came when births were known to be missing, or may have been.
UNHEARD = frozenset({"no-birth", "sequence"})


class NotReplayable(VitrineError):  # noqa: N818  # it says what the message is
    """Nobody can tell any more what the message said."""

    code = "not-replayable"


@dataclass(frozen=True, slots=True)
class Certificates:
    """A node's births around one moment, and of one of its devices."""

    gateway: Registered
    node: NodeBirth
    device: DeviceBirth | None


def in_force(connection: psycopg.Connection, topic: Topic, at: datetime.datetime, code: str) -> Certificates:
    """Return the births by which a message that came at `at` is to be read; NotReplayable where none is sure.

    Where births may have gone unheard before it, the node's next one must be of the same session (the same bdSeq).
    """
    row = connection.execute(_SQL["gateway"], {"slug": topic.group, "node": topic.node}).fetchone()
    if row is None:
        raise NotReplayable(f"no birth of {topic.group}/{topic.node} was ever heard")
    gateway = Registered(*row)
    wanted = {"gateway": gateway.gateway_id, "device": topic.device}
    births = connection.execute(_SQL["births"], wanted).fetchall()
    nodes = [(time, node_birth(decode(payload))) for device, time, payload in births if not device]
    before = [(time, birth) for time, birth in nodes if time <= at]
    if not before:
        raise NotReplayable("the birth of its node came after it, and the one before was not heard")
    born, node = before[0]
    after = [birth for time, birth in nodes if time > at]
    if code in UNHEARD and (node.bd_seq is None or not after or after[-1].bd_seq != node.bd_seq):
        raise NotReplayable("another birth may have come before it that was not heard")
    own = [payload for device, time, payload in births if device and born <= time <= at]
    return Certificates(gateway, node, device_birth(decode(own[0])) if own else None)


def node_state(topic: Topic, held: Certificates) -> NodeState:
    """Return the node as it was then, without its devices."""
    nodes = Nodes(reorder_s=0.0)
    return nodes.born((topic.group, topic.node), held.node, held.gateway, asked_for=True)


def device_table(connection: psycopg.Connection, topic: Topic, held: Certificates) -> Metrics:
    """Return what the device's metrics stood for; NotReplayable where that cannot be told, or a unit has changed."""
    if held.device is None:
        raise NotReplayable(f"the birth of {topic.device} before it was not heard")
    wanted = {"gateway": held.gateway.gateway_id, "device": topic.device}
    known = {key: (channel, unit) for key, channel, unit in connection.execute(_SQL["channels"], wanted)}
    for channel in held.device.channels:
        if channel.metric.name not in known:
            raise NotReplayable(f"the channel {topic.device}/{channel.metric.name} is not in the database")
        if (unit := known[channel.metric.name][1]) != channel.unit:
            raise NotReplayable(
                f"{topic.device}/{channel.metric.name} was in {channel.unit} then and is kept in {unit} now"
            )
    return device_metrics(held.device, {name: channel for name, (channel, _) in known.items()})
