"""Types of values in registers: how many registers each takes, and the orders in which its bytes may come."""

from __future__ import annotations

#: Registers that a number of each type takes.
WIDTHS: dict[str, int] = {
    "int8": 1,
    "uint8": 1,
    "int16": 1,
    "uint16": 1,
    "bcd16": 1,
    "int32": 2,
    "uint32": 2,
    "bcd32": 2,
    "float32": 2,
    "int48": 3,
    "uint48": 3,
    "int64": 4,
    "uint64": 4,
    "bcd64": 4,
    "float64": 4,
}
#: Orders of bytes on the wire, by registers. A is the most significant byte.
ORDERS: dict[int, tuple[str, ...]] = {
    1: ("AB", "BA"),
    2: ("ABCD", "CDAB", "DCBA", "BADC"),
    3: ("ABCDEF", "EFCDAB", "FEDCBA", "BADCFE"),
    4: ("ABCDEFGH", "GHEFCDAB", "HGFEDCBA", "BADCFEHG"),
}
#: A number or a character in one half of a register: the upper one, the lower one.
HALVES = ("A-", "-A")
#: What an order given for a whole profile means for wider and narrower values.
ORDERS_OF_WIDTHS: dict[str, dict[int, str]] = {
    "ABCD": {1: "AB", 2: "ABCD", 3: "ABCDEF", 4: "ABCDEFGH"},
    "CDAB": {1: "AB", 2: "CDAB", 3: "EFCDAB", 4: "GHEFCDAB"},
    "DCBA": {1: "BA", 2: "DCBA", 3: "FEDCBA", 4: "HGFEDCBA"},
    "BADC": {1: "BA", 2: "BADC", 3: "BADCFE", 4: "BADCFEHG"},
}


def orders_of(kind: str) -> tuple[str, ...]:
    """Return the orders that a type may have; those of a text are the orders of one register."""
    if kind.endswith("int8"):
        return HALVES
    return (*ORDERS[1], *HALVES) if kind == "string" else ORDERS[WIDTHS[kind]]


def default_order(kind: str, of_profile: str) -> str:
    """Return the order of a type where only the profile's is given; '' where it must be stated."""
    if kind.endswith("int8"):
        return ""
    return "AB" if kind == "string" else ORDERS_OF_WIDTHS[of_profile][WIDTHS[kind]]
