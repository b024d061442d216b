"""The time that a device has for one reading, and asking again within it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vitrine_gateway.modbus.bus import Bus
from vitrine_gateway.modbus.failures import ACKNOWLEDGE, Busy, LineDown, NoAnswer
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.profiles.trigger import Trigger

#: Seconds between two tries of an instrument that asks for time: the first pause, the longest, and how long in all.
_PAUSE, _LONGEST_PAUSE, _LONGEST = 0.1, 1.0, 10.0
_Answer = TypeVar("_Answer")
#: Sends a request that may take so many seconds.
_Send = Callable[[float], Awaitable[_Answer]]


class Slot:
    """Asks one unit. Nothing is asked again that might last beyond the end of the slot."""

    def __init__(
        self,
        line: Bus,
        unit: int,
        timeout: float,
        now: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        """Prepare to ask a unit; `timeout` is the longest wait for an answer in seconds."""
        self._line, self._unit, self._timeout = line, unit, timeout
        self._now, self._pause = now, pause
        self._until = 0.0

    def begin(self, until: float = math.inf) -> None:
        """Begin a slot that ends at an instant of the clock."""
        self._until = min(until, self._now() + _LONGEST)

    async def read(self, request: Request, *, again: bool) -> tuple[list[int], float]:
        """Read registers, as `Line.read`; `again`: once more where no answer came and the slot has time."""
        try:
            return await self._patiently(lambda timeout: self._line.read(request, self._unit, timeout))
        except LineDown:
            raise
        except NoAnswer:
            if not again or self._left < 2 * self._timeout:
                raise
        return await self._line.read(request, self._unit, self._timeout)

    async def measure(self, trigger: Trigger) -> None:
        """Make the instrument measure, and wait until it has."""
        await self._patiently(lambda timeout: self._trigger(trigger, timeout))
        await self._pause(trigger.wait_s)

    async def _trigger(self, trigger: Trigger, timeout: float) -> None:
        try:
            if trigger.words:
                await self._line.write(trigger.address, trigger.words, self._unit, timeout)
            else:
                await self._line.start(trigger.address, self._unit, timeout)
        except Busy as busy:
            if busy.code != ACKNOWLEDGE:  # taken and being worked on: to send it again would measure twice
                raise

    async def _patiently(self, send: _Send[_Answer]) -> _Answer:
        """Send again while the instrument asks for time; Busy where it still does at the end of the slot."""
        pause, timeout = _PAUSE, self._timeout
        while True:
            try:
                return await send(timeout)
            except Busy:
                timeout = min(self._timeout, self._left - pause)
                if timeout <= 0:
                    raise
            await self._pause(pause)  # the line is free for others meanwhile
            pause = min(2 * pause, _LONGEST_PAUSE)

    @property
    def _left(self) -> float:
        return self._until - self._now()
