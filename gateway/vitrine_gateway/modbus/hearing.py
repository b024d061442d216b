"""What a frame that comes is: the answer, an answer to an earlier request, or one that spoils the request."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from vitrine_gateway.modbus.asked import WRITE, Asked
from vitrine_gateway.modbus.failures import ChecksumWrong, Damaged, NoAnswer
from vitrine_gateway.modbus.framing import FINDERS, FRAMINGS, IDENTIFY, Frame, NotModbus
from vitrine_gateway.modbus.late import LateAnswers
from vitrine_gateway.modbus.statistics import LineStatistics


class Hearing:
    """Listens on one connection, one request at a time."""

    def __init__(
        self, transport: str, late: LateAnswers, statistics: LineStatistics, fail: Callable[[NoAnswer], None]
    ) -> None:
        """Prepare to listen; `fail` ends the request under way."""
        self._numbered = FRAMINGS[transport] == "mbap"
        self._find = FINDERS[FRAMINGS[transport]]
        self._datagrams = transport == "udp"
        self._late, self._statistics, self._end = late, statistics, fail
        self._kept = 0
        #: The request under way.
        self.asked: Asked | None = None
        #: Instant of the last byte, on the monotonic clock.
        self.at = 0.0

    def begin(self, asked: Asked) -> None:
        """Listen for the answer to a request; what was heard before it is forgotten."""
        self.asked, self._kept = asked, 0

    def fail(self, error: NoAnswer) -> None:
        """End the request under way, if there is one."""
        if self.asked:
            self.asked = None
            self._end(error)

    def hear(self, data: bytes, transaction: int) -> tuple[int, Frame | None]:
        """Return how many bytes are done with, and the answer if it is there; NotModbus where nothing can come."""
        self.at = time.monotonic()
        self._statistics.bytes_received += max(0, len(data) - self._kept)
        self._kept = 0
        try:
            frames, done = self._find(data)
        except NotModbus as error:
            self.fail(Damaged(str(error)))
            raise
        answer = None
        for frame in frames:
            if self.asked is None or not self._of_this_unit(frame, self.asked):
                self._stray(frame)
            elif self._answers(frame, self.asked, transaction):
                answer, self.asked = frame, None
        done = len(data) if self._datagrams else done
        self._kept = len(data) - done
        return done, answer

    def _of_this_unit(self, frame: Frame, asked: Asked) -> bool:
        return frame.unit == asked.unit or (self._numbered and asked.unit == 0)

    def _answers(self, frame: Frame, asked: Asked, transaction: int) -> bool:
        """Tell whether a frame is the answer; end the wait where no answer can be made of it."""
        if self._numbered and frame.transaction != transaction:
            self._stray(frame)
            return False
        if frame.function == asked.function | 0x80 and len(frame.payload) == 1 and frame.sound:
            return not self._refusal_of_another(asked)
        if _fits(frame, asked):
            if not frame.sound:
                self.fail(ChecksumWrong("the answer's check sum is wrong"))
            return frame.sound
        if frame.sound and (self._numbered or not self._was_late(frame)):
            self.fail(Damaged(_another(frame, asked)))
        return False

    def _refusal_of_another(self, asked: Asked) -> bool:
        if not self._late.refusal_doubtful(asked, time.monotonic()):
            return False
        self._late.recognise(asked.unit, asked.function | 0x80, 1, time.monotonic())
        self.fail(Damaged("a refusal came that may be an earlier request's"))
        return True

    def _was_late(self, frame: Frame) -> bool:
        """Tell whether a frame answers a request whose time is up; a transaction number says so by itself."""
        numbered = self._numbered and frame.unit in self._statistics.units
        age = self._late.recognise(frame.unit, frame.function, len(frame.payload), time.monotonic())
        if numbered or age is not None:
            self._statistics.unit(frame.unit).late += 1
        return numbered or age is not None

    def _stray(self, frame: Frame) -> None:
        if frame.sound and not self._was_late(frame):
            self._statistics.strays += 1


def _fits(frame: Frame, asked: Asked) -> bool:
    if asked.function == IDENTIFY:
        return frame.function == IDENTIFY and len(frame.payload) >= 6
    if frame.function != asked.function or len(frame.payload) != asked.size:
        return False
    if asked.function == WRITE:
        return frame.payload == struct.pack(">HH", asked.first, asked.count)
    return frame.payload[0] == asked.size - 1


def _another(frame: Frame, asked: Asked) -> str:
    if asked.function == WRITE:
        return f"the answer is another request's: function {frame.function}"
    return (
        f"the answer is another request's: {max(0, len(frame.payload) - 1) // 2} registers instead of {asked.count}, "
        f"function {frame.function}"
    )
