"""``vitrine gateway run``."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

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
    _check(log_format, log_level)
    sys.stdout.flush()
    sys.stderr.flush()
    # the same process, number and files included, without what only the command line needed
    words = (str(file), str(data_dir), log_format, log_level)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "vitrine_gateway.process", *words])  # noqa: S606  # itself


def _check(log_format: str, log_level: str) -> None:
    if log_format not in ("console", "json"):
        raise typer.BadParameter(f"“{log_format}”: console or json", param_hint="--log-format")
    if log_level.upper() not in logging.getLevelNamesMapping():
        raise typer.BadParameter(f"“{log_level}”: debug, info, warning or error", param_hint="--log-level")
