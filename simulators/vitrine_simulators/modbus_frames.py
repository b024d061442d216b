"""Frames of Modbus as a slave sees them: requests out of bytes, answers into bytes.

Sources: Modbus Messaging on TCP/IP V1.0b, 3.1.3 (MBAP); Modbus over Serial Line V1.02, 2.5.1 (RTU) and 2.5.2 (ASCII).
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Framing = Literal["mbap", "rtu", "ascii"]

_HEADER = struct.Struct(">HHHB")  # transaction, protocol (0), bytes that follow, unit id
_SHORTEST_MBAP, _LONGEST_MBAP = 2, 254
#: Bytes of an RTU request by function; a write of several registers or coils says its own length.
_RTU_REQUESTS = dict.fromkeys((1, 2, 3, 4, 5, 6), 8) | {43: 7}
_WRITES_SEVERAL = (15, 16)
_BYTES_BEFORE_DATA, _CHECK_SUM = 7, 2


class NotModbus(Exception):  # noqa: N818  # it says what was heard
    """What comes is no request, and nothing after it can be trusted."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: who is asked, function code and data, and the number that a TCP answer repeats."""

    unit: int
    body: bytes
    transaction: int = 0


#: From the bytes heard, the next request, or None, and the bytes that are left.
Take = Callable[[bytes], tuple[Request | None, bytes]]
#: From the request, the unit and the body of the answer, its frame.
Wrap = Callable[[Request, int, bytes], bytes]


def crc16(data: bytes) -> int:
    """Return the check sum of an RTU frame: polynomial A001, begun with FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


_CRC = tuple(map(_row, range(256)))


def take_mbap(data: bytes) -> tuple[Request | None, bytes]:
    """Take a request of Modbus TCP; NotModbus where the bytes cannot be one."""
    if len(data) < _HEADER.size:
        return None, data
    transaction, protocol, length, unit = _HEADER.unpack_from(data)
    if protocol != 0 or not _SHORTEST_MBAP <= length <= _LONGEST_MBAP:
        raise NotModbus
    end = _HEADER.size - 1 + length
    if len(data) < end:
        return None, data
    return Request(unit, data[_HEADER.size : end], transaction), data[end:]


def wrap_mbap(request: Request, unit: int, body: bytes) -> bytes:
    """Write an answer of Modbus TCP."""
    return _HEADER.pack(request.transaction, 0, len(body) + 1, unit) + body


def take_rtu(data: bytes) -> tuple[Request | None, bytes]:
    """Take the first sound RTU request, also behind noise; a slave is silent where a check sum does not hold."""
    at = 0
    while len(data) - at >= 4:
        size = _rtu_size(data, at)
        if size and at + size > len(data):
            break
        if size and crc16(data[at : at + size]) == 0:
            return Request(data[at], data[at + 1 : at + size - _CHECK_SUM]), data[at + size :]
        at += 1
    return None, data[at:]


def _rtu_size(data: bytes, at: int) -> int:
    """Return the length of the request that would begin here; 0 where none can, or where it cannot be said yet."""
    function = data[at + 1]
    if function in _WRITES_SEVERAL:
        if len(data) < at + _BYTES_BEFORE_DATA:
            return _BYTES_BEFORE_DATA + _CHECK_SUM
        return _BYTES_BEFORE_DATA + data[at + _BYTES_BEFORE_DATA - 1] + _CHECK_SUM
    return _RTU_REQUESTS.get(function, 0)


def wrap_rtu(request: Request, unit: int, body: bytes) -> bytes:
    """Write an answer with its check sum."""
    frame = bytes([unit]) + body
    return frame + struct.pack("<H", crc16(frame))


def take_ascii(data: bytes) -> tuple[Request | None, bytes]:
    """Take the first sound ASCII request, from a colon to the end of its line."""
    while (end := data.find(b"\r\n")) >= 0:
        line, data = data[:end], data[end + 2 :]
        try:
            frame = binascii.unhexlify(line[line.rfind(b":") + 1 :])
        except binascii.Error:
            continue
        if b":" in line and len(frame) >= 3 and sum(frame) & 0xFF == 0:
            return Request(frame[0], frame[1:-1]), data
    return None, data


def wrap_ascii(request: Request, unit: int, body: bytes) -> bytes:
    """Write an answer in hexadecimal digits with its check sum."""
    frame = bytes([unit]) + body
    return b":" + (frame + bytes([-sum(frame) & 0xFF])).hex().upper().encode() + b"\r\n"


TAKES: dict[Framing, Take] = {"mbap": take_mbap, "rtu": take_rtu, "ascii": take_ascii}
WRAPS: dict[Framing, Wrap] = {"mbap": wrap_mbap, "rtu": wrap_rtu, "ascii": wrap_ascii}
#: Transport of an installation file → framing of its frames.
FRAMINGS: dict[str, Framing] = {
    "tcp": "mbap",
    "udp": "mbap",
    "rtu": "rtu",
    "rtu_over_tcp": "rtu",
    "ascii": "ascii",
    "ascii_over_tcp": "ascii",
}
