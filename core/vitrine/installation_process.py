"""Reading ``[process]`` of an installation file: the drawing of the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from vitrine.i18n import Text
from vitrine.installation import Device
from vitrine.installation_text import read_text
from vitrine.process import (
    COLUMNS,
    LABEL,
    MEDIA,
    READINGS,
    ROWS,
    SIDES,
    SYMBOLS,
    Flow,
    Medium,
    Process,
    Reading,
    Side,
    Symbol,
    Unit,
)
from vitrine.table_reader import TableReader


def read_process(root: TableReader, devices: Sequence[Device]) -> Process | None:
    """Read the drawing, whose readings must be channels of the file; None where the file has none."""
    table = root.table("process")
    if table is None:
        return None
    units = tuple(_units(table))
    known = [unit.key for unit in units]
    found = Process(
        units=units, flows=tuple(_flows(table, known)), readings=tuple(_readings(table, known, _channels(devices)))
    )
    if len(found.readings) > READINGS:
        table.note("too-many", "reading", f"{len(found.readings)} values are too many to read", f"at most {READINGS}")
    table.finish()
    return found


def _units(table: TableReader) -> Iterator[Unit]:
    keys: set[str] = set()
    places: set[tuple[int, int]] = set()
    for inner in table.tables("unit", required=True):
        unit = Unit(
            key=inner.text("key", required=True),
            symbol=cast(Symbol, inner.choice("symbol", SYMBOLS, required=True)),
            name=_label(inner, required=True),
            column=inner.integer("column", low=1, high=COLUMNS, default=1),
            row=inner.integer("row", low=1, high=ROWS, default=1),
        )
        if unit.key in keys:
            inner.note("repeated-key", "key", f"“{unit.key}” stands in the drawing twice", "another key")
        if (unit.column, unit.row) in places:
            inner.note(
                "contradiction", "column", f"column {unit.column}, row {unit.row} is taken", "a cell for each unit"
            )
        keys.add(unit.key)
        places.add((unit.column, unit.row))
        inner.finish()
        yield unit


def _flows(table: TableReader, known: Sequence[str]) -> Iterator[Flow]:
    for inner in table.tables("flow"):
        path = tuple(str(key) for key in inner.take("path", list, required=True) or [])
        for key in path:
            _check(inner, "path", key, known)
        if len(path) == 1:
            inner.note("out-of-range", "path", "a flow goes from one unit to another", "two units or more, in order")
        yield Flow(path=path, medium=cast(Medium, inner.choice("medium", MEDIA, required=True)))
        inner.finish()


def _readings(table: TableReader, known: Sequence[str], channels: Sequence[str]) -> Iterator[Reading]:
    for inner in table.tables("reading"):
        channel, unit = inner.text("channel", required=True), inner.text("unit", required=True)
        if channel:
            device, _, _ = channel.partition("/")
            # A device that lists no channel of its own has all those of its profile.
            if channel not in channels and f"{device}/" not in channels:
                inner.note("not-a-channel", "channel", f"the file has no channel “{channel}”", ", ".join(channels))
        if unit:
            _check(inner, "unit", unit, known)
        yield Reading(
            channel=channel,
            unit=unit,
            side=cast(Side, inner.choice("side", SIDES, default="above")),
            name=_label(inner),
        )
        inner.finish()


def _check(table: TableReader, key: str, unit: str, known: Sequence[str]) -> None:
    if unit not in known:
        table.note("not-in-process", key, f"there is no unit “{unit}”", f"one of: {', '.join(known)}")


def _label(table: TableReader, *, required: bool = False) -> Text:
    text = read_text(table, "name", required=required)
    for words in (text.fr, text.en):
        if len(words) > LABEL:
            table.note("too-long", "name", f"“{words}” does not fit beside its symbol", f"at most {LABEL} characters")
    return text


def _channels(devices: Sequence[Device]) -> list[str]:
    """Return every channel that the file declares; of a device that declares none, ``device/``."""
    return [
        path
        for device in devices
        for path in ([f"{device.key}/{channel.key}" for channel in device.channels] or [f"{device.key}/"])
    ]
