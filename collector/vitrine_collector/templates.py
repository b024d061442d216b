"""Messages that look alike: what a device sends each time differs only in times and values.

Nearly every data message begins with the same channels in the same order, so its bytes are those of the one before but
for timestamps and doubles. A template knows which bytes those are: whether a message fits is one comparison of large
integers, and its numbers are read by NumPy for a whole batch at once. What does not fit, the protobuf library reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrine_collector.endings import Ending, Endings

#: A message begins with its own timestamp: the field's tag and six bytes.
_HEAD = 7
_FEWEST, _MOST_TEMPLATES = 4, 4
_TIME_POWERS = (1 << 7 * np.arange(6)).astype(np.int64)


class Layout(NamedTuple):
    """Where time and value stand in one metric: tag, length, alias, timestamp, (historical), value."""

    alias_bytes: int
    historical: bool

    @property
    def stride(self) -> int:
        """Bytes of one metric."""
        return 19 + self.alias_bytes + 2 * self.historical


class Shape:
    """Where the measurements stand in messages of one form; all devices of one kind have the same.

    A shape is found again by what it is, not by what it says: `shape_of` makes each but once.
    """

    def __init__(self, parts: Sequence[tuple[Layout, int]]) -> None:
        """Take how many metrics of which layout follow one another."""
        self._parts = parts
        #: Measurements of a message, and the bytes up to the end of the last of them.
        self.count = sum(count for _, count in parts)
        self.length = _HEAD + sum(layout.stride * count for layout, count in parts)

    def read(self, begins: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return times in milliseconds, and values, of messages of which each has `length` bytes here."""
        table = np.frombuffer(b"".join(begins), np.uint8).reshape(-1, self.length)
        times, values, start = [], [], _HEAD
        for layout, count in self._parts:
            end = start + layout.stride * count
            metrics = table[:, start:end].reshape(len(begins), count, layout.stride)
            at = 4 + layout.alias_bytes
            times.append((metrics[:, :, at : at + 6] & 0x7F).astype(np.int64) @ _TIME_POWERS)
            values.append(np.ascontiguousarray(metrics[:, :, -8:]).view("<f8")[:, :, 0])
            start = end
        return np.hstack(times).ravel(), np.hstack(values).ravel()


@lru_cache(maxsize=4096)
def shape_of(parts: tuple[tuple[Layout, int], ...]) -> Shape:
    """Return the shape of messages in which so many metrics of these layouts follow one another."""
    return Shape(parts)


class Template:
    """The bytes that a message of these aliases, in this order, must begin with."""

    def __init__(
        self, aliases: Sequence[int], channels: Sequence[int], ending: tuple[int, int] | None, *, historical: bool
    ) -> None:
        """Take the aliases of the measurements, and those of record number and time source if they follow."""
        fixed, free = bytearray(b"\x08" + _FIXED_TIME), bytearray(b"\x00" + _FREE_TIME)
        wire, parts = [_varint(alias) for alias in aliases], []
        for length, group in groupby(wire, key=len):
            layout, count = Layout(length, historical), len(fixed)
            for alias in group:
                head = bytes((0x12, layout.stride - 2, 0x10)) + alias + b"\x18"
                mark = (b"\x28\x01" if historical else b"") + b"\x69"
                fixed += head + _FIXED_TIME + mark + bytes(8)
                free += bytes(len(head)) + _FREE_TIME + bytes(len(mark)) + b"\xff" * 8
            parts.append((layout, (len(fixed) - count) // layout.stride))
        self.shape, self.channels = shape_of(tuple(parts)), np.array(channels, np.int32)
        self._endings = ending and Endings(_varint(ending[0]), _varint(ending[1]), historical=historical)
        self._length = len(fixed)
        self._fixed = int.from_bytes(fixed, "little")
        self._mask = int.from_bytes(bytes(byte ^ 0xFF for byte in free), "little")

    def begin(self, payload: bytes) -> bytes | None:
        """Return the bytes of the measurements where a message begins as this template says."""
        begin = payload[: self._length]
        fits = int.from_bytes(begin, "little") & self._mask == self._fixed and len(begin) == self._length
        return begin if fits else None

    def ending(self, payload: bytes) -> Ending | None:
        """Return what follows on the measurements; None where it is not as expected."""
        return self._endings.read(payload[self._length :]) if self._endings else None

    def rest(self, payload: bytes) -> bytes:
        """Return what follows on the measurements, which is a smaller message."""
        return payload[self._length :]


#: Measurements of a message, as bytes yet, and the template that they fit.
Packed = tuple[Template, bytes]

#: A timestamp of six bytes: each but the last says that another follows, the other bits are free.
_FIXED_TIME = b"\x80\x80\x80\x80\x80\x00"
_FREE_TIME = b"\x7f" * 6


class Templates:
    """The templates of one device; it learns a few, from messages that were read in the ordinary way."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: list[Template] = []

    def find(self, payload: bytes) -> Packed | None:
        """Return the template that a message fits, and the bytes of its measurements."""
        for template in self._known:
            if begin := template.begin(payload):
                return template, begin
        return None

    def learn(
        self,
        payload: bytes,
        message: Any,  # noqa: ANN401 - the message class is made at run time
        doubles: Mapping[int, int],
        ending: tuple[int, int] | None,
    ) -> None:
        """Make a template of a message that fits none, where enough of its metrics are plain."""
        if len(self._known) >= _MOST_TEMPLATES or len(message.metrics) < _FEWEST:
            return
        historical = message.metrics[0].is_historical
        aliases = []
        for metric in message.metrics:
            plain = metric.alias in doubles and not metric.HasField("properties") and not metric.is_null
            if not plain or metric.is_historical != historical:
                break
            aliases.append(metric.alias)
        if len(aliases) < _FEWEST:
            return
        rest = tuple(metric.alias for metric in message.metrics[len(aliases) :])
        template = Template(
            aliases,
            [doubles[alias] for alias in aliases],
            ending if rest == ending else None,
            historical=historical,
        )
        if template.begin(payload):
            self._known.append(template)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
