"""Registers that say how another one is to be understood: its power of ten, its unit, whether it is to be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vitrine.table_reader import TableReader
from vitrine.units import UNITS, nearest
from vitrine_gateway.profiles.types import WIDTHS, default_order, orders_of

_LAST_ADDRESS = 65535
#: SunSpec information model specification: a scale factor (sunssf) lies from -10 to 10; 0x8000 means there is none.
EXPONENTS = tuple(range(-10, 11))
_INTEGERS = tuple(kind for kind in WIDTHS if "int" in kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A register in the same table as the value, and in the same request."""

    address: int
    type: str
    order: str
    #: Codes that leave the value good (`quality`), or powers of ten that there are (`scale_factor`).
    good: tuple[int, ...] = ()
    #: Code → UCUM unit in which the value then is (`unit_code`).
    units: Mapping[int, str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Registers that it takes."""
        return WIDTHS[self.type]


def read_scale_factor(table: TableReader | None, order: str) -> Companion | None:
    """Read ``scale_factor``: value = raw × scale × 10^factor + offset."""
    if table is None:
        return None
    found = _read(table, order, "int16", good=EXPONENTS)
    table.finish()
    return found


def read_quality(table: TableReader | None, order: str) -> Companion | None:
    """Read ``quality``: any code but those of `good` means that the instrument does not trust its value."""
    if table is None:
        return None
    good = table.take("good", list, required=True)
    if good is not None and not _codes(good):
        table.note("wrong-type", "good", f"{good} is not a list of whole numbers", "for example [0]")
        good = None
    found = _read(table, order, "uint16", good=tuple(good or ()))
    table.finish()
    return found


def read_unit_code(table: TableReader | None, order: str, unit: str) -> Companion | None:
    """Read ``unit_code``: the units that convert to the channel's; any other code gives no value."""
    if table is None:
        return None
    units: dict[int, str] = {}
    words = table.take("units", dict, required=True) or {}
    for code, word in words.items():
        if not code.isdecimal():
            table.note("wrong-type", "units", f"“{code}” is not a code", 'for example { 0 = "mg/L" }')
        elif word not in UNITS:
            table.note("unknown-unit", "units", f"“{word}” is not a known unit", nearest(str(word)))
        elif unit in UNITS and UNITS[word].dimension != UNITS[unit].dimension:
            table.note("unit-mismatch", "units", f"“{word}” does not convert to {unit}", "leave out what is refused")
        else:
            units[int(code)] = word
    if units and unit not in units.values():
        table.note("not-allowed", "units", f"no code stands for {unit}, the unit of the channel", f"a code for {unit}")
    found = _read(table, order, "uint16", units=units)
    table.finish()
    return found


def _codes(good: list[object]) -> bool:
    return bool(good) and all(isinstance(code, int) and not isinstance(code, bool) for code in good)


def _read(
    table: TableReader,
    order: str,
    default: str,
    good: tuple[int, ...] = (),
    units: Mapping[int, str] | None = None,
) -> Companion:
    kind = table.choice("type", _INTEGERS, default=default)
    usual = default_order(kind, order)
    return Companion(
        address=table.integer("address", low=0, high=_LAST_ADDRESS + 1 - WIDTHS[kind], required=True),
        type=kind,
        order=table.choice("order", orders_of(kind), default=usual, required=not usual) or orders_of(kind)[0],
        good=good,
        units=units or {},
    )
