"""``vitrine gateway``, ``vitrine check`` and ``vitrine profiles``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from vitrine import logs
from vitrine.command import language
from vitrine_gateway import check_report, profile_report
from vitrine_gateway.profiles import load
from vitrine_gateway.site import inspect_site, load_site

_FILE = typer.Argument(help="Installation file.", metavar="FILE", show_default=False)
File = Annotated[Path, _FILE]

gateway = typer.Typer(help="The agent that reads instruments.", no_args_is_help=True, pretty_exceptions_enable=False)
check = typer.Typer(help="Check installation files.", pretty_exceptions_enable=False)
profiles = typer.Typer(help="Device profiles.", no_args_is_help=True, pretty_exceptions_enable=False)


@gateway.command("run")
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
    asyncio.run(run_agent(load_site(file), data_dir))


@gateway.command("read")
def read(
    file: File,
    once: Annotated[bool, typer.Option("--once", help="Read everything once, then end.")] = False,
) -> None:
    """Show a live table of values, units, quality and age."""
    from vitrine_gateway.instruments import Instruments
    from vitrine_gateway.live_table import LiveTable

    logs.set_up(level="error")
    site = load_site(file)
    table = LiveTable(site, language())

    async def read_once() -> None:
        instruments = Instruments(site, table.take, role=f"read-{os.getpid()}")
        await instruments.once()
        _console().print(table.draw())

    async def follow() -> None:
        instruments = Instruments(site, table.take, role=f"read-{os.getpid()}")
        with Live(get_renderable=table.draw, refresh_per_second=2, screen=Console().is_terminal):
            await instruments.run()

    asyncio.run(read_once() if once else follow())


@check.command()
def check_files(
    files: Annotated[list[Path], _FILE],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Tell every mistake of installation files, with file, line, key, reason and what is allowed."""
    found = [(file, *inspect_site(file)) for file in files]
    if as_json:
        print(check_report.as_json(found))  # noqa: T201
    else:
        check_report.show(found, language(), _console())
    if any(problems for _, _, problems in found):
        raise typer.Exit(1)


@profiles.command("list")
def list_profiles() -> None:
    """List the profiles that come with Vitrine."""
    _console().print(profile_report.overview(language()))


@profiles.command("show")
def show_profile(name: Annotated[str, typer.Argument(help="Name of a profile, or path to one.")]) -> None:
    """Show one profile: channels, registers, sources."""
    profile_report.show(load(name, Path.cwd()), language(), _console())


def _console() -> Console:
    """Return a console that is wide enough for a table in a file or a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)
