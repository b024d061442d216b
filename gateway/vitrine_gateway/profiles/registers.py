"""Reading where a value lies among the registers of an instrument."""

from __future__ import annotations

from typing import cast

from vitrine.i18n import Text
from vitrine.installation_text import read_text
from vitrine.table_reader import TableReader
from vitrine_gateway.profiles.companion import read_quality, read_scale_factor, read_unit_code
from vitrine_gateway.profiles.model import TABLES, Identity, Table
from vitrine_gateway.profiles.types import WIDTHS, default_order, orders_of

_LAST_ADDRESS = 65535
#: Longest text that an identity is compared with, in registers.
_LONGEST_TEXT = 32


def read_register(table: TableReader, order: str, unit: str) -> dict[str, object]:
    """Read place, type, order, invalid values, bits, labels and companions of a channel."""
    found = _read_place(table, order, tuple(WIDTHS))
    invalid = table.take("invalid", list) or []
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in invalid):
        table.note("wrong-type", "invalid", f"{invalid} is not a list of numbers", "for example [32767]")
        invalid = []
    companions = {
        "scale_factor": read_scale_factor(table.table("scale_factor"), order),
        "unit_code": read_unit_code(table.table("unit_code"), order, unit),
        "quality": read_quality(table.table("quality"), order),
    }
    address = cast(int, found["address"])
    first = min([address, *(one.address for one in companions.values() if one)])
    return {
        **found,
        **companions,
        "address": first,
        "at": address - first,
        "invalid": tuple(invalid),
        "bits": _read_bits(table, cast(str, found["type"])),
    }


def read_barriers(table: TableReader) -> tuple[int, ...]:
    """Read the registers that no request may reach from below, since what lies before them cannot be read."""
    found = table.take("barriers", list) or []
    whole = all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= _LAST_ADDRESS for one in found)
    if not whole:
        table.note("wrong-type", "barriers", f"{found} is not a list of addresses", "for example [49]")
        return ()
    return tuple(sorted(found))


def read_identity(table: TableReader, order: str) -> Identity:
    """Read one ``[[identity]]``."""
    found = _read_place(table, order, (*WIDTHS, "string"))
    kind: type = str if found["type"] == "string" else int
    values = table.take("values", list, required=True) or []
    if not values or not all(isinstance(value, kind) and not isinstance(value, bool) for value in values):
        wanted = 'texts, for example ["EM340"]' if kind is str else "whole numbers, for example [341]"
        table.note("wrong-type", "values", f"{values} does not fit the type {found['type']}", f"a list of {wanted}")
        values = []
    meaning = read_text(table, "meaning", required=True)
    table.finish()
    return Identity(values=tuple(values), meaning=meaning, **found)  # type: ignore[arg-type]  # each read by its type


def _read_place(table: TableReader, order: str, kinds: tuple[str, ...]) -> dict[str, object]:
    kind = table.choice("type", kinds, required=True) or "uint16"
    text = kind == "string"
    width = table.integer("registers", low=1, high=_LONGEST_TEXT, default=1, required=True) if text else WIDTHS[kind]
    usual = default_order(kind, order)
    found: dict[str, object] = {
        "address": table.integer("address", low=0, high=_LAST_ADDRESS + 1 - width, required=True),
        "table": cast(Table, table.choice("table", TABLES, required=True) or "holding"),
        "type": kind,
        "order": table.choice("order", orders_of(kind), default=usual, required=not usual) or orders_of(kind)[0],
    }
    return {**found, "registers": width} if text else found


def _read_bits(table: TableReader, kind: str) -> tuple[int, int] | None:
    bits = table.take("bits", list)
    if bits is None:
        return None
    size = int(kind[4:]) if kind.startswith("uint") else 0
    whole = len(bits) == 2 and all(isinstance(bit, int) and not isinstance(bit, bool) for bit in bits)
    if not whole or bits[0] < 0 or bits[1] < 1 or sum(bits) > size:
        message = f"{bits} are no bits of the type {kind}"
        table.note("out-of-range", "bits", message, "[lowest bit, number of bits] of an unsigned whole number")
        return None
    return bits[0], bits[1]


def read_labels(table: TableReader) -> dict[int, Text]:
    """Read what the codes of a status mean."""
    labels = table.table("labels")
    found: dict[int, Text] = {}
    for code in table.take("labels", dict) or {}:
        assert labels is not None
        text = read_text(labels, code, required=True)
        if code.isdecimal():
            found[int(code)] = text
        else:
            labels.note("wrong-type", code, f"“{code}” is not a code", "a whole number, for example 0")
    if labels:
        labels.finish()
    return found
