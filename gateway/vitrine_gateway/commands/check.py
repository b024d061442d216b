"""``vitrine check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrine import logs
from vitrine.command import language
from vitrine_gateway.commands.terminal import console
from vitrine_gateway.site import Site, inspect_site

_FILES = typer.Argument(help="Installation file.", metavar="FILE", show_default=False)


def check_files(
    files: Annotated[list[Path], _FILES],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    try_all: Annotated[
        bool, typer.Option("--probe", help="Try lines, instruments, broker, folder and clock too, as a start would.")
    ] = False,
    data_dir: Annotated[Path, typer.Option(help="Folder for the queue.", envvar="VITRINE_GATEWAY_DATA_DIR")] = Path(
        ".vitrine/gateway"
    ),
) -> None:
    """Tell every mistake of installation files, with file, line, key, reason and what is allowed."""
    from vitrine_gateway import check_report

    found = [(file, *inspect_site(file)) for file in files]
    if as_json:
        print(check_report.as_json(found))  # noqa: T201
    else:
        check_report.show(found, language(), console())
    sound = not any(problems for _, _, problems in found)
    if try_all:
        tried = [_probe(site, data_dir) for _, site, problems in found if site and not problems]
        sound = sound and all(tried)
    if not sound:
        raise typer.Exit(1)


def _probe(site: Site, data_dir: Path) -> bool:
    """Try a site, print each finding as it comes, and return whether all is well."""
    from vitrine_gateway.check_report import finding_line
    from vitrine_gateway.probe import probe

    logs.set_up(level="critical")
    well = True
    for finding in probe(site, data_dir):
        console().print(finding_line(finding, language()), style="red" if finding.fault else "green", markup=False)
        well = well and not finding.fault
    return well
