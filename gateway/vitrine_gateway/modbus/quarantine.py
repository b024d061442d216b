"""What a device refuses: registers that are left alone for a while, and refusals that say nothing of registers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from vitrine_gateway.modbus.failures import ILLEGAL_FUNCTION, REFUSALS, Busy, Refused
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.profiles import Channel

#: Seconds until registers that the instrument refuses are asked for again.
_QUARANTINE = 300.0
#: Cycles in a row in which a request must fail by the instrument's own fault until that is laid to its registers.
_STUBBORN = 3


class Quarantine:
    """The refusals of one device, by channel."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin without any; `now` is the clock that tells when a while is over."""
        self._now = now
        self._refused: dict[str, tuple[float, str]] = {}
        self._faults: dict[tuple[str, int, int], int] = {}
        self._passing: set[str] = set()

    @property
    def reasons(self) -> dict[str, str]:
        """Return the channels that are left alone, with the instrument's words."""
        return {key: reason for key, (_, reason) in self._refused.items()}

    @property
    def told(self) -> str:
        """Return all that the instrument refuses now, in one line; '' where it gives everything."""
        return "; ".join(sorted({*self._passing, *self.reasons.values()})) if self._passing or self._refused else ""

    def begin(self) -> None:
        """Begin a reading."""
        self._passing.clear()

    def lock(self, absent: Mapping[str, str]) -> None:
        """Leave channels alone for good, by key with the reason, and forget all others."""
        self._refused = {key: (math.inf, f"{key}: {reason}") for key, reason in absent.items()}

    def holds(self, request: Request) -> bool:
        """Tell whether a request asks for nothing but what is left alone."""
        if not self._refused:
            return False
        now = self._now()
        return all(self._until(place) > now for place in request.places if isinstance(place, Channel))

    def passes(self, request: Request, refusal: Refused) -> bool:
        """Note a refusal that says nothing of the registers (more time, a fault); False where it is about them.

        A fault (4 and other codes) that comes back cycle after cycle is laid to the registers in the end: some
        instruments answer so where they have none.
        """
        if not isinstance(refusal, Busy):
            if refusal.code == ILLEGAL_FUNCTION or refusal.code in REFUSALS:
                return False
            key = (request.table, request.first, request.count)
            self._faults[key] = self._faults.get(key, 0) + 1
            if self._faults[key] >= _STUBBORN:
                return False
        self._passing.add(str(refusal))
        return True

    def put(self, request: Request, refusal: Refused) -> None:
        """Leave the channels of a request alone for a while."""
        for place in request.places:
            if isinstance(place, Channel):
                self._refused[place.key] = (self._now() + _QUARANTINE, f"{place.key}: {refusal}")

    def answered(self, request: Request) -> None:
        """Forget what was said of a request that is answered now."""
        if self._faults:
            self._faults.pop((request.table, request.first, request.count), None)
        if self._refused:
            for place in request.places:
                if isinstance(place, Channel):
                    self._refused.pop(place.key, None)

    def _until(self, place: Channel) -> float:
        return self._refused.get(place.key, (0.0, ""))[0]
