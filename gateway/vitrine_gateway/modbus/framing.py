"""Finding frames in what a line gives: sound, damaged, or not there yet. No frame is taken on trust of its place.

Sources: Modbus over Serial Line V1.02 (2.5.1 RTU, 2.5.2 ASCII), Modbus Messaging on TCP/IP V1.0b (3.1.3 MBAP).
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Framing = Literal["rtu", "ascii", "mbap"]

#: Functions that answer with a count of bytes and so many bytes; the others here answer with four.
READS = frozenset({1, 2, 3, 4})
_ECHOES = frozenset({5, 6, 15, 16})
#: Function that reads what an instrument says of itself (encapsulated interface 14).
IDENTIFY = 43
_LONGEST_MBAP = 254


class NotModbus(Exception):  # noqa: N818  # it says what was heard
    """What comes cannot be a frame of this kind, nor become one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose check sum holds, or, with `sound` false, one that has the right shape only."""

    unit: int
    function: int
    #: All after the function code, without check sum.
    payload: bytes
    transaction: int = 0
    sound: bool = True


#: From the bytes heard, the frames in them and how many bytes of them are done with.
Finder = Callable[[bytes], tuple[list[Frame], int]]


def crc16(data: bytes) -> int:
    """Return the check sum of an RTU frame: polynomial A001, begun with FFFF, low byte first on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


_TABLE = tuple(_row(value) for value in range(256))


def find_rtu(data: bytes) -> tuple[list[Frame], int]:
    """Find RTU frames, also behind noise or the echo of the request; an unfinished one is left where it is."""
    found: list[Frame] = []
    at = done = 0
    while at + 5 <= len(data):
        size = _rtu_size(data, at)
        if size and at + size <= len(data) and crc16(data[at : at + size - 2]) == _word(data, at + size - 2):
            found.append(Frame(data[at], data[at + 1], data[at + 2 : at + size - 2]))
            at = done = at + size
        else:
            at += 1
    if not found and (size := _rtu_size(data, 0)) and len(data) == size:
        found.append(Frame(data[0], data[1], data[2 : size - 2], sound=False))
    return found, done


def _rtu_size(data: bytes, at: int) -> int:
    """Return the length of the answer that would begin here; 0 where none can."""
    if len(data) < at + 3:
        return 0
    function = data[at + 1]
    if function in READS:
        return 5 + data[at + 2]
    if function in _ECHOES:
        return 8
    if function == IDENTIFY:
        return _identification_size(data, at)
    return 5 if function & 0x80 and 1 <= data[at + 2] <= 11 else 0


def _identification_size(data: bytes, at: int) -> int:
    """Return the length of a device identification, which only its objects tell; 0 until they are all there."""
    if len(data) < at + 8:
        return 0
    end = at + 8
    for _ in range(data[at + 7]):
        if len(data) < end + 2:
            return 0
        end += 2 + data[end + 1]
    return end + 2 - at


def _word(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


def find_ascii(data: bytes) -> tuple[list[Frame], int]:
    """Find ASCII frames, from a colon to the end of its line."""
    found: list[Frame] = []
    done = 0
    while (end := data.find(b"\r\n", done)) >= 0:
        line = data[done:end]
        done = end + 2
        try:
            body = binascii.unhexlify(line[line.rfind(b":") + 1 :])
        except binascii.Error:
            body = b""
        if b":" in line and len(body) >= 4:
            found.append(Frame(body[0], body[1], body[2:-1], sound=sum(body) & 0xFF == 0))
    return found, done


def find_mbap(data: bytes) -> tuple[list[Frame], int]:
    """Find Modbus TCP frames; NotModbus where the bytes cannot be one, since the stream is then out of step."""
    found: list[Frame] = []
    done = 0
    while len(data) - done >= 8:
        head = data[done : done + 8]
        length = head[4] << 8 | head[5]
        if head[2] or head[3] or not 2 <= length <= _LONGEST_MBAP:
            raise NotModbus("what answers does not speak Modbus TCP" + _rtu_instead(data[done:]))
        end = done + 6 + length
        if length == 2 and head[7] & 0x80 and len(data) == done + 9:
            end += 1  # some instruments count one byte too few when they refuse
        if len(data) < end:
            break
        found.append(Frame(head[6], head[7], data[done + 8 : end], head[0] << 8 | head[1]))
        done = end
    return found, done


def _rtu_instead(data: bytes) -> str:
    """Tell a converter that hands serial frames through from one that translates them."""
    frames, _ = find_rtu(data)
    return ", but RTU frames: its transport is rtu_over_tcp" if any(frame.sound for frame in frames) else ""


FINDERS: dict[Framing, Finder] = {"rtu": find_rtu, "ascii": find_ascii, "mbap": find_mbap}
FRAMINGS: dict[str, Framing] = {
    "tcp": "mbap",
    "tls": "mbap",
    "udp": "mbap",
    "rtu": "rtu",
    "rtu_over_tcp": "rtu",
    "ascii": "ascii",
    "ascii_over_tcp": "ascii",
}
