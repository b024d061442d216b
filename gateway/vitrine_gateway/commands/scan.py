"""``vitrine gateway scan``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from vitrine import logs
from vitrine.command import language
from vitrine.errors import ConfigurationError
from vitrine.i18n import translate
from vitrine.installation import Connection
from vitrine_gateway.commands.terminal import console

if TYPE_CHECKING:
    from vitrine_gateway.scan import Found

Parity = Literal["N", "E", "O"]


def scan(
    place: Annotated[str, typer.Argument(help="Host, network such as 192.168.1.0/24, or serial port /dev/…")],
    port: Annotated[int, typer.Option(help="TCP port.", min=1, max=65535)] = 502,
    units: Annotated[str, typer.Option(help="Unit ids, for example 1-10 or 1,2,247.")] = "1-10",
    baudrate: Annotated[list[int] | None, typer.Option(help="Baud rates of a serial port.")] = None,
    parity: Annotated[list[str] | None, typer.Option(help="Parities of a serial port: N, E or O.")] = None,
    timeout: Annotated[float, typer.Option(help="Longest wait for an answer, in seconds.", min=0.05, max=10)] = 0.5,
    output: Annotated[Path | None, typer.Option(help="Write a proposed installation file.")] = None,
) -> None:
    """Look for instruments; reads only. Ctrl-C ends it and keeps what was found so far."""
    from vitrine_gateway.proposal import write_proposal

    logs.set_up(level="critical")
    wanted = _units(units)
    found: list[Found] = []
    serial = [(speed, form) for speed in baudrate or [9600, 19200] for form in _parities(parity)]
    try:
        asyncio.run(_scan(place, port, wanted, serial, timeout, found))
    except KeyboardInterrupt:
        console().print(translate("vitrine_gateway", language(), "scan.ended"), style="yellow", markup=False)
    told = translate("vitrine_gateway", language(), "scan.found", count=len(found))
    console().print(told, style="bold", markup=False)
    if output is not None:
        write_proposal(found, output)
        console().print(translate("vitrine_gateway", language(), "scan.written", file=output), markup=False)


async def _scan(
    place: str,
    port: int,
    units: Sequence[int],
    serial: Sequence[tuple[int, Parity]],
    timeout: float,
    found: list[Found],
) -> None:
    from vitrine_gateway.scan import hosts_of, open_hosts, scan_line

    if place.startswith("/"):
        lines = [
            Connection(transport="rtu", serial_port=place, baudrate=speed, parity=form, timeout_s=timeout)
            for speed, form in serial
        ]
    else:
        hosts = hosts_of(place)
        there = await open_hosts(hosts, port)
        console().print(
            translate("vitrine_gateway", language(), "scan.hosts", hosts=len(hosts), open=len(there)), markup=False
        )
        lines = [Connection(transport="tcp", host=host, port=port, timeout_s=timeout) for host in there]
    for line in lines:
        where = f"{line.serial_port} {line.baudrate} {line.parity}" if line.serial_port else f"{line.host}:{line.port}"
        asked = translate("vitrine_gateway", language(), "scan.asks", place=where, seconds=round(len(units) * timeout))
        console().print(asked, style="dim", markup=False)
        async for unit, one in scan_line(line, units):
            if one is not None:
                found.append(one)
                words = ", ".join(one.profiles) or translate("vitrine_gateway", language(), "scan.unknown")
                words += f" ({one.told})" if one.told else ""
                console().print(f"✓ {where} #{unit}: {words}", style="green", markup=False)


def _units(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, to, last = part.strip().partition("-")
        if not first.isdecimal() or (to and not last.isdecimal()):
            raise typer.BadParameter(f"“{part}” is no unit id: write 1-10 or 1,2,247")
        found += range(int(first), int(last or first) + 1)
    if not found or min(found) < 0 or max(found) > 255:
        raise typer.BadParameter("unit ids go from 0 to 255")
    return found


def _parities(given: Sequence[str] | None) -> list[Parity]:
    for one in given or []:
        if one not in ("N", "E", "O"):
            raise ConfigurationError(f"“{one}” is no parity", hint="One of: N, E, O.")
    return [cast(Parity, one) for one in given or ["N", "E"]]
