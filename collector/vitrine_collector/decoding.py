"""Reading data messages: the hot path, straight from the protobuf message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError

from vitrine import uplink
from vitrine.errors import PayloadError
from vitrine.quality import Test
from vitrine.sparkplug import DataType
from vitrine.sparkplug.payload import signed
from vitrine.sparkplug.schema import PayloadMessage
from vitrine_collector.nodes import Metrics, Role, Target
from vitrine_collector.templates import Packed

#: The last millisecond of the year 9999, the last that every reader can show.
_LAST_MS = 253_402_300_799_999
_TIME_SOURCES = frozenset({"ntp", "rtc", "restamped", "uncertain"})
_ALL_TESTS = sum(Test)
_GOOD = 192
_NAN = float("nan")


class UnknownMetric(PayloadError):  # noqa: N818 - a reason to ask for a birth, not a fault
    """A metric that no birth has declared."""

    code = "unknown-metric"


@dataclass(slots=True)
class Data:
    """What a data message of a device holds: its number, where its time comes from, its measurements in columns."""

    record: int | None = None
    time_source: str = ""
    times_ms: list[int] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    tests: list[int] = field(default_factory=list)
    #: Measurements that are bytes yet.
    packed: Packed | None = None
    #: Tests that none of its measurements passed.
    every_test: int = 0

    def fail(self, test: int) -> None:
        """Note a test that none of its measurements passed."""
        self.every_test |= test
        self.tests = [tests | test for tests in self.tests]


def parse(payload: bytes) -> Any:  # noqa: ANN401 - the message class is made at run time
    """Return the protobuf message; PayloadError where the bytes are none."""
    try:
        return PayloadMessage.FromString(payload)
    except DecodeError as error:
        raise PayloadError(f"the payload of {len(payload)} bytes is not Sparkplug B: {error}") from error


def read_data(message: Any, metrics: Metrics, packed: Packed | None = None) -> Data:  # noqa: ANN401
    """Read the measurements of one device; PayloadError says what is wrong with the message.

    Where a template has taken the measurements `packed` from the message, it holds the rest of them only.
    """
    data = Data(packed=packed)
    doubles = metrics.doubles
    times, channels, values = data.times_ms, data.channels, data.values
    others: list[Any] = []
    for metric in message.metrics:
        channel = doubles.get(metric.alias)
        if (
            channel is None
            or metric.WhichOneof("value") != "double_value"
            or metric.HasField("properties")
            or metric.is_null
        ):
            others.append(metric)
            continue
        times.append(metric.timestamp)
        channels.append(channel)
        values.append(metric.double_value)
    data.tests = [0] * len(times)
    for metric in others:
        _read_other(metric, metrics, data)
    _check_times(data, message)
    return data


def find_record(message: Any, metrics: Metrics) -> int | None:  # noqa: ANN401
    """Return the number of a record that cannot be read otherwise, or None."""
    for metric in message.metrics:
        target = metrics.by_alias.get(metric.alias) if metric.HasField("alias") else metrics.by_name.get(metric.name)
        if target is not None and target.role is Role.RECORD and metric.long_value:
            number = signed(metric.long_value, DataType.INT64)
            return number if isinstance(number, int) and number > 0 else None
    return None


def resolve(metric: Any, metrics: Metrics) -> Target:  # noqa: ANN401
    """Return what a metric stands for; UnknownMetric where no birth has said it."""
    if metric.HasField("alias"):
        target = metrics.by_alias.get(metric.alias)
        named = f"alias {metric.alias}"
    else:
        target = metrics.by_name.get(metric.name)
        named = f"metric “{metric.name}”"
    if target is None:
        raise UnknownMetric(f"no birth has declared the {named}")
    return target


def _read_other(metric: Any, metrics: Metrics, data: Data) -> None:  # noqa: ANN401
    target = resolve(metric, metrics)
    if target.role is Role.CHANNEL:
        value = _number(metric, target)
        data.times_ms.append(metric.timestamp)
        data.channels.append(target.channel_id)
        data.values.append(value)
        data.tests.append(_tests(metric, missing=value != value))
    elif target.role is Role.RECORD and not metric.is_null:
        data.record = record_number(signed(metric.long_value, DataType.INT64))
    elif target.role is Role.TIME_SOURCE and not metric.is_null:
        if metric.string_value not in _TIME_SOURCES:
            raise PayloadError(f"“{metric.string_value}” is not where a time can come from")
        data.time_source = metric.string_value


def record_number(value: object) -> int:
    """Return a record's number; PayloadError where it is none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PayloadError(f"{value!r} is not the number of a record")
    return value


def _number(metric: Any, target: Target) -> float:  # noqa: ANN401
    held = metric.WhichOneof("value")
    if metric.is_null or held is None:
        return _NAN
    if held in ("double_value", "float_value", "boolean_value"):
        return float(getattr(metric, held))
    if held in ("int_value", "long_value"):
        return float(signed(getattr(metric, held), target.datatype) or 0)
    raise PayloadError(f"“{target.name}” is a {target.datatype.name} and holds a {held}")


def _tests(metric: Any, *, missing: bool) -> int:  # noqa: ANN401
    """Return the tests that the gateway saw fail; a foreign node's bad quality is the instrument's own word."""
    if not metric.HasField("properties"):
        return 0
    properties = dict(zip(metric.properties.keys, metric.properties.values, strict=False))
    if uplink.TESTS in properties:
        bits = properties[uplink.TESTS].int_value
        if bits & ~_ALL_TESTS:
            raise PayloadError(f"{bits} holds bits that are no quality tests")
        return int(bits)
    quality = properties.get(uplink.QUALITY)
    bad = quality is not None and quality.int_value != _GOOD
    return int(Test.SENSOR_STATUS) if bad and not missing else 0


def _check_times(data: Data, message: Any) -> None:  # noqa: ANN401
    """Give metrics without a time that of the message; PayloadError for times that no clock shows."""
    if not data.times_ms:
        return
    if min(data.times_ms) == 0:
        data.times_ms = [time or message.timestamp for time in data.times_ms]
    if min(data.times_ms) <= 0 or max(data.times_ms) > _LAST_MS:
        raise PayloadError(f"a time is missing or impossible: {min(data.times_ms)} to {max(data.times_ms)} ms")
