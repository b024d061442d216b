"""Signs that another gateway works with the same identity: its births, its deaths, answers to its records."""

from __future__ import annotations

from collections import deque

from vitrine.errors import PayloadError
from vitrine.sparkplug import decode
from vitrine.uplink import BDSEQ, EPOCH

#: Seconds for which a sign is told.
_REMEMBERED = 600.0
#: Connections that lasted less than this many seconds and were then ended by the broker …
_SHORT = 30.0
#: … so many in a row are a sign: two clients with one name put each other out.
_SHORT_SESSIONS = 4


class Identity:
    """Knows this gateway's own births and deaths from those of another. Times are of the monotonic clock."""

    def __init__(self) -> None:
        self._births: deque[bytes] = deque(maxlen=8)
        self._numbers: deque[int] = deque(maxlen=16)
        self._sign, self._until = "", 0.0
        self._short = 0

    def use(self, bdseq: int) -> None:
        """Note a number of births and deaths that this gateway uses."""
        self._numbers.append(bdseq)

    def born(self, payload: bytes) -> None:
        """Note a birth of this gateway."""
        self._births.append(payload)

    def hear_birth(self, payload: bytes, now: float) -> str:
        """Take an NBIRTH on the own topic; return the sign where it is another's, '' otherwise."""
        if payload in self._births:
            return ""
        said = {metric.name: metric.value for metric in decode(payload).metrics if metric.name in (BDSEQ, EPOCH)}
        return self._note(f"another node was born here, bdSeq {said.get(BDSEQ)!r}, queue {said.get(EPOCH)!r}", now)

    def hear_death(self, payload: bytes, now: float) -> str:
        """Take an NDEATH on the own topic; return the sign where it is another's, '' otherwise."""
        number = next((one.value for one in decode(payload).metrics if one.name == BDSEQ), None)
        if number is None:
            raise PayloadError("a death without bdSeq")
        if number in self._numbers:
            return ""
        return self._note(f"another node died here, bdSeq {number!r}", now)

    def hear_ack(self, highest: int, last_number: int, now: float) -> str:
        """Take an acknowledgement of this queue's epoch; return the sign where this gateway never made the record."""
        if highest <= last_number:
            return ""
        return self._note(f"record {highest} of this queue was acknowledged and never made here: a copied card?", now)

    def taken_over(self, now: float) -> str:
        """Note that the broker gave this one's place to a newer client of the same name."""
        return self._note("another client with this gateway's name connected", now)

    def ended(self, lasted_s: float, now: float) -> str:
        """Note a connection that the broker ended; return the sign where it was too short too often."""
        self._short = self._short + 1 if lasted_s < _SHORT else 0
        if self._short < _SHORT_SESSIONS:
            return ""
        return self._note(f"the broker ended {self._short} connections within {_SHORT:g} s of their birth", now)

    def sign(self, now: float) -> str:
        """Return the last sign, '' where there was none lately."""
        return self._sign if now < self._until else ""

    def _note(self, sign: str, now: float) -> str:
        self._sign, self._until = sign, now + _REMEMBERED
        return sign
