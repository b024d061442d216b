"""What the uplink tells of each device: seldom, in few digits, and only what its protocol has."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from vitrine_gateway.health.snapshot import DeviceHealth

#: Seconds for which what was told holds.
_EVERY = 60.0


class DeviceWords:
    """Success and latency are those since it was told last, so that a day of failures is not hidden by a good year."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that only goes forward, in seconds."""
        self._clock = clock
        self._told, self._at = "{}", float("-inf")
        self._before: dict[str, tuple[int, int, int]] = {}

    def text(self, devices: Callable[[], Iterable[DeviceHealth]]) -> str:
        """Return the JSON object, device key → its health; the same text for a minute."""
        now = self._clock()
        if now - self._at >= _EVERY:
            self._at = now
            self._told = json.dumps({one.key: self._of(one) for one in devices()}, separators=(",", ":"))
        return self._told

    def _of(self, one: DeviceHealth) -> dict[str, Any]:
        now = (one.requests or 0, one.answers or 0, one.missed_slots)
        requests, answers, missed = (
            new - old for new, old in zip(now, self._before.get(one.key, (0, 0, 0)), strict=True)
        )
        self._before[one.key] = now
        told = {
            "success": round(answers / requests, 2) if requests > 0 else None,
            "latency_ms": None if one.latency_s is None else float(f"{1000 * one.latency_s:.1g}"),
            "breaker": one.breaker,
            "missed_slots": missed or None,
        }
        return {name: value for name, value in told.items() if value is not None}
