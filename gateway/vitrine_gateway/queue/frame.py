"""One frame of a segment: mark, length, checksum, number, time, kind, body."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

_MARK = b"\xa5VF\x5a"
# length of the body, CRC-32 of all that follows, number, milliseconds since 1970, kind
_HEAD = struct.Struct(">4sIIQqB")
_CHECKED = struct.Struct(">QqB")
#: Longest body; a greater length is a damaged one.
LONGEST = 1 << 20
#: Block of the file systems of a Raspberry Pi; a disk takes no less.
BLOCK_BYTES = 4096


class Kind(IntEnum):
    """What the body of a frame is."""

    SAMPLE = 1
    LOSS = 2
    #: What a finished file holds, at its end.
    INDEX = 3


_KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Frame:
    """One numbered record as it lies on disk."""

    number: int
    #: Time of its latest value, for reports of loss.
    time_ms: int
    kind: Kind
    body: bytes

    @property
    def size(self) -> int:
        """Bytes that the frame takes on disk."""
        return _HEAD.size + len(self.body)

    def to_bytes(self) -> bytes:
        """Write the frame."""
        checked = _CHECKED.pack(self.number, self.time_ms, self.kind) + self.body
        return _MARK + struct.pack(">II", len(self.body), zlib.crc32(checked)) + checked


def frame_at(data: memoryview, at: int) -> tuple[Frame, int] | None:
    """Return the frame at a place and where it ends; None where there is none, or a damaged one."""
    if at + _HEAD.size > len(data):
        return None
    mark, length, checksum, number, time_ms, kind = _HEAD.unpack_from(data, at)
    start, end = at + _HEAD.size, at + _HEAD.size + length
    if mark != _MARK or length > LONGEST or end > len(data) or kind not in _KINDS:
        return None
    if zlib.crc32(data[end - length - _CHECKED.size : end]) != checksum:
        return None
    return Frame(number, time_ms, Kind(kind), bytes(data[start:end])), end


def unfinished(data: bytes) -> bool:
    """Tell whether bytes are the beginning of a frame whose writing was cut short."""
    if len(data) < _HEAD.size:
        return data.startswith(_MARK[: len(data)])
    mark, length, _, _, _, kind = _HEAD.unpack_from(data)
    return mark == _MARK and length <= LONGEST and kind in _KINDS and _HEAD.size + length > len(data)


def after_gap(data: bytes, end: int) -> int:
    """Return where a frame may begin after one that ends here: at once, or, behind zeros only, in the next block."""
    block = -(-end // BLOCK_BYTES) * BLOCK_BYTES
    return end if data[end : end + 1] != b"\0" or any(data[end:block]) else min(block, len(data))


def frames(data: bytes, at: int) -> Iterator[tuple[Frame, int]]:
    """Yield each sound frame with where it ends; damaged bytes are stepped over to the next mark."""
    view = memoryview(data)
    while at < len(data):
        found = frame_at(view, at)
        if found is None:
            at = data.find(_MARK, at + 1)
            if at < 0:
                return
            continue
        yield found
        at = found[1]
