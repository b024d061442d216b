"""The ``vitrine`` command: its sub-commands are brought by the rooms and loaded only when they are called."""

from __future__ import annotations

import os
import sys
from importlib.metadata import EntryPoint, entry_points

import typer

from vitrine import __version__
from vitrine.errors import VitrineError
from vitrine.i18n import Language, of_environment, translate

GROUP = "vitrine.commands"
#: Extra that brings the packages of a sub-command; `server` where none is named.
EXTRAS = {
    "gateway": "gateway",
    "check": "gateway",
    "profiles": "gateway",
    "simulate": "gateway",
    "dashboards": "dashboards",
    "demo": "demo",
    "challenge": "demo",
}


def main() -> None:
    """Run the command; an error is told in words, never as a stack trace."""
    try:
        run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except VitrineError as error:
        tell(error)
        sys.exit(1)


def run(arguments: list[str]) -> None:
    """Run one sub-command, or print what there is."""
    rooms = {point.name: point for point in entry_points(group=GROUP)}
    name = arguments[0] if arguments else "--help"
    if name == "--version":
        print(f"vitrine {__version__}")  # noqa: T201
    elif name in ("--help", "-h"):
        _overview(rooms)
    elif name in rooms:
        _load(rooms[name])(args=arguments[1:], prog_name=f"vitrine {name}")
    else:
        _overview(rooms)
        from rich.console import Console

        Console(stderr=True).print(f"“{name}” is no command of vitrine", style="bold red", markup=False)
        sys.exit(2)


def language() -> Language:
    """Return the language of this terminal, from LC_ALL or LANG."""
    return of_environment(os.environ.get("LC_ALL") or os.environ.get("LANG", ""))


def tell(error: VitrineError) -> None:
    """Print an error, its single mistakes and what to do, on standard error."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(error.message, style="bold red", markup=False)
    for problem in error.problems:
        console.print(f"  {problem}", markup=False)
    if error.hint:
        console.print(error.hint, style="dim", markup=False)


def _load(point: EntryPoint) -> typer.Typer:
    try:
        app: typer.Typer = point.load()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("vitrine"):
            raise
        raise VitrineError(
            f"“vitrine {point.name}” needs the package {error.name}, which is not installed here",
            hint=f"Install it with: pip install 'vitrine[{EXTRAS.get(point.name, 'server')}]'",
        ) from error
    return app


def _overview(rooms: dict[str, EntryPoint]) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    words = language()
    console.print(translate("vitrine", words, "command.title"), style="bold")
    console.print("\n  vitrine COMMAND --help\n", markup=False)
    for name in sorted(rooms):
        console.print(f"  {name:<12} {translate('vitrine', words, f'command.{name}')}", markup=False)
