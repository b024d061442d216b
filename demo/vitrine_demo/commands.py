"""``vitrine demo``: everything on this machine, with simulated installations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrine import logs
from vitrine_database.embedded import EmbeddedServer
from vitrine_demo.demonstration import Demonstration
from vitrine_demo.folder import Folder
from vitrine_demo.ports import Ports
from vitrine_demo.terminal import Terminal

demo = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@demo.command(help="Run everything on this machine, with simulated installations, until Ctrl-C.")
def run(
    everything: Annotated[
        bool, typer.Option("--all", help="Start every example installation, not two of them.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget the data of an earlier demo and begin anew.")] = False,
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(".vitrine/demo"),
    port: Annotated[int, typer.Option(min=1, max=65000, help="Port of the portal; the others follow it.")] = 8400,
) -> None:
    """Start, show the address, and stop everything in order on Ctrl-C."""
    logs.set_up(level="warning")
    terminal, folder, ports = Terminal(), Folder(data_dir), Ports(port)
    folder.open()
    try:
        orphans = folder.end_orphans()
        if reset:
            _forget(folder)
        ports.check_portal()
        terminal.say("start.title", style="bold", folder=folder.path)
        if orphans:
            terminal.say("start.orphans", style="yellow", count=orphans)
        if folder.database.exists():
            terminal.say("start.again", style="dim")
        Demonstration(folder, ports, terminal, everything).run()
    finally:
        folder.close()


def _forget(folder: Folder) -> None:
    """Empty the folder; a database that a killed demo left running is stopped first."""
    if (folder.database / "data" / "postmaster.pid").exists():
        server = EmbeddedServer(folder.database)
        server.start()
        server.stop()
    folder.reset()
