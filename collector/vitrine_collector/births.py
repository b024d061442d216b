"""What a birth certificate says: the node, its devices, their channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from vitrine import uplink
from vitrine.errors import PayloadError
from vitrine.sparkplug import DataType, Metric, Payload, PropertyValue
from vitrine_collector.node_health import health, json_object

#: Types whose values are measurements.
NUMERIC = frozenset(
    {
        *(DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64),
        *(DataType.UINT8, DataType.UINT16, DataType.UINT32, DataType.UINT64),
        *(DataType.FLOAT, DataType.DOUBLE, DataType.BOOLEAN),
    }
)
#: Types that hold many values in one, which no channel is.
REFUSED = frozenset({DataType.DATASET, DataType.TEMPLATE})
#: Beginning of the names of metrics that describe who publishes, as the standard's examples have it.
IDENTITY = "Properties/"
#: Names of device metrics that are part of the delivery, not of the measurement.
_DELIVERY = frozenset({uplink.RECORD, uplink.TIME_SOURCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBirth:
    """How later messages name a metric, and of which type it is."""

    name: str
    alias: int | None
    datatype: DataType


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelBirth:
    """A channel as its device declares it."""

    metric: MetricBirth
    name: dict[str, str]
    unit: str = "1"
    quantity: str = ""
    decimals: int = 2
    period_s: float | None = None
    accuracy: str = ""
    calibration: dict[str, object] | None = None
    rules: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBirth:
    """A device's birth certificate."""

    profile: str
    channels: tuple[ChannelBirth, ...]
    #: Metrics `Properties/…` that are texts or whole numbers: what the instrument says of itself.
    identity: dict[str, str | int]
    #: Metrics that are no channels: of the delivery, texts.
    others: tuple[MetricBirth, ...]

    @property
    def refused(self) -> str:
        """Say in English which metrics are of types that are not taken; '' where there is none."""
        found = [f"“{metric.name}” is a {metric.datatype.name}" for metric in self.others if metric.datatype in REFUSED]
        return f"{', '.join(found)}: only numbers are kept, the device's others are" if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBirth:
    """A node's birth certificate; `epoch` None means that it knows nothing of acknowledgements."""

    seq: int
    bd_seq: int | None
    epoch: UUID | None
    software: str
    file_sha256: str
    metrics: tuple[MetricBirth, ...]
    health: dict[str, object]


def node_birth(payload: Payload) -> NodeBirth:
    """Read an NBIRTH; PayloadError says what is wrong with it."""
    if payload.seq is None or not 0 <= payload.seq <= 255:
        raise PayloadError(f"the birth's seq is {payload.seq}, not 0 to 255")
    values = {metric.name: metric.value for metric in payload.metrics}
    bd_seq = values.get(uplink.BDSEQ)
    return NodeBirth(
        seq=payload.seq,
        bd_seq=bd_seq if isinstance(bd_seq, int) and not isinstance(bd_seq, bool) else None,
        epoch=_epoch(values.get(uplink.EPOCH)),
        software=str(values.get(uplink.SOFTWARE) or ""),
        file_sha256=str(values.get(uplink.CONFIGURATION) or ""),
        metrics=tuple(map(_metric, payload.metrics)),
        health=health(values),
    )


def device_birth(payload: Payload) -> DeviceBirth:
    """Read a DBIRTH; PayloadError says what is wrong with it."""
    channels, others, profile = [], [], ""
    for metric in payload.metrics:
        born = _metric(metric)
        if born.datatype in NUMERIC and born.name not in _DELIVERY and not born.name.startswith(IDENTITY):
            channels.append(_channel(born, metric.properties))
            profile = profile or str(_property(metric.properties, uplink.PROFILE, str, ""))
        else:
            others.append(born)
    names = [channel.metric.name for channel in channels]
    if len(set(names)) != len(names):
        raise PayloadError(f"the birth declares a metric twice: {_twice(names)}")
    return DeviceBirth(
        profile=profile, channels=tuple(channels), identity=_identity(payload.metrics), others=tuple(others)
    )


def _identity(metrics: Iterable[Metric]) -> dict[str, str | int]:
    return {
        metric.name.removeprefix(IDENTITY): metric.value
        for metric in metrics
        if metric.name.startswith(IDENTITY) and isinstance(metric.value, (str, int))
    }


def _metric(metric: Metric) -> MetricBirth:
    if not metric.name:
        raise PayloadError("a metric of the birth has no name")
    if metric.datatype is None:
        raise PayloadError(f"the metric “{metric.name}” of the birth has no datatype")
    return MetricBirth(name=metric.name, alias=metric.alias, datatype=metric.datatype)


def _channel(metric: MetricBirth, properties: Mapping[str, PropertyValue]) -> ChannelBirth:
    calibration = _property(properties, uplink.CALIBRATION, str, "")
    rules = _property(properties, uplink.RULES, str, "")
    period = _property(properties, uplink.PERIOD, float, None)
    return ChannelBirth(
        metric=metric,
        name={
            "fr": str(_property(properties, uplink.NAME_FR, str, metric.name)),
            "en": str(_property(properties, uplink.NAME_EN, str, metric.name)),
        },
        unit=str(_property(properties, uplink.UNIT, str, "") or "1"),
        quantity=str(_property(properties, uplink.QUANTITY, str, "")),
        decimals=int(str(_property(properties, uplink.DECIMALS, int, 2))),
        period_s=float(str(period)) if period is not None else None,
        accuracy=str(_property(properties, uplink.ACCURACY, str, "")),
        calibration=json_object(uplink.CALIBRATION, str(calibration)) if calibration else None,
        rules=json_object(uplink.RULES, str(rules)) if rules else {},
    )


def _property(properties: Mapping[str, PropertyValue], key: str, kind: type, default: object) -> object:
    found = properties.get(key)
    if found is None or found.value is None:
        return default
    accepted = (int, float) if kind is float else kind
    if not isinstance(found.value, accepted) or (isinstance(found.value, bool) and kind is not bool):
        raise PayloadError(f"the property “{key}” holds {found.value!r}")
    return found.value


def _epoch(value: object) -> UUID | None:
    if value is None:
        return None
    try:
        return UUID(str(value))
    except ValueError as error:
        raise PayloadError(f"{uplink.EPOCH} is not a UUID: {value!r}") from error


def _twice(names: Iterable[str]) -> str:
    return ", ".join(sorted(name for name, count in Counter(names).items() if count > 1))
