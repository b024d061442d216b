"""Commands: run the application, look after its accounts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.table import Table

from vitrine.command import language
from vitrine.errors import ConfigurationError
from vitrine.i18n import translate
from vitrine.logs import set_up
from vitrine.settings import read_secret, settings
from vitrine_api.accounts import Role
from vitrine_api.passwords import generate_password, hash_password
from vitrine_api.statements import ACCOUNTS
from vitrine_database.connection import connect

api = typer.Typer(help="REST interface and portal.", no_args_is_help=True)
account = typer.Typer(help="Accounts of the platform.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@api.callback()
def _api() -> None:
    """REST interface and portal."""


@api.command()
def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default VITRINE_API_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one; default VITRINE_API_PORT.")
    ] = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM; open transfers have three seconds to end."""
    from vitrine_api.server import serve  # loads the whole application, which the account commands do not need

    known = settings()
    set_up(style=known.log_format, level=known.log_level)
    serve(known, host if host is not None else known.api_host, port if port is not None else known.api_port)


@account.command()
def add(
    login: Annotated[str, typer.Argument(help="Small letters, digits and . _ @ -, up to 64.")],
    role: Annotated[str, typer.Option(help="operator, evaluator or company.")],
    organisation: Annotated[str, typer.Option(help="Slug of the organisation; a company needs one.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password; none: one is made and printed once.")
    ] = None,
) -> None:
    """Add an account."""
    _check_account(login, role, organisation)
    password = read_secret(password_file) or generate_password()
    values = {"login": login, "role": role, "organisation": organisation, "password_hash": hash_password(password)}
    with connect(settings().database_url) as connection:
        if connection.execute(ACCOUNTS["add"], values).fetchone() is None:
            raise ConfigurationError(f"the login “{login}” is taken", hint="vitrine account list")
    words = language()
    console.print(translate("vitrine_api", words, "api.account.added", login=login, role=role), markup=False)
    if password_file is None:
        console.print(translate("vitrine_api", words, "api.account.password", password=password), markup=False)


@account.command("list")
def list_accounts() -> None:
    """List the accounts."""
    with connect(settings().database_url) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(ACCOUNTS["all"]).fetchall()
    table = Table("login", "role", "organisation", "created", box=None)
    for _, login, role, organisation, created_at in rows:
        table.add_row(login, role, organisation, f"{created_at:%Y-%m-%d %H:%M}Z")
    console.print(table)


@account.command()
def remove(login: Annotated[str, typer.Argument(help="The login.")]) -> None:
    """Remove an account; its open sessions end at once."""
    with connect(settings().database_url) as connection:
        if connection.execute(ACCOUNTS["remove"], {"login": login}).fetchone() is None:
            raise ConfigurationError(f"there is no account “{login}”", hint="vitrine account list")
    console.print(translate("vitrine_api", language(), "api.account.removed", login=login), markup=False)


def _check_account(login: str, role: str, organisation: str) -> None:
    if not _LOGIN.fullmatch(login):
        raise ConfigurationError(f"“{login}” is no login", hint="Small letters, digits and . _ @ -, up to 64.")
    if role not in get_args(Role):
        raise ConfigurationError(f"“{role}” is no role", hint=f"One of: {', '.join(get_args(Role))}.")
    if role == "company" and not organisation:
        raise ConfigurationError(
            "an account of the role company needs its organisation", hint="Add --organisation SLUG."
        )
