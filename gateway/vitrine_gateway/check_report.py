"""What ``vitrine check`` prints: the mistakes, or what was understood."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vitrine.errors import Problem
from vitrine.i18n import Language, translate
from vitrine.installation import Connection
from vitrine_gateway.probe import Finding
from vitrine_gateway.site import Site

_ROOM = "vitrine_gateway"
Found = Sequence[tuple[Path, Site | None, Sequence[Problem]]]


def as_json(found: Found) -> str:
    """Return the findings for programs."""
    files = [
        {"file": str(file), "valid": not problems, "problems": [asdict(problem) for problem in ordered(problems)]}
        for file, _, problems in found
    ]
    return json.dumps(files, ensure_ascii=False, indent=2)


def ordered(problems: Sequence[Problem]) -> list[Problem]:
    """Return mistakes in the order of files and lines."""
    return sorted(problems, key=lambda problem: (problem.where, problem.line, problem.key))


def show(found: Found, words: Language, console: Console) -> None:
    """Print the findings for people."""
    for file, site, problems in found:
        if problems or site is None:
            _show_mistakes(file, problems, words, console)
        else:
            _show_site(file, site, words, console)


def _show_mistakes(file: Path, problems: Sequence[Problem], words: Language, console: Console) -> None:
    key = "check.one_mistake" if len(problems) == 1 else "check.mistakes"
    console.print(translate(_ROOM, words, key, file=file, count=len(problems)), style="bold red", markup=False)
    for problem in ordered(problems):
        console.print(f"  {problem}", markup=False)


def _show_site(file: Path, site: Site, words: Language, console: Console) -> None:
    installation = site.installation
    console.print(translate(_ROOM, words, "check.good", file=file), style="bold green", markup=False)
    console.print(
        translate(
            _ROOM,
            words,
            "check.summary",
            name=installation.name[words],
            kind=translate(_ROOM, words, f"kind.{installation.kind}"),
            domain=translate(_ROOM, words, f"domain.{installation.domain}"),
            devices=len(site.devices) + len(site.central),
            channels=sum(len(device.channels) for device in (*site.devices, *site.central)),
            indicators=len(installation.indicators),
        ),
        markup=False,
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("device", "profile", "connection", "every", "channels"):
        table.add_column(translate(_ROOM, words, f"check.{column}"))
    for device in (*site.devices, *site.central):
        every = f"{device.device.every_s:g}\u00a0s".replace(".", "," if words == "fr" else ".")
        channels = ", ".join(device.channel_keys[:6]) + (" …" if len(device.channels) > 6 else "")
        table.add_row(device.key, device.profile.key, address(device.device.connection), every, channels)
    console.print(table)
    gateway = installation.gateway
    place = {"host": gateway.uplink.host, "port": gateway.uplink.port}
    console.print(
        translate(_ROOM, words, "check.uplink", **place, group=installation.slug, node=gateway.node), markup=False
    )


def address(connection: Connection) -> str:
    """Write how a device is reached, in one line."""
    if connection.central:
        return f"mqtt (platform) {connection.topic}".rstrip()
    if connection.transport == "mqtt":
        return f"mqtt {connection.host}:{connection.port} {connection.topic}"
    if connection.serial_port:
        frame = f"{connection.data_bits}{connection.parity}{connection.stop_bits}"
        return f"{connection.transport} {connection.serial_port} {connection.baudrate} {frame} #{connection.unit}"
    return f"{connection.transport} {connection.host}:{connection.port} #{connection.unit}"


def finding_line(finding: Finding, words: Language) -> str:
    """Write one finding of a probe."""
    part = translate(_ROOM, words, f"probe.{finding.part}")
    mark, told = ("×", finding.fault) if finding.fault else ("✓", finding.seen)
    return f"{mark} {part} {finding.name}".rstrip() + f": {told}"
