"""The requests of a site as a technician reads them."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from vitrine.i18n import Language, translate
from vitrine_gateway.modbus.load import LineLoad, RequestLoad

_ROOM = "vitrine_gateway"


def as_json(lines: list[LineLoad]) -> str:
    """Return the loads for another program."""
    return json.dumps(
        [asdict(line) | {"share": line.share, "keeps_up": line.keeps_up} for line in lines],
        ensure_ascii=False,
        indent=2,
    )


def show(lines: list[LineLoad], words: Language, console: Console) -> None:
    """Print each line with its requests, and what it can bear."""
    for line in lines:
        console.print(_table(line, words))
        key = "keeps_up" if line.keeps_up else "too_slow"
        told = translate(_ROOM, words, f"plan.{key}", share=f"{100 * line.share:.0f}", factor=f"{line.slower:.1f}")
        console.print(told, style="green" if line.keeps_up else "red", markup=False)
        if not line.serial:
            console.print(translate(_ROOM, words, "plan.assumed"), style="dim", markup=False)
        console.print()
    if not lines:
        console.print(translate(_ROOM, words, "plan.none"), markup=False)


def _range(request: RequestLoad) -> str:
    last = f"–{request.first + request.registers - 1}" if request.registers else ""
    return f"{request.table} {request.first}{last}"


def _table(line: LineLoad, words: Language) -> Table:
    table = Table(title=line.name, title_justify="left", title_style="bold", box=None)
    for column in ("device", "every", "request", "registers", "asked", "answered", "time"):
        right = column in ("registers", "asked", "answered", "time")
        table.add_column(translate(_ROOM, words, f"plan.{column}"), justify="right" if right else "left")
    for device in line.devices:
        for position, request in enumerate(device.requests):
            table.add_row(
                "" if position else f"{device.key} ({device.unit})",
                "" if position else f"{device.every_s:g} s",
                _range(request),
                str(request.registers),
                str(request.asked),
                str(request.answered),
                f"{1000 * request.seconds:.1f} ms",
            )
    return table
