"""``vitrine gateway``, ``vitrine check`` and ``vitrine profiles``; each module beside this one holds one command."""

from __future__ import annotations

import typer

from vitrine_gateway.commands import check as _check
from vitrine_gateway.commands import doctor as _doctor
from vitrine_gateway.commands import install as _install
from vitrine_gateway.commands import plan as _plan
from vitrine_gateway.commands import profiles as _profiles
from vitrine_gateway.commands import read as _read
from vitrine_gateway.commands import run as _run
from vitrine_gateway.commands import scan as _scan
from vitrine_gateway.commands import status as _status

gateway = typer.Typer(help="The agent that reads instruments.", no_args_is_help=True, pretty_exceptions_enable=False)
check = typer.Typer(help="Check installation files.", pretty_exceptions_enable=False)
profiles = typer.Typer(help="Device profiles.", no_args_is_help=True, pretty_exceptions_enable=False)

gateway.command("run")(_run.run)
gateway.command("read")(_read.read)
gateway.command("plan")(_plan.plan)
gateway.command("scan")(_scan.scan)
gateway.command("status")(_status.status)
gateway.command("doctor")(_doctor.doctor)
gateway.command("install")(_install.install)
check.command()(_check.check_files)
profiles.command("list")(_profiles.list_profiles)
profiles.command("show")(_profiles.show_profile)
profiles.command("new")(_profiles.new_profile)
