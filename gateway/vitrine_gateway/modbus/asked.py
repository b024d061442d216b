"""A request as far as its answer tells it apart from others."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from vitrine_gateway.modbus.framing import IDENTIFY
from vitrine_gateway.profiles.model import Table

#: Function that reads each table, and the one that writes registers.
FUNCTIONS: dict[Table, int] = {"holding": 3, "input": 4}
WRITE = 16
#: Octets allowed for such an answer, whose length nobody knows before.
_IDENTIFICATION = 120
_BITS = frozenset({1, 2})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as answers tell it apart, and where it reads."""

    unit: int
    function: int
    first: int
    count: int
    #: Octets that its answer has after the function code.
    size: int

    def like(self, other: Asked) -> bool:
        """Tell whether an answer to the one could be taken for an answer to the other."""
        return (self.unit, self.function, self.size) == (other.unit, other.function, other.size)


def asked_of(unit: int, function: int, first: int, count: int) -> Asked:
    """Describe a request by what its answer must look like."""
    if function == WRITE:
        return Asked(unit, function, first, count, 4)
    if function == IDENTIFY:
        return Asked(unit, function, first, 0, _IDENTIFICATION)
    return Asked(unit, function, first, count, 1 + ((count + 7) // 8 if function in _BITS else 2 * count))


def words_of(payload: bytes) -> list[int]:
    """Return the registers of an answer to function 3 or 4."""
    return list(struct.unpack(f">{(len(payload) - 1) // 2}H", payload[1:]))
