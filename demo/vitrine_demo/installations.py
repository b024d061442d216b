"""The installation files of the demo: copies of the examples whose addresses are those of this demo."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine.installation import Installation
from vitrine.installation_file import load
from vitrine_demo.ports import LOOPBACK, Ports

#: Port of the MQTT broker in the examples.
_BROKER = 18830
_ADDRESS = re.compile(r'host = "127\.0\.0\.1", port = (\d+)')


def examples() -> list[Path]:
    """Return the example installation files, in a checkout or in the installed package."""
    inside = Path(str(files("vitrine_demo") / "examples"))
    folder = inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "examples"
    found = sorted(folder.glob("*.toml"))
    if not found:
        raise ConfigurationError(f"there is no example installation in {folder}", hint="Install vitrine again.")
    return found


def copy(folder: Path, ports: Ports, broker: tuple[str, int]) -> list[Installation]:
    """Write the copies, each simulated instrument on a port of this demo, and read them."""
    given: dict[int, int] = {}

    def address(found: re.Match[str]) -> str:
        port = int(found[1])
        if port == _BROKER:
            return f'host = "{broker[0]}", port = {broker[1]}'
        if port not in given:
            given[port] = ports.take()
        return f'host = "{LOOPBACK}", port = {given[port]}'

    installations = []
    for example in examples():
        target = folder / example.name
        target.write_text(_ADDRESS.sub(address, example.read_text(encoding="utf-8")), encoding="utf-8")
        installations.append(load(target))
    return installations
