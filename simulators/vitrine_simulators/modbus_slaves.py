"""What stands behind a line: instruments by their unit ids, the answers they give, and the disturbances between.

Functions and exception codes follow “MODBUS Application Protocol V1.1b3”. This is our own, and small, because a
simulated field must also be able to answer wrongly, which a library's server rightly refuses to do.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vitrine_simulators.modbus_frames import TAKES, WRAPS, Framing, Request

READ_HOLDING, READ_INPUT, WRITE = 3, 4, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_ANSWER_BEHIND = 1, 2, 3, 11
MAX_REGISTERS = 125

_READ = struct.Struct(">BHH")  # function, first address, count
_WRITE = struct.Struct(">BHHB")  # the same, and the bytes that follow


class Refusal(Exception):  # noqa: N818  # the standard calls it an exception response; it is no error of ours
    """A Modbus exception response."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception response {code}")
        self.code = code


class Instrument(Protocol):
    """What stands behind one unit id."""

    def registers(self, function: int, first: int, count: int) -> list[int]:
        """Return the registers asked for; Refusal where there are none."""


@runtime_checkable
class Startable(Protocol):
    """An instrument that may be started by a read of no register."""

    def start(self, first: int) -> None:
        """Measure; Refusal where that is not how it is started."""


@runtime_checkable
class Writable(Protocol):
    """An instrument that takes a write."""

    def write(self, first: int, words: tuple[int, ...]) -> None:
        """Take the registers; Refusal where it does not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on the line for one request."""

    unit: int
    #: Function code and data.
    body: bytes
    #: Seconds that the instrument takes beyond its usual time.
    delay_s: float = 0.0
    #: Seconds between two bytes, where it is slower than its line; 0: as fast as the line.
    pause_s: float = 0.0
    #: What happens to the finished frame on its way.
    spoil: Callable[[bytes], bytes] | None = None


#: Changes an answer, or takes it away.
Disturbance = Callable[[Request, Answer], Answer | None]


class Slaves:
    """The instruments of one line or connection.

    A disturbance stands between a request and its answer; on a TCP line nobody is silent for an absent instrument: the
    converter answers that the instrument does not (exception 11). On a serial line an absent instrument is silent.
    """

    def __init__(
        self,
        instruments: Mapping[int, Instrument],
        framing: Framing = "mbap",
        disturbances: Mapping[int, Disturbance] | None = None,
    ) -> None:
        self._instruments, self._disturbances = instruments, disturbances or {}
        self.take, self._wrap = TAKES[framing], WRAPS[framing]
        self._says_absence = framing == "mbap"

    def answer(self, request: Request) -> Answer | None:
        """Return what the instrument says, as it is disturbed at this moment; None for silence."""
        body = self._body(request)
        if body is None:
            return None
        answer = Answer(request.unit, body)
        disturb = self._disturbances.get(request.unit)
        return disturb(request, answer) if disturb else answer

    def frame(self, request: Request, answer: Answer) -> bytes:
        """Return the bytes of an answer, spoiled where they are."""
        frame = self._wrap(request, answer.unit, answer.body)
        return answer.spoil(frame) if answer.spoil else frame

    def _body(self, request: Request) -> bytes | None:
        instrument = self._instruments.get(request.unit)
        function = request.body[0]
        if instrument is None:
            return bytes([function | 0x80, NO_ANSWER_BEHIND]) if self._says_absence else None
        try:
            return _written(instrument, request.body) if function == WRITE else _read(instrument, request.body)
        except Refusal as refusal:
            return bytes([function | 0x80, refusal.code])


async def deliver(send: Callable[[bytes], object], frame: bytes, answer: Answer, byte_s: float = 0.0) -> None:
    """Send a frame in the time that it takes: its delay, and the pace of its bytes (`byte_s` on this line)."""
    if answer.delay_s:
        await asyncio.sleep(answer.delay_s)
    pace = max(byte_s, answer.pause_s)
    if not pace:
        send(frame)
        return
    loop = asyncio.get_running_loop()
    begun, sent = loop.time(), 0
    while sent < len(frame):
        # As a serial adapter does: what arrived in a few milliseconds at once, never earlier than the line allows
        await asyncio.sleep(max(pace, 0.004))
        ready = min(len(frame), int((loop.time() - begun) / pace))
        send(frame[sent:ready])
        sent = ready


def _written(instrument: Instrument, body: bytes) -> bytes:
    if not isinstance(instrument, Writable):
        raise Refusal(ILLEGAL_FUNCTION)
    count = body[4] if len(body) > _WRITE.size else 0
    if not count or len(body) != _WRITE.size + 2 * count:
        raise Refusal(ILLEGAL_VALUE)
    _, first, _, _ = _WRITE.unpack(body[: _WRITE.size])
    instrument.write(first, struct.unpack(f">{count}H", body[_WRITE.size :]))
    return body[: _READ.size]


def _read(instrument: Instrument, body: bytes) -> bytes:
    if body[0] not in (READ_HOLDING, READ_INPUT):
        raise Refusal(ILLEGAL_FUNCTION)
    if len(body) != _READ.size:
        raise Refusal(ILLEGAL_VALUE)
    function, first, count = _READ.unpack(body)
    if not count and isinstance(instrument, Startable):
        instrument.start(first)
        return bytes([function, 0])
    if not 1 <= count <= MAX_REGISTERS:
        raise Refusal(ILLEGAL_VALUE)
    return struct.pack(f">BB{count}H", function, 2 * count, *instrument.registers(function, first, count))
