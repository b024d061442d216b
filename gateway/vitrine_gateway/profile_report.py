"""What ``vitrine profiles`` prints."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from vitrine.i18n import Language, translate
from vitrine.units import UNITS
from vitrine_gateway.profiles import Channel, Profile, load, names

_ROOM = "vitrine_gateway"


def overview(words: Language) -> Table:
    """Return a table of all profiles."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("key", "name", "protocol", "channels"):
        table.add_column(translate(_ROOM, words, f"profiles.{column}"))
    for name in names():
        profile = load(name, Path())
        table.add_row(name, profile.name[words], profile.protocol, str(len(profile.channels)))
    return table


def show(profile: Profile, words: Language, console: Console) -> None:
    """Print one profile."""
    console.print(f"{profile.name[words]} ({profile.key})", style="bold", markup=False)
    if profile.note[words]:
        console.print(profile.note[words], markup=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("channel", "name", "unit", "place", "type", "scale"):
        table.add_column(translate(_ROOM, words, f"profiles.{column}"))
    for channel in profile.channels:
        unit = UNITS[channel.unit].label(words)
        kind = f"{channel.type} {channel.order}" if profile.protocol == "modbus" else ""
        table.add_row(channel.key, channel.name[words], unit, _place(channel, profile), kind, f"{channel.scale:g}")
    console.print(table)
    if profile.protocol == "modbus":
        console.print(translate(_ROOM, words, "profiles.most", count=profile.max_registers), markup=False)
    if profile.identity:
        console.print(translate(_ROOM, words, "profiles.identity"), markup=False)
    for mark in profile.identity:
        wanted = ", ".join(map(str, mark.values))
        console.print(f"  {mark.table} {mark.address} = {wanted} ({mark.meaning[words]})", markup=False)
    console.print(translate(_ROOM, words, "profiles.sources"), markup=False)
    for source in profile.sources:
        evidence = translate(_ROOM, words, f"evidence.{source.evidence}")
        console.print(f"  {source.document} ({evidence})", markup=False)


def _place(channel: Channel, profile: Profile) -> str:
    if profile.protocol == "mqtt":
        return channel.path
    written = f" ({channel.value_address + profile.document_offset})" if profile.document_offset else ""
    return f"{channel.table} {channel.value_address}{written}"
