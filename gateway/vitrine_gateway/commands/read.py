"""``vitrine gateway read``."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from vitrine import logs
from vitrine.command import language
from vitrine_gateway.commands.terminal import File, console
from vitrine_gateway.site import load_site


def read(
    file: File,
    once: Annotated[bool, typer.Option("--once", help="Read everything once, then end.")] = False,
) -> None:
    """Show a live table of values, units, quality and age."""
    from rich.console import Console
    from rich.live import Live

    from vitrine_gateway.instruments import Instruments
    from vitrine_gateway.live_table import LiveTable

    logs.set_up(level="error")
    site = load_site(file)
    table = LiveTable(site, language())

    async def read_once() -> None:
        instruments = Instruments(site, table.take, role=f"read-{os.getpid()}")
        await instruments.once()
        console().print(table.draw())

    async def follow() -> None:
        instruments = Instruments(site, table.take, role=f"read-{os.getpid()}")
        with Live(get_renderable=table.draw, refresh_per_second=2, screen=Console().is_terminal):
            await instruments.run()

    asyncio.run(read_once() if once else follow())
