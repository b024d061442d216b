"""Messages that look alike: what a device sends each time differs only in times and values.

Nearly every data message begins with the same channels in the same order, so its bytes are those of the one before but
for timestamps and doubles. A template knows which bytes those are: whether a message fits is one comparison of large
integers, and its numbers are read by NumPy for a whole batch at once. What does not fit, the protobuf library reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrine_collector.endings import Ending, EndingPattern

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

    def read(self, metrics: bytes) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return times in milliseconds, and values, of metrics that follow one another."""
        table = np.frombuffer(metrics, np.uint8).reshape(-1, self.stride)
        at = 4 + self.alias_bytes
        times = (table[:, at : at + 6] & 0x7F).astype(np.int64) @ _TIME_POWERS
        return times, np.ascontiguousarray(table[:, -8:]).view("<f8").ravel()


class Packed(NamedTuple):
    """Metrics of one layout, as bytes yet, and the channels that they stand for."""

    layout: Layout
    metrics: bytes
    channels: NDArray[np.int32]


class Template:
    """The bytes that a message of these aliases, in this order, must begin with."""

    def __init__(
        self, aliases: Sequence[int], channels: Sequence[int], ending: tuple[int, int] | None, *, historical: bool
    ) -> None:
        """Take the aliases of the measurements, and those of record number and time source if they follow."""
        fixed, free = bytearray(b"\x08" + bytes(6)), bytearray(b"\x00" + _FREE_TIME)
        fixed[1:7] = _FIXED_TIME
        self._segments: list[tuple[int, int, Layout, NDArray[np.int32]]] = []
        numbered = zip(map(_varint, aliases), channels, strict=True)
        for length, group in groupby(numbered, key=lambda pair: len(pair[0])):
            layout, start, found = Layout(length, historical), len(fixed), []
            for alias, channel in group:
                head = bytes((0x12, layout.stride - 2, 0x10)) + alias + b"\x18"
                mark = (b"\x28\x01" if historical else b"") + b"\x69"
                fixed += head + _FIXED_TIME + mark + bytes(8)
                free += bytes(len(head)) + _FREE_TIME + bytes(len(mark)) + b"\xff" * 8
                found.append(channel)
            self._segments.append((start, len(fixed), layout, np.array(found, np.int32)))
        self._ending = ending and EndingPattern(_varint(ending[0]), _varint(ending[1]), historical=historical)
        self._length = len(fixed)
        self._fixed = int.from_bytes(fixed, "little")
        self._mask = int.from_bytes(bytes(byte ^ 0xFF for byte in free), "little")

    def fits(self, payload: bytes) -> bool:
        """Tell whether a message begins as this template says."""
        begin = payload[: self._length]
        return len(begin) == self._length and int.from_bytes(begin, "little") & self._mask == self._fixed

    def split(self, payload: bytes) -> tuple[list[Packed], bytes]:
        """Return the measurements of a message that fits, and its rest, which is a smaller message."""
        return self._packed(payload), payload[self._length :]

    def read(self, payload: bytes) -> tuple[list[Packed], Ending] | None:
        """Return all that a message that fits holds; None where its end is not as expected."""
        ending = self._ending and self._ending.read(payload[self._length :])
        return (self._packed(payload), ending) if ending else None

    def _packed(self, payload: bytes) -> list[Packed]:
        return [Packed(layout, payload[start:end], found) for start, end, layout, found in self._segments]


#: A timestamp of six bytes: each but the last says that another follows, the other bits are free.
_FIXED_TIME = b"\x80\x80\x80\x80\x80\x00"
_FREE_TIME = b"\x7f" * 6


class Templates:
    """The templates of one device; it learns a few, from messages that were read in the ordinary way."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: list[Template] = []

    def find(self, payload: bytes) -> Template | None:
        """Return the template that a message fits."""
        for template in self._known:
            if template.fits(payload):
                return template
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
        if template.fits(payload):
            self._known.append(template)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
