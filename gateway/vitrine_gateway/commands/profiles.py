"""``vitrine profiles``."""

from __future__ import annotations

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
