"""``vitrine gateway run``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vitrine import logs
from vitrine_gateway.commands.terminal import File


def run(
    file: File,
    data_dir: Annotated[Path, typer.Option(help="Folder for the queue.", envvar="VITRINE_GATEWAY_DATA_DIR")] = Path(
        ".vitrine/gateway"
    ),
    log_format: Annotated[str, typer.Option(help="console or json.", envvar="VITRINE_LOG_FORMAT")] = "console",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.", envvar="VITRINE_LOG_LEVEL")] = "info",
) -> None:
    """Read the instruments, keep what they say on disk, and send it until it is acknowledged."""
    from vitrine_gateway.agent import run_agent

    logs.set_up(style=log_format, level=log_level)
    asyncio.run(run_agent(file, data_dir))
