"""``vitrine gateway install``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from vitrine.errors import ConfigurationError
from vitrine_gateway.commands.terminal import File, console
from vitrine_gateway.site import load_site
from vitrine_gateway.unit import UNIT, Unit


def install(
    file: File,
    data_dir: Annotated[Path, typer.Option(help="Folder for the queue.")] = Path("/var/lib/vitrine"),
    user: Annotated[str, typer.Option(help="Account that runs the gateway; made where it is missing.")] = "vitrine",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the unit and the commands, and do nothing.")
    ] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Stop it and remove the unit; data stay.")] = False,
) -> None:
    """Start the gateway with this machine from now on: a systemd unit with watchdog, hardening and restart."""
    load_site(file)
    unit = Unit(file=file.absolute(), program=_program(), data_dir=data_dir, user=user)
    commands = _removal() if uninstall else _installation(unit)
    if dry_run:
        console().print("" if uninstall else unit.text(), markup=False)
        for command in commands:
            console().print(f"# {' '.join(command)}", markup=False)
        return
    _check_machine()
    if not uninstall:
        UNIT.write_text(unit.text(), encoding="utf-8")
    for command in commands:
        console().print(f"· {' '.join(command)}", markup=False)
        _run(command)
    if uninstall:
        UNIT.unlink(missing_ok=True)
        _run(["systemctl", "daemon-reload"])


def _program() -> Path:
    beside = Path(sys.executable).with_name("vitrine")
    return beside if beside.exists() else Path(shutil.which("vitrine") or Unit().program)


def _installation(unit: Unit) -> list[list[str]]:
    account = subprocess.run(["id", "--user", unit.user], capture_output=True, check=False).returncode == 0
    home = ["--home-dir", str(unit.data_dir), "--create-home", "--shell", "/usr/sbin/nologin"]
    return [
        *([] if account else [["useradd", "--system", *home, unit.user]]),
        ["install", "-d", "-o", unit.user, "-g", unit.user, "-m", "750", str(unit.data_dir)],
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "--now", UNIT.name],
    ]


def _removal() -> list[list[str]]:
    return [["systemctl", "disable", "--now", UNIT.name]]


def _check_machine() -> None:
    if shutil.which("systemctl") is None:
        raise ConfigurationError(
            "this machine has no systemd",
            hint="Let this machine's own manager start “vitrine gateway run”; --dry-run shows what is needed.",
        )
    if os.geteuid() != 0:
        raise ConfigurationError(
            "installing a service is for the administrator", hint="Run it with sudo, or look at --dry-run first."
        )


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(
            f"“{' '.join(command)}” failed: {done.stderr.strip() or done.returncode}",
            hint="What was done before it stays; mend this and run the command again.",
        )
