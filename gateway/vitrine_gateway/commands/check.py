"""``vitrine check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrine.command import language
from vitrine_gateway.commands.terminal import console
from vitrine_gateway.site import inspect_site

_FILES = typer.Argument(help="Installation file.", metavar="FILE", show_default=False)


def check_files(
    files: Annotated[list[Path], _FILES],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Tell every mistake of installation files, with file, line, key, reason and what is allowed."""
    from vitrine_gateway import check_report

    found = [(file, *inspect_site(file)) for file in files]
    if as_json:
        print(check_report.as_json(found))  # noqa: T201
    else:
        check_report.show(found, language(), console())
    if any(problems for _, _, problems in found):
        raise typer.Exit(1)
