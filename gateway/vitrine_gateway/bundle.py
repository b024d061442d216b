"""A file for those who help from afar: what the gateway is, sees and says, and no secret."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from vitrine import __version__
from vitrine.errors import VitrineError
from vitrine_gateway.check_report import as_json
from vitrine_gateway.clock import Clock
from vitrine_gateway.health.machine import machine
from vitrine_gateway.health.visitor import ask
from vitrine_gateway.site import Site, inspect_site

_PACKAGES = ("paho-mqtt", "pymodbus", "pyserial", "protobuf", "structlog", "typer", "pydantic")
_LOG_LINES = "2000"
#: Values of these keys, and what stands before @ in an address, are nobody else's business.
_SECRETS = re.compile(r"""(?P<key>\b(?:username|password|token|secret)\w*\s*=\s*)(["']).*?\2""", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/@\s\"']+@")


def redacted(text: str) -> str:
    """Return a text without names of accounts, passwords and tokens."""
    return _LOGIN.sub("…@", _SECRETS.sub(r'\g<key>"…"', text))


def write_bundle(file: Path, data_dir: Path, target: Path) -> list[str]:
    """Write the bundle and return the names of its parts; VitrineError where it cannot be written."""
    if target.exists():
        raise VitrineError(f"{target} is there already", hint="Name another file with --output.")
    parts = dict(_parts(file, data_dir))
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in parts.items():
                archive.writestr(name, text)
    except OSError as error:
        raise VitrineError(
            f"{target} cannot be written: {error.strerror}", hint="Name another with --output."
        ) from error
    return list(parts)


def _parts(file: Path, data_dir: Path) -> Iterator[tuple[str, str]]:
    site, problems = inspect_site(file)
    yield "check.json", redacted(as_json([(file, site, problems)]))
    if file.is_file():
        yield "installation.toml", redacted(file.read_text(encoding="utf-8", errors="replace"))
    yield "machine.json", json.dumps(_machine(data_dir), ensure_ascii=False, indent=2, default=str)
    yield "status.json", redacted(_status(site, data_dir))
    yield "journal.txt", redacted(_journal())


def _machine(data_dir: Path) -> dict[str, object]:
    existing = next(place for place in (data_dir, *data_dir.absolute().parents) if place.exists())
    return {
        "vitrine": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": asdict(machine(existing)),
        "clock": asdict(Clock().state()),
        "data": sorted(f"{path.stat().st_size:>12} {path.relative_to(data_dir)}" for path in data_dir.rglob("*"))
        if data_dir.is_dir()
        else [],
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _status(site: Site | None, data_dir: Path) -> str:
    if site is None:
        return "the file cannot be read, so no gateway can be asked"
    installation = site.installation
    try:
        document = ask(data_dir / f"{installation.slug}.{installation.gateway.node}")
    except VitrineError as error:
        return json.dumps({"error": error.message}, ensure_ascii=False)
    return json.dumps(document, ensure_ascii=False, indent=2)


def _journal() -> str:
    program = shutil.which("journalctl")
    if program is None:
        return "this machine has no journal\n"
    command = [program, "--unit=vitrine-gateway", "--no-pager", f"--lines={_LOG_LINES}", "--output=short-iso"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    return done.stdout or done.stderr
