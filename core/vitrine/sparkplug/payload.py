"""Reading and writing Sparkplug B payloads as plain Python values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from google.protobuf.message import DecodeError

from vitrine.errors import PayloadError
from vitrine.sparkplug.schema import PayloadMessage

Scalar = bool | int | float | str | bytes


class DataType(IntEnum):
    """Sparkplug data types (specification 6.4.16)."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTY_SET = 20
    PROPERTY_SET_LIST = 21


_SIGNED = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_UNSIGNED = {DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64, DataType.DATETIME: 64}
_FIELDS = {
    **dict.fromkeys((1, 2, 3, 5, 6, 7), "int_value"),
    **dict.fromkeys((4, 8, 13), "long_value"),
    9: "float_value",
    10: "double_value",
    11: "boolean_value",
    **dict.fromkeys((12, 14, 15), "string_value"),
    **dict.fromkeys((17, 18), "bytes_value"),
}
_REFUSED = {"dataset_value", "template_value", "propertyset_value", "propertysets_value"}


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """One property of a metric; `value` None is null."""

    type: DataType
    value: Scalar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of a payload. `value` None is a null; `timestamp` is in milliseconds since 1970 UTC."""

    name: str = ""
    alias: int | None = None
    timestamp: int | None = None
    #: Data messages leave it out: the birth said it.
    datatype: DataType | None = None
    value: Scalar | None = None
    historical: bool = False
    transient: bool = False
    properties: Mapping[str, PropertyValue] = field(default_factory=dict)
    #: Name of the field that held a value which we do not read (data sets, templates); '' otherwise.
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One Sparkplug payload. `timestamp` is the time of sending, in milliseconds since 1970 UTC."""

    timestamp: int | None = None
    seq: int | None = None
    metrics: tuple[Metric, ...] = ()


def encode(payload: Payload, types: Mapping[int | str, DataType] | None = None) -> bytes:
    """Write a payload.

    A metric without `datatype` takes it from `types`, by alias or name, for the choice of its value field;
    it is then not written, as data messages should leave it out.
    """
    message = PayloadMessage()
    if payload.timestamp is not None:
        message.timestamp = payload.timestamp
    if payload.seq is not None:
        message.seq = payload.seq
    for metric in payload.metrics:
        _write_metric(message.metrics.add(), metric, types or {})
    return bytes(message.SerializeToString())


def decode(data: bytes) -> Payload:
    """Read a payload; PayloadError where the bytes are none.

    Integers without a datatype come as they are on the wire, unsigned; `signed` mends them once the type is known.
    """
    message = PayloadMessage()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise PayloadError(f"the payload of {len(data)} bytes is not Sparkplug B: {error}") from error
    return Payload(
        timestamp=message.timestamp if message.HasField("timestamp") else None,
        seq=message.seq if message.HasField("seq") else None,
        metrics=tuple(map(_read_metric, message.metrics)),
    )


def signed(value: Scalar | None, datatype: DataType) -> Scalar | None:
    """Return an integer in the range of its type: two's complement undone, wider bits masked."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if bits := _SIGNED.get(datatype):
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    if bits := _UNSIGNED.get(datatype):
        return value & ((1 << bits) - 1)
    return value


def _write_metric(target: Any, metric: Metric, types: Mapping[int | str, DataType]) -> None:  # noqa: ANN401
    if metric.name:
        target.name = metric.name
    if metric.alias is not None:
        target.alias = metric.alias
    if metric.timestamp is not None:
        target.timestamp = metric.timestamp
    if metric.datatype is not None:
        target.datatype = int(metric.datatype)
    if metric.historical:
        target.is_historical = True
    if metric.transient:
        target.is_transient = True
    for key, value in metric.properties.items():
        target.properties.keys.append(key)
        _write_property(target.properties.values.add(), value)
    datatype = metric.datatype
    if datatype is None:
        datatype = types.get(metric.name) if metric.alias is None else types.get(metric.alias)
    if metric.value is None:
        target.is_null = True
    else:
        _write_value(target, _guess(metric.value) if datatype is None else datatype, metric.value)


def _write_property(target: Any, value: PropertyValue) -> None:  # noqa: ANN401
    target.type = int(value.type)
    if value.value is None:
        target.is_null = True
    else:
        _write_value(target, value.type, value.value)


def _write_value(target: Any, datatype: DataType, value: Scalar) -> None:  # noqa: ANN401
    name = _FIELDS.get(int(datatype))
    if name is None:
        raise PayloadError(f"a value of type {datatype.name} cannot be written")
    if isinstance(value, int) and not isinstance(value, bool):
        if name == "int_value":
            value &= 0xFFFFFFFF
        elif name == "long_value":
            value &= 0xFFFFFFFFFFFFFFFF
    setattr(target, name, value)


def _guess(value: Scalar) -> DataType:
    for kind, datatype in (
        (bool, DataType.BOOLEAN),
        (int, DataType.INT64),
        (float, DataType.DOUBLE),
        (str, DataType.STRING),
    ):
        if isinstance(value, kind):
            return datatype
    return DataType.BYTES


def _read_metric(source: Any) -> Metric:  # noqa: ANN401
    held = source.WhichOneof("value")
    _check_text(source.name)
    if held == "string_value":
        _check_text(source.string_value)
    datatype = _datatype(source.datatype) if source.HasField("datatype") else None
    value = None if held is None or held in _REFUSED or source.is_null else getattr(source, held)
    return Metric(
        name=source.name,
        alias=source.alias if source.HasField("alias") else None,
        timestamp=source.timestamp if source.HasField("timestamp") else None,
        datatype=datatype,
        value=value if datatype is None else signed(value, datatype),
        historical=source.is_historical,
        transient=source.is_transient,
        properties=_read_properties(source.properties) if source.HasField("properties") else {},
        refused=held if held in _REFUSED else "",
    )


def _read_properties(source: Any) -> dict[str, PropertyValue]:  # noqa: ANN401
    found = {}
    for key, item in zip(source.keys, source.values, strict=False):
        held = item.WhichOneof("value")
        _check_text(key)
        if held == "string_value":
            _check_text(item.string_value)
        datatype = _datatype(item.type)
        value = None if held is None or held in _REFUSED or item.is_null else signed(getattr(item, held), datatype)
        found[key] = PropertyValue(datatype, value)
    return found


def _check_text(text: object) -> None:
    # The protobuf runtime gives bytes where a text is not UTF-8.
    if not isinstance(text, str):
        raise PayloadError(f"the payload is not Sparkplug B: a text in it is not UTF-8: {text!r:.80}")


def _datatype(code: int) -> DataType:
    try:
        return DataType(code)
    except ValueError:
        return DataType.UNKNOWN
