"""From the monotonic clock, which stamps samples, to the wall clock, once that is known to be right.

Only the kernel is asked: chrony, ntpd and systemd-timesyncd all hand their bound of error to adjtimex(2), and a step
that another program makes sets it to its limit there. While the kernel holds its clock synchronised, the
wall clock is followed, steps included. When that ends, the mapping of that time is kept, and the wall clock is not
looked at again: the kernel's bound of error then grows as the kernel itself lets it grow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vitrine.uplink import TimeSource
from vitrine_gateway import kernel_clock

#: Seconds for which an answer of the kernel holds, unless the wall clock steps meanwhile.
_FRESH = 1.0
#: Seconds after the start of the machine within which a time server may still answer; samples wait for it.
PATIENCE = 600.0
#: A change of the wall clock against the monotonic one, in seconds, that is no slewing (0.5 ms a second at most).
STEP = 0.05
#: Growth of the error while nobody corrects the clock (kernel, MAXFREQ), and the error at which the kernel gives up
#: (NTP_PHASE_LIMIT), in seconds.
DRIFT, LARGEST_ERROR = 500e-6, 16.0


@dataclass(frozen=True, slots=True)
class ClockState:
    """How well the time is known."""

    source: TimeSource
    #: What the kernel still corrects, in milliseconds; None where it is not known.
    offset_ms: float | None
    #: The time is at most so wrong, in seconds; None where that is not known.
    error_s: float | None = None
    #: Whether the time is still held from an earlier synchronisation.
    holding: bool = False
    #: Steps of the wall clock that were seen, and the last one in seconds, positive to the future.
    steps: int = 0
    last_step_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Trusted:
    """The mapping at the last synchronisation."""

    shift: float
    at: float
    error: float

    def error_at(self, now: float) -> float:
        return self.error + DRIFT * (now - self.at)


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
        self._seen: float | None = None
        self._trusted: _Trusted | None = None
        self._state = ClockState("uncertain", None)
        self._steps = 0
        self._last_step: float | None = None
        self._shift = 0.0

    def state(self) -> ClockState:
        """Return how well the time is known, asked at most once a second, and at once after a step."""
        self._look()
        return self._state

    def shift_ms(self) -> int:
        """Return what to add to milliseconds of the monotonic clock, as time is known now."""
        return int(self._look() * 1000)

    def now_ms(self) -> int:
        """Return the time in milliseconds since 1970, rounded down as Sparkplug wants it."""
        return int((self._look() + self._monotonic()) * 1000)

    def may_improve(self) -> bool:
        """Tell whether it is worth while to hold samples of uncertain time: the machine started a moment ago."""
        return self.state().source == "uncertain" and self._monotonic() < PATIENCE

    def _look(self) -> float:
        """Bring the state up to date, and return the shift in seconds from the monotonic clock to the time."""
        now = self._monotonic()
        wall_shift = self._wall() - now
        stepped = self._seen is not None and abs(wall_shift - self._seen) > STEP
        if stepped and self._seen is not None:
            self._steps, self._last_step = self._steps + 1, wall_shift - self._seen
        self._seen = wall_shift
        if stepped or now - self._asked >= _FRESH:
            self._asked, self._state = now, self._ask(now, wall_shift)
        elif self._trusted is None or not self._state.holding:
            self._shift = wall_shift
        return self._shift

    def _ask(self, now: float, wall_shift: float) -> ClockState:
        kernel = self._kernel()
        if kernel.synchronised:
            self._shift = wall_shift
            self._trusted = _Trusted(wall_shift, now, kernel.max_error_s)
            return self._with("ntp", kernel.offset_ms, kernel.max_error_s, holding=False)
        if self._trusted is not None:
            self._shift = self._trusted.shift
            error = self._trusted.error_at(now)
            agrees = self._hardware() and abs(wall_shift - self._trusted.shift) <= error
            late: TimeSource = "rtc" if agrees else "uncertain"
            return self._with("ntp" if error < LARGEST_ERROR else late, None, error, holding=True)
        self._shift = wall_shift
        kept = self._hardware() and self._wall() >= kernel_clock.EARLIEST
        return self._with("rtc" if kept else "uncertain", None, None, holding=False)

    def _with(self, source: TimeSource, offset_ms: float | None, error_s: float | None, *, holding: bool) -> ClockState:
        return ClockState(source, offset_ms, error_s, holding, self._steps, self._last_step)
