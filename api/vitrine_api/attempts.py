"""How often someone has tried to sign in in vain."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from vitrine_api.problems import ApiError

#: Failures that are allowed for one address and login …
LIMIT = 5
#: … and for one address whatever the logins …
LIMIT_ADDRESS = 50
#: … within these seconds.
WINDOW_S = 300.0
#: Addresses and logins remembered at most; the oldest are forgotten first.
_REMEMBERED = 10_000

Who = tuple[str, str]


class Attempts:
    """Failed attempts of the last minutes, in the memory of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[Who, deque[float]] = OrderedDict()

    def check(self, who: Who) -> None:
        """Refuse a further attempt with problem 429 where there were too many."""
        for key, limit in ((who, LIMIT), ((who[0], ""), LIMIT_ADDRESS)):
            recent = self._recent(key)
            if len(recent) >= limit:
                wait = math.ceil(recent[0] + WINDOW_S - self._clock())
                minutes = math.ceil(wait / 60)
                raise ApiError("too-many-attempts", 429, headers={"Retry-After": str(wait)}, minutes=minutes)

    def failed(self, who: Who) -> None:
        """Remember a failure."""
        for key in (who, (who[0], "")):
            self._failures.setdefault(key, deque(maxlen=LIMIT_ADDRESS)).append(self._clock())
            self._failures.move_to_end(key)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, who: Who) -> None:
        """Forget the failures of this login from this address."""
        self._failures.pop(who, None)

    def _recent(self, key: Who) -> deque[float]:
        recent = self._failures.get(key, deque())
        while recent and recent[0] <= self._clock() - WINDOW_S:
            recent.popleft()
        return recent
