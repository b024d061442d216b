"""Reading the devices and channels of an installation file."""

from __future__ import annotations

import re
from datetime import date

from vitrine.installation import (
    Calibration,
    Channel,
    Connection,
    Device,
    QualityRules,
)
from vitrine.installation_connection import read_connection
from vitrine.installation_text import read_text
from vitrine.table_reader import TableReader
from vitrine.units import UNITS, nearest

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_devices(root: TableReader) -> tuple[Device, ...]:
    """Read every ``[[device]]``; a repeated key is a mistake at the second place."""
    devices: dict[str, Device] = {}
    for table in root.tables("device", required=True):
        device = _read_device(table)
        if device.key and device.key in devices:
            table.note("repeated-key", "key", f"the device “{device.key}” is declared twice", "another key")
        devices.setdefault(device.key, device)
    if root.has("device") and not devices:
        root.note("missing-key", "device", "there is no device", "at least one [[device]]")
    return tuple(devices.values())


def _read_device(table: TableReader) -> Device:
    key = _key(table)
    profile = table.text("profile", required=True)
    connection = table.table("connection", required=True)
    device = Device(
        key=key,
        profile=profile,
        connection=read_connection(connection) if connection else Connection(transport="tcp"),
        every_s=table.duration("every", default=1.0),
        phase_s=table.duration("phase") if table.has("phase") else 0.0,
        trigger=table.take("trigger", bool) is True,
        name=read_text(table, "name"),
        channels=_read_channels(table),
    )
    if device.phase_s >= device.every_s:
        table.note("out-of-range", "phase", "the phase is not shorter than the period", "a shorter duration")
    table.finish()
    return device


def _read_channels(table: TableReader) -> tuple[Channel, ...]:
    channels: dict[str, Channel] = {}
    for inner in table.tables("channel"):
        key = _key(inner)
        if key and key in channels:
            inner.note("repeated-key", "key", f"the channel “{key}” is declared twice in this device", "another key")
        unit = inner.text("unit")
        if unit and unit not in UNITS:
            inner.note("unknown-unit", "unit", f"“{unit}” is not a known unit", nearest(unit))
        channel = Channel(
            key=key,
            name=read_text(inner, "name"),
            unit=unit,
            decimals=inner.integer("decimals", low=0, high=9) if inner.has("decimals") else None,
            every_s=inner.duration("every") if inner.has("every") else None,
            accuracy=inner.text("accuracy"),
            calibration=_read_calibration(inner),
            rules=_read_rules(inner),
        )
        inner.finish()
        channels.setdefault(key, channel)
    return tuple(channels.values())


def _key(table: TableReader) -> str:
    key = table.text("key", required=True)
    if key and not _KEY.fullmatch(key):
        table.note(
            "not-a-key",
            "key",
            f"“{key}” cannot be a key",
            "letters, digits, hyphens, dots and _, beginning with a letter or digit",
        )
    return key


def _read_calibration(table: TableReader) -> Calibration | None:
    inner = table.table("calibration")
    if inner is None:
        return None
    day, due = inner.take("date", date, required=True), inner.take("due", date)
    if day and due and due <= day:
        inner.note("out-of-order", "due", f"the calibration ends on {due}, before it begins on {day}", "a later date")
    certificate = inner.text("certificate")
    inner.finish()
    return Calibration(date=day, due=due, certificate=certificate) if day else None


def _read_rules(table: TableReader) -> QualityRules:
    rules = table.table("quality")
    if rules is None:
        return QualityRules()
    values: dict[str, object] = {}
    if gross := rules.table("gross_range"):
        fail, suspect = gross.pair("fail"), gross.pair("suspect")
        if fail and suspect and not (fail[0] <= suspect[0] and suspect[1] <= fail[1]):
            gross.note(
                "range-outside",
                "suspect",
                f"the suspect range {list(suspect)} leaves the fail range {list(fail)}",
                "a range inside it",
            )
        values |= {"gross_range_fail": fail, "gross_range_suspect": suspect}
        gross.finish()
    for test in ("spike", "rate_of_change"):
        if limits := rules.table(test):
            low, high = limits.number("suspect", low=0, required=True), limits.number("fail", low=0, default=0)
            if limits.has("fail") and high < low:
                limits.note("out-of-order", "fail", f"{high:g} fails before {low:g} is suspect", "a greater number")
            values |= {f"{test}_suspect": low, f"{test}_fail": high or None}
            limits.finish()
    if flat := rules.table("flat_line"):
        first, second = flat.duration("suspect", required=True), flat.duration("fail")
        if second and second < first:
            flat.note("out-of-order", "fail", "a flat line fails before it is suspect", "a longer duration")
        values |= {
            "flat_line_suspect_s": first,
            "flat_line_fail_s": second or None,
            "flat_line_tolerance": flat.number("tolerance", low=0),
        }
        flat.finish()
    rules.finish()
    return QualityRules(**values)  # type: ignore[arg-type]  # each value was read with its own type just above
