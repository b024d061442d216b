"""From the monotonic clock, which stamps samples, to the wall clock, once that is known to be right."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vitrine.uplink import TimeSource
from vitrine_gateway import kernel_clock

#: Seconds for which an answer of the kernel holds.
_FRESH = 1.0
#: Seconds after the start of the machine within which a time server may still answer; samples wait for it.
PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class ClockState:
    """How well the wall clock is known."""

    source: TimeSource
    offset_ms: float | None


class Clock:
    """Maps instants of the monotonic clock to milliseconds since 1970 UTC."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        kernel: Callable[[], kernel_clock.KernelClock] = kernel_clock.kernel_clock,
        hardware: Callable[[], bool] = kernel_clock.hardware_clock,
        boot: bytes = b"",
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._kernel, self._hardware = kernel, hardware
        self.boot = boot or kernel_clock.boot_id()
        self._asked = -_FRESH
        self._state = ClockState("uncertain", None)

    def state(self) -> ClockState:
        """Return how well the wall clock is known, asked at most once a second."""
        now = self._monotonic()
        if now - self._asked >= _FRESH:
            self._asked, self._state = now, self._ask()
        return self._state

    def shift_ms(self) -> int:
        """Return what to add to milliseconds of the monotonic clock, as the wall clock stands now."""
        return int((self._wall() - self._monotonic()) * 1000)

    def now_ms(self) -> int:
        """Return the wall clock, rounded down as Sparkplug wants it."""
        return int(self._wall() * 1000)

    def may_improve(self) -> bool:
        """Tell whether it is worth while to hold samples of uncertain time: the machine started a moment ago."""
        return self.state().source == "uncertain" and self._monotonic() < PATIENCE

    def _ask(self) -> ClockState:
        kernel = self._kernel()
        if kernel.synchronised:
            return ClockState("ntp", kernel.offset_ms)
        trusted = self._hardware() and self._wall() >= kernel_clock.EARLIEST
        return ClockState("rtc" if trusted else "uncertain", None)
