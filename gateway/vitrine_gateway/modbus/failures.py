"""What can go wrong between a request and its answer."""

from __future__ import annotations

_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}
#: The instrument refuses these registers, or so many of them; asking for fewer may help.
REFUSALS = frozenset({2, 3})
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
