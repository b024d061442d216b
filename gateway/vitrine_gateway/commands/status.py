"""``vitrine gateway status``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vitrine.command import language
from vitrine_gateway.commands.terminal import File, console
from vitrine_gateway.site import load_site


def status(
    file: File,
    data_dir: Annotated[Path, typer.Option(help="Folder for the queue.", envvar="VITRINE_GATEWAY_DATA_DIR")] = Path(
        ".vitrine/gateway"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Ask the gateway that runs this file on this machine how it is; exit code 1 where a device fails."""
    from vitrine_gateway import status_report
    from vitrine_gateway.health.visitor import ask

    installation = load_site(file).installation
    document = ask(data_dir / f"{installation.slug}.{installation.gateway.node}")
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))  # noqa: T201
    else:
        status_report.show(document, language(), console())
    if any(device["failure"] for device in document["devices"]):
        raise typer.Exit(1)
