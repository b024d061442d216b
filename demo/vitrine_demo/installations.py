"""The installation files of the demo: copies of the examples whose addresses are those of this demo."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine.installation import Installation
from vitrine.installation_file import load
from vitrine_demo.ports import LOOPBACK, Ports

#: The examples of a demo that is not asked for all of them: few enough to start within seconds on a small machine.
CHOSEN = ("batiment-vitrine", "ultrafiltration")
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


def chosen(everything: bool = False) -> list[Path]:
    """Return the examples that a demo starts: those that are always there, or all of them."""
    return [example for example in examples() if everything or example.stem in CHOSEN]


def copy(folder: Path, ports: Ports, broker: tuple[str, int], everything: bool = False) -> list[Installation]:
    """Write the copies, each simulated instrument on a port of this demo, and read them."""
    given: dict[int, int] = {}

    def address(found: re.Match[str]) -> str:
        port = int(found[1])
        if port == _BROKER:
            return f'host = "{broker[0]}", port = {broker[1]}'
        if port not in given:
            given[port] = ports.take()
        return f'host = "{LOOPBACK}", port = {given[port]}'

    _copy_profiles(folder)
    installations = []
    for example in chosen(everything):
        target = folder / example.name
        target.write_text(_ADDRESS.sub(address, example.read_text(encoding="utf-8")), encoding="utf-8")
        installations.append(load(target))
    return installations


def _copy_profiles(folder: Path) -> None:
    """Copy the profiles that lie beside the examples, as sites keep their own."""
    target = folder / "profiles"
    target.mkdir(exist_ok=True)
    for profile in (examples()[0].parent / "profiles").glob("*.toml"):
        shutil.copyfile(profile, target / profile.name)
