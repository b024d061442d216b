"""When a device that does not answer is left alone, so that it does not hold up its line, and when it is tried anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half-open"]
#: Cycles without any answer after which a device is asked less often.
_PATIENCE = 3
_LONGEST_PAUSE = 60.0


class Breaker:
    """The circuit breaker of one device."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin with a device that is taken to answer; `now` is the clock that tells when a pause is over."""
        self._now = now
        self._misses = 0
        self._resume = 0.0

    @property
    def state(self) -> BreakerState:
        """Tell whether the device is asked as planned, left alone for now, or tried again."""
        if self._misses < _PATIENCE:
            return "closed"
        return "open" if self.rests else "half-open"

    @property
    def rests(self) -> bool:
        """Tell whether the device is left alone now."""
        return self._now() < self._resume

    @property
    def missing(self) -> bool:
        """Tell whether no answer came last."""
        return self._misses > 0

    def answered(self) -> None:
        """An answer came."""
        self._misses = 0

    def missed(self) -> None:
        """No answer came in a whole cycle; each further one doubles the pause."""
        self._misses += 1
        if self._misses >= _PATIENCE:
            self._pause(min(_LONGEST_PAUSE, 2.0 ** (self._misses - _PATIENCE)))

    def mistaken(self) -> None:
        """Another instrument answered than the one expected, which will hardly change soon."""
        self._pause(_LONGEST_PAUSE)

    def _pause(self, longest: float) -> None:
        self._resume = self._now() + longest * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
