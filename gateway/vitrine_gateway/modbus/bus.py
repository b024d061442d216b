"""What a reader needs of the line that its device is on."""

from __future__ import annotations

from typing import Protocol

from vitrine_gateway.modbus.plan import Request


class Bus(Protocol):
    """Carries one request to one unit, and its answer; NoAnswer or Refused where there is none."""

    async def read(self, request: Request, unit: int, timeout: float) -> tuple[list[int], float]:
        """Return the registers, and the instant in the middle of the request on the monotonic clock."""

    async def write(self, first: int, words: tuple[int, ...], unit: int, timeout: float) -> float:
        """Write registers, and return the instant in the middle."""

    async def start(self, first: int, unit: int, timeout: float) -> float:
        """Start a measurement, where the profile says that this address does so; return the instant in the middle."""
