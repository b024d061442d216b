"""Taking a refused message in after all, once what was wrong is mended."""

from __future__ import annotations

import psycopg

from vitrine.errors import VitrineError
from vitrine.sparkplug import Message, Topic, decode
from vitrine.sparkplug.topics import NAMESPACE
from vitrine_collector import rejections
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Record
from vitrine_collector.central import Watch, take
from vitrine_collector.certificates import Certificates, NotReplayable, device_table, in_force, node_state
from vitrine_collector.commit import Commit
from vitrine_collector.decoding import parse, read_data
from vitrine_collector.faults import reason_of
from vitrine_collector.inbox import Incoming
from vitrine_collector.node_data import read_node_data
from vitrine_collector.nodes import metrics_of
from vitrine_collector.rejections import Rejection
from vitrine_quality.rules import from_json


def replay(connection: psycopg.Connection, item: Rejection) -> int:
    """Write a refused message by the births of its time, and take it off the list; return its new measurements.

    In one transaction. VitrineError says why it cannot be used even now; it then stays where it is.
    """
    if not item.topic.startswith(f"{NAMESPACE}/"):
        return _sensor_message(connection, item)
    topic = Topic.parse(item.topic)
    if topic.message not in (Message.DDATA, Message.NDATA):
        raise NotReplayable(f"it is no data but {topic.message.value}: the node is asked for its births anyway")
    held = in_force(connection, topic, item.received_at, item.code)
    incoming = Incoming(item.topic, item.payload, item.received_at.timestamp())
    read = _measurements if topic.message is Message.DDATA else _report
    batch = read(connection, topic, incoming, held)
    return _written(connection, batch, item)


def _sensor_message(connection: psycopg.Connection, item: Rejection) -> int:
    """Read a message of a sensor by the file that is applied now; without its own time, at that of its arrival."""
    arrival, batch = Arrival(), Batch()
    incoming = Incoming(item.topic, item.payload, item.received_at.timestamp())
    watched = Watch.load(connection, arrival).of(item.topic)
    if not watched:
        raise NotReplayable(f"no sensor that is applied publishes on {item.topic}")
    for one in watched:
        take(batch, one, incoming)
    batch.judge(arrival)
    return _written(connection, batch, item)


def _written(connection: psycopg.Connection, batch: Batch, item: Rejection) -> int:
    commit = Commit(batch)
    try:
        with connection.transaction():
            commit.proceed(connection)
            if commit.refused:
                raise VitrineError(rejections.newest(connection, 1)[0].reason)
            rejections.remove(connection, item)
    except psycopg.Error as error:
        raise VitrineError(f"the database refuses it, and would refuse any other now: {reason_of(error)}") from error
    return commit.written


def _measurements(connection: psycopg.Connection, topic: Topic, incoming: Incoming, held: Certificates) -> Batch:
    table = device_table(connection, topic, held)
    data = read_data(parse(incoming.payload), table)
    batch, arrival = Batch(), Arrival()
    for channel in held.device.channels if held.device else ():
        arrival.learn(table.by_name[channel.metric.name].channel_id, from_json(channel.rules))
    batch.add(Record.measured(incoming, node_state(topic, held).origin, data), data)
    batch.judge(arrival)
    return batch


def _report(_: psycopg.Connection, topic: Topic, incoming: Incoming, held: Certificates) -> Batch:
    """Take a report of loss; what the node said of its health is out of date."""
    said = read_node_data(decode(incoming.payload), metrics_of(held.node.metrics))
    record = Record(incoming, node_state(topic, held).origin, said.record, loss=said.loss)
    batch = Batch()
    batch.add(record)
    batch.judge(Arrival())
    return batch
