"""Reading what a node says of itself: NDATA and NDEATH."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitrine import uplink
from vitrine.errors import PayloadError
from vitrine.sparkplug import Metric, Payload
from vitrine.uplink import Loss
from vitrine_collector.decoding import UnknownMetric, record_number
from vitrine_collector.node_health import health
from vitrine_collector.nodes import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeData:
    """What an NDATA holds, as far as it matters to the platform."""

    record: int | None = None
    loss: Loss | None = None
    health: dict[str, object] = field(default_factory=dict)


def read_node_data(payload: Payload, metrics: Metrics) -> NodeData:
    """Read an NDATA; PayloadError says what is wrong with it."""
    values = {_name(metric, metrics): metric.value for metric in payload.metrics}
    number, lost = values.get(uplink.RECORD), values.get(uplink.LOST)
    if lost is not None and number is None:
        raise PayloadError("a report of loss has no record number")
    return NodeData(
        record=None if number is None else record_number(number),
        loss=None if lost is None else _loss(str(lost)),
        health=health(values),
    )


def bd_seq_of(payload: Payload) -> int:
    """Return the bdSeq of an NDEATH; PayloadError where it has none."""
    for metric in payload.metrics:
        if metric.name == uplink.BDSEQ and isinstance(metric.value, int):
            return metric.value
    raise PayloadError("the death certificate has no bdSeq")


def _name(metric: Metric, metrics: Metrics) -> str:
    known = metrics.by_name.get(metric.name) if metric.alias is None else metrics.by_alias.get(metric.alias)
    if known is None:
        raise UnknownMetric(
            f"no birth has declared the metric {f'“{metric.name}”' if metric.alias is None else metric.alias}"
        )
    return known.name


def _loss(text: str) -> Loss:
    try:
        return Loss.from_json(text)
    except (OverflowError, RecursionError) as error:
        raise PayloadError(f"not a report of loss: {text[:200]!r}") from error
