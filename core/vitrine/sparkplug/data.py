"""Data messages of numbers, texts and aliases, written straight to the wire: a gateway sends nothing more often.

Field numbers and types are those of `schema` (specification 6.4.1); the encoding is Protocol Buffers' own
(protobuf.dev, "Encoding": varint, 64-bit and length-delimited fields). What is not written here, `payload.encode`
writes; both can be joined, since metrics are repeated fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

_DOUBLE = struct.Struct("<d").pack
# keys of fields: number << 3 | wire type (0 varint, 1 64 bits, 2 length-delimited)
_PAYLOAD_TIMESTAMP, _METRICS, _SEQ = b"\x08", b"\x12", b"\x18"
_ALIAS, _TIMESTAMP, _HISTORICAL = b"\x10", b"\x18", b"\x28\x01"
_LONG_VALUE, _DOUBLE_VALUE, _STRING_VALUE = b"\x58", b"\x69", b"\x7a"


def double_metric(alias: int, timestamp: int, value: float, *, historical: bool) -> bytes:
    """Return a metric of type Double as a field of the payload; `timestamp` in milliseconds since 1970 UTC."""
    return _metric(alias, timestamp, historical, _DOUBLE_VALUE + _DOUBLE(value))


def int64_metric(alias: int, timestamp: int, value: int, *, historical: bool) -> bytes:
    """Return a metric of type Int64 as a field of the payload."""
    return _metric(alias, timestamp, historical, _LONG_VALUE + _varint(value & 0xFFFFFFFFFFFFFFFF))


def string_metric(alias: int, timestamp: int, value: str, *, historical: bool) -> bytes:
    """Return a metric of type String as a field of the payload."""
    text = value.encode()
    return _metric(alias, timestamp, historical, _STRING_VALUE + _varint(len(text)) + text)


def data_payload(timestamp: int, seq: int, metrics: Iterable[bytes]) -> bytes:
    """Return a payload of metrics that are written already; `timestamp` is the time of sending."""
    return b"".join((_PAYLOAD_TIMESTAMP, _varint(timestamp), *metrics, _SEQ, _varint(seq)))


def _metric(alias: int, timestamp: int, historical: bool, content: bytes) -> bytes:
    when = _when(timestamp, historical)
    return _head(alias, len(when) + len(content)) + when + content


@lru_cache(64)
def _when(timestamp: int, historical: bool) -> bytes:
    return _TIMESTAMP + _varint(timestamp) + (_HISTORICAL if historical else b"")


@lru_cache(4096)
def _head(alias: int, rest: int) -> bytes:
    """Return the beginning of a metric in which so many bytes follow its alias."""
    field = _ALIAS + _varint(alias)
    return _METRICS + _varint(len(field) + rest) + field


def _varint(value: int) -> bytes:
    """Return a whole number in groups of seven bits, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
