"""An installation file from what a scan has found: complete but for names, and says itself what is to be filled in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vitrine.errors import VitrineError
from vitrine.installation import SERIAL_TRANSPORTS, Connection
from vitrine_gateway.scan import Found

_HEAD = """\
# Proposed from a scan. Replace what stands in capitals, then run: vitrine check FILE
[installation]
slug = "MON-INSTALLATION"
kind = "test_bench"      # or showcase
domain = "water"         # or residual_materials, energy_efficiency, renewable_energy
name = { fr = "NOM EN FRANÇAIS", en = "NAME IN ENGLISH" }
organisation = "MON-ORGANISME"

[gateway]
node = "pi-01"
uplink = { host = "COURTIER.EXAMPLE.ORG", port = 8883 }
"""


def proposal(found: Iterable[Found]) -> str:
    """Return the text of the file."""
    parts = [_HEAD]
    for number, one in enumerate(found, 1):
        profile = one.profiles[0] if len(one.profiles) == 1 else "PROFILE"
        note = f" # {one.told}" if one.told else " # vitrine profiles list, or vitrine profiles new"
        others = f" # one of: {', '.join(one.profiles)}" if len(one.profiles) > 1 else note
        parts.append(
            f'[[device]]\nkey = "device-{number}"\nprofile = "{profile}"{others}\n'
            f'connection = {_connection(one.connection)}\nevery = "1 s"\n'
        )
    return "\n".join(parts)


def write_proposal(found: Iterable[Found], path: Path) -> None:
    """Write it; VitrineError where the file is there already or cannot be written."""
    if path.exists():
        raise VitrineError(f"{path} is there already", hint="Name another file with --output.")
    try:
        path.write_text(proposal(found), encoding="utf-8")
    except OSError as error:
        raise VitrineError(f"{path} cannot be written: {error.strerror}", hint="Name another file.") from error


def _connection(one: Connection) -> str:
    if one.transport in SERIAL_TRANSPORTS:
        return (
            f'{{ transport = "{one.transport}", port = "{one.serial_port}", baudrate = {one.baudrate}, '
            f'parity = "{one.parity}", stop_bits = {one.stop_bits}, unit = {one.unit} }}'
        )
    return f'{{ transport = "{one.transport}", host = "{one.host}", port = {one.port}, unit = {one.unit} }}'
