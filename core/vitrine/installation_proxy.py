"""Reading ``[gateway.proxy]`` of an installation file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vitrine.installation import Device, Proxy, ProxyUnits
from vitrine.table_reader import Problems, TableReader

_UNITS = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


def read_proxy(table: TableReader) -> Proxy:
    """Read the proxy: where it listens, and which devices it lets others read."""
    proxy = Proxy(
        address=table.text("address") or "127.0.0.1",
        port=table.integer("port", low=1, high=65535, default=1502),
        max_clients=table.integer("max_clients", low=1, high=32, default=4),
        units=_read_units(table),
    )
    if not proxy.units and not table.has("units"):
        table.note("missing-key", "units", "the proxy lets nothing be read", 'for example units = { 1 = "feed-flow" }')
    table.finish()
    return proxy


def _read_units(table: TableReader) -> tuple[ProxyUnits, ...]:
    found: list[ProxyUnits] = []

    def read(inner: TableReader, name: str) -> None:
        device = inner.text(name)
        match = _UNITS.fullmatch(name)
        first = int(match[1]) if match else -1
        last = int(match[2] or match[1]) if match else -1
        if not 0 <= first <= last <= 255:
            inner.note("not-a-unit", name, f"“{name}” is no unit number", "0 to 255, or a range such as 10-20")
            return
        if any(one.first <= last and first <= one.last for one in found):
            inner.note("repeated-key", name, f"the unit {name} is given twice", "each unit once")
        found.append(ProxyUnits(first=first, last=last, device=device))

    table.mapping("units", read)
    return tuple(found)


def check_proxy(proxy: Proxy, devices: Sequence[Device], problems: Problems) -> None:
    """Note units of the proxy that name no Modbus device of the installation."""
    known = [device.key for device in devices if device.connection.transport != "mqtt"]
    for units in proxy.units:
        if units.device not in known:
            name = str(units.first) if units.first == units.last else f"{units.first}-{units.last}"
            problems.note(
                "unknown-device",
                ("gateway", "proxy", "units", name),
                f"there is no Modbus device “{units.device}”",
                f"one of: {', '.join(known)}" if known else "a Modbus device",
            )
