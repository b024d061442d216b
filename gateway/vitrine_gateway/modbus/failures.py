"""What can go wrong between a request and its answer."""

from __future__ import annotations

_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}
#: The instrument refuses these registers, or so many of them; asking for fewer may help.
REFUSALS = frozenset({2, 3})
#: The instrument knows no such function: nothing that is asked for this way will come.
ILLEGAL_FUNCTION = 1
#: The instrument has taken a request and works on it: a write need not be repeated.
ACKNOWLEDGE = 5
#: The instrument asks for time (Modbus Application Protocol V1.1b3, 7).
BUSY = frozenset({ACKNOWLEDGE, 6})
#: Answers that a converter gives for an instrument that is not there.
ABSENT = frozenset({10, 11})


class NoAnswer(Exception):  # noqa: N818  # it says what happened
    """The instrument did not answer, or the line is not there."""


class LineDown(NoAnswer):
    """The line is not there, which says nothing of the instrument."""


class Absent(NoAnswer):
    """The converter answered that the instrument does not."""

    def __init__(self, code: int) -> None:
        super().__init__(_EXCEPTIONS[code])


class Damaged(NoAnswer):
    """An answer came that cannot be used."""


class ChecksumWrong(Damaged):
    """The right answer came, with an error of transmission."""


class Refused(Exception):  # noqa: N818
    """The instrument answered that it will not give these registers."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the instrument refuses: {_EXCEPTIONS.get(code, f'exception {code}')}")
        self.code = code


class Busy(Refused):
    """The instrument asks for time; the same request may be answered a little later."""


def of_code(code: int) -> NoAnswer | Refused:
    """Return what an exception code means for the request."""
    if code in ABSENT:
        return Absent(code)
    return Busy(code) if code in BUSY else Refused(code)
