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
#: Most places that a request may name, by function; registers where none is named here.
_MOST = {1: 2000, 2: 2000, WRITE: 123}
_MOST_REGISTERS = 125
#: Encapsulated interface of device identification, and its basic category (V1.1b3, 6.21).
_IDENTIFICATION_READ, _BASIC = 14, 1


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


def request_bytes(asked: Asked, words: tuple[int, ...] = ()) -> bytes:
    """Return a request from its function code on (Modbus application protocol V1.1b3, section 6).

    ValueError where the standard knows no such address or count; none at all may be asked for, which starts some
    instruments.
    """
    if asked.function == IDENTIFY:
        return bytes([IDENTIFY, _IDENTIFICATION_READ, _BASIC, asked.first])
    if not (0 <= asked.first <= 0xFFFF and 0 <= asked.count <= _MOST.get(asked.function, _MOST_REGISTERS)):
        raise ValueError(f"{asked.count} places from {asked.first} on")
    head = struct.pack(">BHH", asked.function, asked.first, asked.count)
    return head + struct.pack(f">B{len(words)}H", 2 * len(words), *words) if asked.function == WRITE else head


def words_of(registers: bytes) -> list[int]:
    """Return the values of registers as they come on the wire, two bytes each, the high one first."""
    return list(struct.unpack(f">{len(registers) // 2}H", registers))
