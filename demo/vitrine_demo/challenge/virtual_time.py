"""A clock that goes on when it is told to: that of the instruments, the gateway and the messages of a challenge."""

from __future__ import annotations

from vitrine_gateway.clock import Clock
from vitrine_gateway.kernel_clock import KernelClock


class VirtualTime:
    """Seconds since 1970 UTC; monotonic clock and wall clock are one."""

    def __init__(self, now: float) -> None:
        self._now = now

    def __call__(self) -> float:
        """Return the time."""
        return self._now

    def reach(self, now: float) -> None:
        """Go on to an instant; ValueError where that lies behind."""
        if now < self._now:
            raise ValueError(f"time does not go back from {self._now} to {now}")
        self._now = now

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def gateway_clock(self) -> Clock:
        """Return the gateway's own clock on this time, which the kernel says is synchronised."""
        kernel = KernelClock(synchronised=True, max_error_s=0.001, offset_ms=0.0)
        return Clock(wall=self, monotonic=self, kernel=lambda: kernel, hardware=lambda: True, boot=bytes(16))
