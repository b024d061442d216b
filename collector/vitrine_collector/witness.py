"""What the database takes of anybody: written beside a message that it refuses, in a transaction that is taken back.

A witness makes every statement that a message of its sort can cause. What refuses it would refuse all messages.
"""

from __future__ import annotations

import datetime
import time
from uuid import UUID

import psycopg

from vitrine.ranges import Ranges
from vitrine.sparkplug import DataType
from vitrine.uplink import Loss
from vitrine_collector import registry, transaction
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Record, Refused
from vitrine_collector.births import ChannelBirth, DeviceBirth, MetricBirth, NodeBirth
from vitrine_collector.decoding import Data
from vitrine_collector.faults import Witness
from vitrine_collector.inbox import Incoming
from vitrine_collector.nodes import Origin
from vitrine_collector.rebirths import Node
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/witness.sql")
_NODE: Node = ("witness", "witness")
_EPOCH = UUID(int=0)
_NAN = float("nan")


def measured(batch: Batch, first: int, last: int) -> Witness:
    """Return a record of the value that was taken last; of another channel than these records' where there is one."""
    channels = sorted(set(batch.part(first, last).rows.channel_id.tolist())) if first < last else []
    suspect = batch.records[first] if first < last else None

    def write(connection: psycopg.Connection) -> None:
        row = connection.execute(_SQL["taken_last"], {"channels": channels}).fetchone()
        if row is not None:
            gateway, installation, channel, value = row
            _write(connection, gateway, installation, [channel], _NAN if value is None else value)
        elif suspect is not None:
            _write(connection, suspect.origin.gateway_id, suspect.origin.installation_id, channels[:1], _NAN)

    return write


def _write(connection: psycopg.Connection, gateway: int, installation: int, channels: list[int], value: float) -> None:
    now_s = time.time()
    now_ms = int(now_s * 1000)
    message = Incoming("/".join(_NODE), b"", now_s)
    record = Record(message, Origin(_NODE, gateway, installation, _EPOCH), 1, time_source="restamped")
    record.loss = Loss(_EPOCH, Ranges([(2, 2)]), now_ms, now_ms, "witness")
    record.health = {"queue_depth": 0}
    # Twice the same measurement: both ways of writing are gone.
    data = Data(record.number, "restamped", [now_ms] * 2, channels * 2, [value] * 2, [0] * 2) if channels else None
    batch = Batch()
    batch.add(record, data)
    batch.judge(Arrival())
    transaction.write(connection, batch.records, batch.part(0, 1), [Refused(message, "witness", "witness")])


def born(connection: psycopg.Connection) -> None:
    """Note births and deaths of a node that does not exist, and what they say otherwise the second time."""
    now = datetime.datetime.now(datetime.UTC)
    for said in ("one", "other"):
        gateway = registry.register_node(connection, _NODE, _node_birth(said), b"", now)
        registry.register_device(connection, gateway, "witness", _device_birth(said), b"", file_sha256="", now=now)
    registry.resumed(connection, gateway.gateway_id, "witness")
    registry.held_records(connection, gateway.gateway_id, _EPOCH)
    registry.device_died(connection, gateway.gateway_id, "witness", now)
    registry.node_died(connection, gateway.gateway_id, now)


def _node_birth(said: str) -> NodeBirth:
    health: dict[str, object] = {"queue_depth": 0}
    return NodeBirth(seq=0, bd_seq=0, epoch=_EPOCH, software=said, file_sha256=said, metrics=(), health=health)


def _device_birth(said: str) -> DeviceBirth:
    metric = MetricBirth(name="witness", alias=None, datatype=DataType.DOUBLE)
    channel = ChannelBirth(metric=metric, name={"fr": said, "en": said})
    return DeviceBirth(profile=said, channels=(channel,), identity={}, others=())
