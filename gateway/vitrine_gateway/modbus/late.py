"""Late answers: requests whose time is up, but whose answer may still come, on lines without transaction numbers.

An RTU or ASCII answer says which unit and function it is of and how many bytes it has, not which registers. So after
a time-out no request may be sent that the late answer would fit, unless it is the very same request. The wait ends
when the late answer has come, or when it is not to be expected any more: twice the time-out after it (at least 1 s), or
twice the longest lateness that the unit has shown.
"""

from __future__ import annotations

from vitrine_gateway.modbus.asked import Asked

_LEAST_PATIENCE = 1.0
_MOST_PATIENCE = 30.0


class LateAnswers:
    """The unanswered requests of one line. Instants are those of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Asked, float, float]] = []
        self._longest: dict[int, float] = {}

    def expect(self, asked: Asked, sent: float, timeout: float) -> None:
        """Note that the time of a request is up."""
        patience = max(_LEAST_PATIENCE, 2 * timeout, 2 * self._longest.get(asked.unit, 0.0))
        self._waiting.append((asked, sent, sent + timeout + min(_MOST_PATIENCE, patience)))

    def answered(self, asked: Asked, sent: float, timeout: float) -> None:
        """An answer came that may be the one to the same request before; then that to the last one may come yet."""
        earlier = next((one for one in self._waiting if one[0] == asked), None)
        if earlier:
            self._waiting.remove(earlier)
            self.expect(asked, sent, timeout)

    def wait(self, asked: Asked, now: float) -> float:
        """Return how long such a request must not be sent."""
        self._forget(now)
        return max((until - now for one, _, until in self._waiting if one.like(asked) and one != asked), default=0.0)

    def doubtful(self, asked: Asked, now: float) -> bool:
        """Tell whether an answer to this request may be the late one to the same request before."""
        self._forget(now)
        return any(one == asked for one, _, _ in self._waiting)

    def refusal_doubtful(self, asked: Asked, now: float) -> bool:
        """Tell whether a refusal may be another request's: it bears the function only, no length."""
        self._forget(now)
        return any((one.unit, one.function) == (asked.unit, asked.function) for one, _, _ in self._waiting)

    def recognise(self, unit: int, function: int, size: int, now: float) -> float | None:
        """Take a frame that nobody waits for as the late answer it may be, and return its age in seconds."""
        for position, (one, sent, _) in enumerate(self._waiting):
            refused = function == one.function | 0x80
            if one.unit == unit and (refused or (one.function, one.size) == (function, size)):
                del self._waiting[position]
                self._longest[unit] = max(self._longest.get(unit, 0.0), now - sent)
                return now - sent
        return None

    def _forget(self, now: float) -> None:
        if self._waiting:
            self._waiting = [one for one in self._waiting if one[2] > now]
