"""Reading where a value lies among the registers of an instrument."""

from __future__ import annotations

from typing import cast

from vitrine.installation_text import read_text
from vitrine.table_reader import TableReader
from vitrine_gateway.profiles.model import ORDERS, ORDERS_OF_WIDTHS, TABLES, WIDTHS, Identity, Table

_LAST_ADDRESS = 65535


def read_register(table: TableReader, default_order: str) -> dict[str, object]:
    """Read table, address, type, order and invalid values of a channel."""
    found = _read_place(table, default_order)
    invalid = table.take("invalid", list) or []
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in invalid):
        table.note("wrong-type", "invalid", f"{invalid} is not a list of numbers", "for example [32767]")
        invalid = []
    return {**found, "invalid": tuple(invalid)}


def read_identity(table: TableReader, default_order: str) -> Identity:
    """Read one ``[[identity]]``."""
    found = _read_place(table, default_order)
    values = table.take("values", list, required=True) or []
    if not values or not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        table.note("wrong-type", "values", f"{values} is not a list of whole numbers", "for example [341]")
        values = []
    meaning = read_text(table, "meaning", required=True)
    table.finish()
    return Identity(values=tuple(values), meaning=meaning, **found)  # type: ignore[arg-type]  # each read by its type


def _read_place(table: TableReader, default_order: str) -> dict[str, object]:
    kind = table.choice("type", tuple(WIDTHS), required=True) or "uint16"
    width = WIDTHS[kind]
    return {
        "address": table.integer("address", low=0, high=_LAST_ADDRESS + 1 - width, required=True),
        "table": cast(Table, table.choice("table", TABLES, required=True) or "holding"),
        "type": kind,
        "order": table.choice("order", ORDERS[width], default=ORDERS_OF_WIDTHS[default_order][width]),
    }
