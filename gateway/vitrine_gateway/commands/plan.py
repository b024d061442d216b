"""``vitrine gateway plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrine.command import language
from vitrine_gateway.commands.terminal import File, console
from vitrine_gateway.site import load_site


def plan(
    file: File, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False
) -> None:
    """Show the requests, their bytes and time on the wire, and whether each line keeps up; exit code 1 where not."""
    from vitrine_gateway import plan_report
    from vitrine_gateway.modbus.load import loads

    found = loads(load_site(file))
    if as_json:
        print(plan_report.as_json(found))  # noqa: T201
    else:
        plan_report.show(found, language(), console())
    if not all(line.keeps_up for line in found):
        raise typer.Exit(1)
