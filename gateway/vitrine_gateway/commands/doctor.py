"""``vitrine gateway doctor``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from vitrine.command import language
from vitrine.i18n import translate
from vitrine_gateway.commands.terminal import File, console


def doctor(
    file: File,
    output: Annotated[Path | None, typer.Option(help="File to write; vitrine-doctor-TIME.zip where left out.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Folder for the queue.", envvar="VITRINE_GATEWAY_DATA_DIR")] = Path(
        ".vitrine/gateway"
    ),
) -> None:
    """Write a file for those who help: findings, state, machine, log; without names of accounts and without secrets."""
    from vitrine_gateway.bundle import write_bundle

    target = output or Path(time.strftime("vitrine-doctor-%Y%m%dT%H%M%SZ.zip", time.gmtime()))
    parts = write_bundle(file, data_dir, target)
    said = translate("vitrine_gateway", language(), "doctor.done", file=target, parts=", ".join(parts))
    console().print(said, style="green", markup=False)
