"""What the commands of this room share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

File = Annotated[Path, typer.Argument(help="Installation file.", metavar="FILE", show_default=False)]


def console() -> Console:
    """Return a console that is wide enough for a table in a file or a pipe."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)
