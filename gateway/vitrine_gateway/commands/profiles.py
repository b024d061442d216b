"""``vitrine profiles``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from vitrine.command import language
from vitrine_gateway.commands.terminal import console
from vitrine_gateway.profiles import load


def list_profiles() -> None:
    """List the profiles that come with Vitrine."""
    from vitrine_gateway import profile_report

    console().print(profile_report.overview(language()))


def show_profile(name: Annotated[str, typer.Argument(help="Name of a profile, or path to one.")]) -> None:
    """Show one profile: channels, registers, sources."""
    from vitrine_gateway import profile_report

    profile_report.show(load(name, Path.cwd()), language(), console())


def new_profile(
    name: Annotated[str, typer.Argument(help="Name: maker and model in small letters, digits and hyphens.")],
    folder: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
) -> None:
    """Write a commented profile and its golden case, to be completed; nothing is overwritten."""
    from vitrine_gateway.profile_skeleton import write_skeleton

    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", name):
        raise typer.BadParameter(f"“{name}” cannot be a name: small letters, digits and hyphens, as in maker-model")
    for path in write_skeleton(name, folder):
        console().print(str(path), markup=False)
