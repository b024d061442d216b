"""What is known of each edge node since its birth: who it is, and what its aliases stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from vitrine import uplink
from vitrine.ranges import Ranges
from vitrine.sparkplug import DataType, Payload, Topic
from vitrine_collector.births import DeviceBirth, MetricBirth, NodeBirth
from vitrine_collector.inbox import Incoming
from vitrine_collector.rebirths import Node
from vitrine_collector.registry import Registered
from vitrine_collector.sequence import Reordering
from vitrine_collector.templates import Packed, Templates


class Role(IntEnum):
    """What a metric is for."""

    CHANNEL = 0
    RECORD = 1
    TIME_SOURCE = 2
    #: Anything else: a text, a node's property.
    OTHER = 3


class Target(NamedTuple):
    """What a metric of a data message stands for."""

    role: Role
    name: str
    datatype: DataType
    #: 0 where it is no channel.
    channel_id: int = 0


_ROLES = {uplink.RECORD: Role.RECORD, uplink.TIME_SOURCE: Role.TIME_SOURCE}


@dataclass(slots=True)
class Metrics:
    """The metrics of one node or of one device."""

    by_alias: dict[int, Target] = field(default_factory=dict)
    by_name: dict[str, Target] = field(default_factory=dict)
    #: Alias → channel, of channels of type Double: what nearly every metric of a data message is.
    doubles: dict[int, int] = field(default_factory=dict)
    #: Aliases of the record's number and of the source of its times, where they have some.
    delivery: dict[Role, int] = field(default_factory=dict)
    templates: Templates = field(default_factory=Templates)
    #: Alias that a message must bear, so that it is certain that it was written by this birth; None once that is so.
    proof: int | None = None

    @property
    def ending(self) -> tuple[int, int] | None:
        """Aliases that end a data message of one of our gateways; None for a foreign node."""
        if Role.RECORD in self.delivery and Role.TIME_SOURCE in self.delivery:
            return self.delivery[Role.RECORD], self.delivery[Role.TIME_SOURCE]
        return None

    def add(self, metric: MetricBirth, channel_id: int = 0) -> None:
        """Note what a birth says of one metric."""
        role = Role.CHANNEL if channel_id else _ROLES.get(metric.name, Role.OTHER)
        target = Target(role, metric.name, metric.datatype, channel_id)
        self.by_name[metric.name] = target
        if metric.alias is None:
            return
        self.by_alias[metric.alias] = target
        if role in (Role.RECORD, Role.TIME_SOURCE):
            self.delivery[role] = metric.alias
        # Alias 0 looks like none at all until its presence is asked for.
        if role is Role.CHANNEL and metric.datatype is DataType.DOUBLE and metric.alias:
            self.doubles[metric.alias] = channel_id


class Origin(NamedTuple):
    """Whose a record is: an edge node, and the queue that numbers its records."""

    node: Node
    gateway_id: int
    installation_id: int
    #: None where nothing is numbered.
    epoch: UUID | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A message with its topic and its protobuf form."""

    incoming: Incoming
    topic: Topic
    #: The message class is made at run time. Without the measurements in `packed`.
    message: Any
    packed: Packed | None = None
    #: The birth by which `packed` was taken out.
    metrics: Metrics | None = None


@dataclass(slots=True)
class NodeState:
    """One edge node since its birth."""

    node: Node
    gateway_id: int
    installation_id: int
    bd_seq: int | None
    epoch: UUID | None
    file_sha256: str
    metrics: Metrics
    sequence: Reordering[Parsed]
    #: Whether this birth was asked for: what it leaves out, another one would leave out too.
    asked_for: bool
    #: False while its birth is a kept one, and nothing has shown yet that it is in force.
    certain: bool = True
    #: Its NBIRTH, while it is a kept one.
    certificate: Payload | None = None
    devices: dict[str, Metrics] = field(default_factory=dict)
    origin: Origin = field(init=False)
    #: Numbers of its queue's records that are held by the database, or on their way there; None until one is asked for.
    taken: Ranges | None = None

    def __post_init__(self) -> None:
        self.origin = Origin(self.node, self.gateway_id, self.installation_id, self.epoch)


class Nodes:
    """All nodes that were born in this session with the broker, or taken up again in it."""

    def __init__(self, *, reorder_s: float) -> None:
        self._reorder_s = reorder_s
        self._states: dict[Node, NodeState] = {}

    def get(self, node: Node) -> NodeState | None:
        """Return a node, or None where its birth was not heard."""
        return self._states.get(node)

    def born(self, node: Node, birth: NodeBirth, registered: Registered, *, asked_for: bool) -> NodeState:
        """Note a node's birth; its devices are unknown until theirs."""
        state = NodeState(
            node=node,
            gateway_id=registered.gateway_id,
            installation_id=registered.installation_id,
            bd_seq=birth.bd_seq,
            epoch=birth.epoch,
            file_sha256=birth.file_sha256,
            metrics=metrics_of(birth.metrics),
            sequence=Reordering(self._reorder_s),
            asked_for=asked_for,
        )
        state.sequence.begin(birth.seq)
        self._states[node] = state
        return state

    def resume(self, state: NodeState) -> None:
        """Take a node up again whose births are kept, at whatever place of its sequence."""
        state.sequence.resume()
        self._states[state.node] = state

    def forget(self, node: Node) -> list[Parsed]:
        """Trust nothing of a node until it is born again; return what waited behind a hole in its sequence."""
        state = self._states.pop(node, None)
        return state.sequence.abandon() if state else []

    def forget_all(self) -> list[Parsed]:
        """Trust nothing of any node, as `forget` does: what they said meanwhile was not heard."""
        return [held for node in list(self._states) for held in self.forget(node)]

    def leave(self, others: Callable[[Node], bool]) -> list[NodeState]:
        """Forget the nodes of others, and return them."""
        left = [state for node, state in self._states.items() if others(node)]
        for state in left:
            del self._states[state.node]
        return left

    def overdue(self, now: float) -> list[NodeState]:
        """Return the nodes that have a hole in their sequence for too long."""
        return [state for state in self._states.values() if state.sequence.overdue(now)]


def metrics_of(metrics: Iterable[MetricBirth]) -> Metrics:
    """Build the table of metrics that are no channels."""
    table = Metrics()
    for metric in metrics:
        table.add(metric)
    return table


def device_metrics(birth: DeviceBirth, channels: dict[str, int]) -> Metrics:
    """Build a device's table from its birth and the numbers of its channels."""
    table = metrics_of(birth.others)
    for channel in birth.channels:
        table.add(channel.metric, channels[channel.metric.name])
    return table
